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
"""The step of uniform codes with the least squared error.

    error(s) = sum of h (x - s' clip(floor(x / s' + 0.5), low, high))^2,   s' = s times each grid's factor

over candidates that lie evenly on a logarithmic scale, then over finer ones around the best of them. All
rows of a tensor (its output channels) are searched at once. Where several widths share the step, their
errors are added.
Source: the criterion is common, e.g. Nagel et al., "A White Paper on Neural Network Quantization", 2021,
arXiv 2106.08295, section 3.1; the candidates are our choice. NumPy only.
"""

from dataclasses import dataclass

import numpy as np

_COARSE, _FINE = 48, 12  # candidates of the two rounds
_SHARE = 1 / 32  # smallest candidate, as a share of the step whose top code is the largest value


@dataclass(frozen=True)
class Grid:
    """Codes low..high with a scale of `factor` times the step."""

    factor: float
    low: int
    high: int


def best_steps(rows: np.ndarray, grids: list[Grid], importance: np.ndarray | None = None) -> np.ndarray:
    """The best step of each row, float64 (R,).

    Args:
        rows: (R, n); of a row of zeros the step makes 1.0 the top code of the first grid.
        grids: of the widths that share the step.
        importance: h >= 0, (R, n) or (n,); None: all ones.
    """
    exponents = np.frexp(np.abs(rows).max(1))[1]
    # To 0.5 .. 1, exactly: in float32 the square of 1e-25 is 0.
    rows = np.ldexp(rows.astype(np.float32), -exponents[:, None])
    widest = _widest(rows, grids)
    candidates = widest * np.geomspace(_SHARE, 1.0, _COARSE)[:, None]
    best = _least(rows, candidates, grids, importance)
    ratio = _SHARE ** (1 / (_COARSE - 1))
    candidates = best * np.geomspace(ratio, 1 / ratio, _FINE)[:, None]
    steps = np.where(rows.any(1), _least(rows, candidates, grids, importance), widest)
    return np.ldexp(steps, exponents)


def _widest(rows: np.ndarray, grids: list[Grid]) -> np.ndarray:
    """The step, (R,), at which no grid clips a value of a row."""
    top, bottom = rows.max(1).astype(np.float64), rows.min(1).astype(np.float64)
    widest = np.zeros(len(rows))
    for grid in grids:
        reach = np.maximum(top, 0) / grid.high
        if grid.low < 0:
            reach = np.maximum(reach, bottom / grid.low)
        widest = np.maximum(widest, reach / grid.factor)
    first = grids[0]
    return np.where(widest > 0, widest, 1.0 / (first.high * first.factor))


def _least(rows, candidates, grids, importance) -> np.ndarray:
    errors = np.array([_error(rows, steps, grids, importance) for steps in candidates])
    return candidates[errors.argmin(0), np.arange(len(rows))]


def _error(rows, steps, grids, importance) -> np.ndarray:
    """(R,) float64."""
    total = np.zeros(len(rows))
    for grid in grids:
        scale = (steps * grid.factor).astype(np.float32)[:, None]
        off = np.floor(rows / scale + np.float32(0.5))
        np.clip(off, grid.low, grid.high, out=off)
        off *= scale
        off -= rows
        off *= off
        if importance is not None:
            off *= importance
        total += off.sum(1, dtype=np.float64)
    return total
