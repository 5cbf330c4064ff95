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
"""One process at a time does what all would do; the others wait until it is done.

The system ends a lock with the process that holds it, however that ends, so a file that a killed process left
behind blocks nobody.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_LOG = logging.getLogger("dynquant")


@contextmanager
def held(path: Path, work: str) -> Iterator[None]:
    """Hold the lock `path`, a file that is there while it is held; wait for the process that holds it, and say so.

    Nobody waits where the file system knows no locks.

    Args:
        work: what is done meanwhile, for the message.
    """
    lock = _take(path, work)
    try:
        yield
    finally:
        if lock is not None:
            path.unlink(missing_ok=True)  # first: whoever takes the lock next finds another file, or none
            os.close(lock)


def _take(path: Path, work: str) -> int | None:
    """The open file that is locked; None where that cannot be."""
    while True:
        try:
            lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)  # another user who could open it could lock it
        except OSError:
            return None
        try:
            _wait(lock, work)
        except OSError:
            os.close(lock)
            return None
        if _leads_to(path, lock):
            break
        os.close(lock)  # of the process before, which has deleted it
    with suppress(OSError):  # for a message alone: on a full disk the lock holds without it
        os.ftruncate(lock, 0)
        os.write(lock, str(os.getpid()).encode())
    return lock


def _wait(lock: int, work: str) -> None:
    import fcntl  # not on Windows, where the rest of the engine can be imported and nothing is compiled

    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        _LOG.info("process %s is %s: waiting for it ...", os.pread(lock, 20, 0).decode() or "?", work)
        fcntl.flock(lock, fcntl.LOCK_EX)


def _leads_to(path: Path, lock: int) -> bool:
    try:
        return os.path.samestat(os.fstat(lock), path.stat())
    except FileNotFoundError:
        return False
