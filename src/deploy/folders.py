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
"""Folders that are written whole or not at all."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from src.errors import UserError


@contextmanager
def written_whole(folder: Path, is_ours: Callable[[Path], bool]) -> Iterator[Path]:
    """Yields a new folder beside `folder`, which takes its place when the block ends well.

    Args:
        is_ours: whether an existing folder, not empty, may be replaced.

    Raises:
        UserError: it may not, or the disk is full, or no such folder can be made.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file; name a folder")
    if folder.exists() and any(folder.iterdir()) and not is_ours(folder):
        raise UserError(f"{folder} holds other files; name another folder")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".unfinished-") as scratch:
            new, old = Path(scratch, "new"), Path(scratch, "old")
            new.mkdir()
            yield new
            if folder.exists():
                folder.replace(old)
            new.replace(folder)
            shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise UserError(f"{folder} could not be written: {error}") from error
