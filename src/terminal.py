# Copyright 2026 The Dynamic Quantization for MindSpore Authors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
"""Messages on the terminal, above a progress bar if there is one."""

import logging
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO

from tqdm import tqdm


class TerminalHandler(logging.Handler):
    """Writes messages, from INFO up, to the stream that `stream()` gives at that moment."""

    def __init__(self, stream: Callable[[], TextIO]):
        super().__init__(logging.INFO)
        self.stream = stream

    def emit(self, record: logging.LogRecord) -> None:
        """One line; a bar is taken away for it and drawn again below.

        A terminal that is gone or a disk that is full is no reason to end the work.
        """
        with suppress(OSError, ValueError):
            stream = self.stream()
            tqdm.write(self.format(record), file=stream)
            stream.flush()
