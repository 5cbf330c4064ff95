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
"""Files that are written whole or not at all, and files that this user may read."""

import errno
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from src.errors import UserError

NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS}


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yields a new file beside `path`, of the same suffix, which takes its place when the block ends
    well. Until then, and after a failure, an older file stays as it was.

    The file gets the rights of any new file, whatever the block gave it (MindSpore lets even the
    owner only read what it writes). Of a link it is the file that is replaced, not the link.

    Raises:
        UserError: no such file can be made, or the disk is full.
    """
    target = path.resolve()
    # Of this call alone: two that write the same file must not write into each other's.
    partial = target.with_name(f".unfinished-{secrets.token_hex(4)}-{target.name[-40:]}")
    is_written = False
    try:
        if target.exists() and not target.is_file():  # nobody wants /dev/null to be replaced
            raise UserError(f"{path} could not be written: it is no file, and not to be replaced by one")
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.touch()
        rights = partial.stat().st_mode
        is_written = True
        yield partial
        is_written = False
        partial.chmod(rights)
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(target)
    except UserError as error:  # whoever reads it knows the file by its own name
        raise UserError(str(error).replace(str(partial), str(path))) from error
    except OSError as error:
        if is_written and error.errno not in NO_ROOM:  # not of the file, but of how it is made
            raise
        raise UserError(
            f"{path} could not be written: {error.strerror or error}; free space or name another place"
        ) from error
    finally:
        with suppress(OSError):
            partial.unlink()


def check_writable(folder: Path) -> None:
    """Before work that ends in a file of a folder, which is made if need be. UserError: it would be lost."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
            file.write(b"\0")
    except OSError as error:
        raise UserError(
            f"{folder} cannot be written: {error.strerror or error}; free space or name another place"
        ) from error


def check_readable(path: Path) -> None:
    """UserError where the rights of a file, not its content, keep this user from reading it."""
    try:
        path.open("rb").close()
    except PermissionError as error:
        raise UserError(
            f"{path} may not be read by this user; ask its owner for the right to (chmod a+r)"
        ) from error
