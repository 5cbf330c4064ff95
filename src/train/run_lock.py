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
"""One process trains in a run folder at a time."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import IO

from src.errors import UserError


def claim(folder: Path) -> IO | None:
    """Lock a run folder until the file that is returned is closed, or the process ends, however.

    Returns:
        the open lock file, or None where the file system knows no locks.

    Raises:
        UserError: another process has the folder, or it cannot be written.
    """
    try:
        file = (folder / ".lock").open("a+")
    except OSError as error:
        raise UserError(f"run.dir={folder} cannot be written: {error.strerror or error}") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        holder = file.read().strip() or "unknown"
        file.close()
        raise UserError(
            f"run.dir={folder} is in use by another training process (process {holder}); wait for "
            "it to end, or choose another run.dir"
        ) from None
    except OSError:
        file.close()
        return None
    # The number is for a message alone: on a full disk the lock holds without it.
    with suppress(OSError):
        os.ftruncate(file.fileno(), 0)
        os.write(file.fileno(), str(os.getpid()).encode())
    return file
