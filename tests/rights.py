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
"""Files that this user may not read, also where tests run as root, who may read everything."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NOBODY = 65534


@contextmanager
def unreadable(path: Path) -> Iterator[None]:
    """No right to read `path`, but to look at it; root becomes nobody meanwhile."""
    is_root = os.geteuid() == 0
    closed = [folder for folder in path.parents if folder.stat().st_mode & 0o011 != 0o011]
    before = {entry: entry.stat().st_mode for entry in [path, *(closed if is_root else [])]}
    for entry, mode in before.items():
        entry.chmod(0o000 if entry == path else mode | 0o011)
    if is_root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)
        for entry, mode in before.items():
            entry.chmod(mode)
