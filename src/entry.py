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
"""How every entry script ends: a user error is one line and exit code 2, never a traceback."""

import io
import signal
import sys
from collections.abc import Callable

from src.errors import UserError
from src.printable import printable


def guarded(main: Callable[[list[str]], int], arguments: list[str]) -> int:
    """Run `main`; returns the exit code (2 on bad input, 130 on Ctrl-C)."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that is not UTF-8
    # MindSpore turns Ctrl-C into SIGTERM while graphs run.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return main(arguments)
    except UserError as error:
        print(as_error(error), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted (a training run continues with train.py --resume RUN)", file=sys.stderr)
        return 130
    except OSError as error:
        print(as_error(f"{error.strerror or error}: {error.filename or ''}"), file=sys.stderr)
        return 2


def as_error(what: object) -> str:
    """One line, whatever names and foreign messages it quotes."""
    return "error: " + printable(" ".join(str(what).splitlines()))
