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
"""What this user may not read, or not write, also where tests run as root, who may do everything."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NOBODY = 65534


@contextmanager
def unreadable(path: Path) -> Iterator[None]:
    """No right to read `path`, but to look at it; root becomes nobody meanwhile."""
    with _as_nobody({path: 0o000}):
        yield


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """No right to change anything in and below `folder`, but to read it; root becomes nobody meanwhile."""
    inside = [folder, *folder.rglob("*")]
    with _as_nobody({entry: 0o555 if entry.is_dir() else 0o444 for entry in inside}):
        yield


@contextmanager
def _as_nobody(rights: dict[Path, int]) -> Iterator[None]:
    """With other rights to some entries, the first of which lies above the others."""
    is_root, top = os.geteuid() == 0, next(iter(rights))
    closed = [folder for folder in top.parents if folder.stat().st_mode & 0o011 != 0o011] if is_root else []
    before = {entry: entry.stat().st_mode for entry in [*rights, *closed]}
    for entry in reversed(before):
        entry.chmod(rights.get(entry, before[entry] | 0o011))
    if is_root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)
        for entry, mode in before.items():
            entry.chmod(mode)
