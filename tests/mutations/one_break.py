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
"""What a break is.

It replaces the one place of a file that reads `old` by `new`; one of the `tests` (files, or tests of one)
must then fail.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Break:
    """Attributes:
    file: below the project's root.
    old, new: within one line; `old` stands once in the file.
    tests: what pytest is given.
    """

    file: str
    old: str
    new: str
    tests: tuple[str, ...]


def breaks_of(file: str, tests: str, *pairs: tuple[str, str]) -> list[Break]:
    """Breaks of one file, all of them seen by the same tests (names with spaces between)."""
    return [Break(file, old, new, tuple(tests.split())) for old, new in pairs]
