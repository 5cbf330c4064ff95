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
"""Records that differ in their seed alone, as their names say: `NAME`, `NAME_seed2`, `NAME_seed3`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from statistics import fmean, stdev

SEED = re.compile(r"_seed\d+$")


def stem(row: dict) -> str:
    """The record's name without its seed; `row` is one of `records.rows`."""
    return SEED.sub("", row["record"])


def by_seed(rows: Iterable[dict]) -> list[list[dict]]:
    """The records of each stem, in the order of the rows."""
    found: dict[str, list[dict]] = {}
    for row in rows:
        found.setdefault(stem(row), []).append(row)
    return list(found.values())


def mean_and_deviation(values: Sequence[float], factor: float, digits: int) -> str:
    """`91.55 ± 0.08`: mean and standard deviation (of the sample, by n - 1) of two values or more."""
    return f"{factor * fmean(values):.{digits}f} ± {factor * stdev(values):.{digits}f}"
