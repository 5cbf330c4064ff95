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
"""First vectors of levels: where a quantiser with learned levels begins, or stays.

    uniform        scale x integers: -2^(b-1) .. 2^(b-1)-1 of signed values, 0 .. 2^b-1 of others
    power of two   scale x {0, 2^0, 2^-1, 2^-2 ...}, and their negatives of signed values
    k-means        centroids of the values themselves

Levels that learn begin at LSQ's uniform ones (Esser et al., 2020, section 2.2); those that stay as they
are have the scale with the least squared error, since nothing corrects it later. Of signed powers of
two there is one more below zero than above, as of integers.
Source: Zhang et al., "Differentiable Dynamic Quantization", ICML 2021, names uniform and power-of-two
levels as special cases of its own; how levels begin is our choice. NumPy only.
"""

import numpy as np

from src.quantizers.sampling import spread

LEARNED, UNIFORM, POWER_OF_TWO = "learned", "uniform", "power_of_two"
KMEANS = "kmeans"

_SAMPLE = 1 << 15  # values that a start looks at
_ROUNDS = 30  # of k-means; one dimension settles sooner
_SCALES = 80  # candidates of a scale


def first_levels(x: np.ndarray, bits: int, signed: bool, mode: str, start: str) -> np.ndarray:
    """2^bits rising levels, float32, for the values of x.

    Args:
        x: weights, or a batch of a layer's inputs.
        bits: width, 1..8.
        signed: levels may be negative.
        mode: LEARNED, UNIFORM or POWER_OF_TWO.
        start: of learned levels: UNIFORM or KMEANS.
    """
    sample = np.sort(spread(x, _SAMPLE).astype(np.float64))
    unit = powers_of_two(bits, signed) if mode == POWER_OF_TWO else integers(bits, signed)
    if not np.abs(sample).max() > 0:  # nothing to learn from: 1.0 is the largest level
        return (unit / unit.max() if unit.max() > 0 else unit).astype(np.float32)
    if mode != LEARNED:
        return (unit * best_scale(sample, unit)).astype(np.float32)
    levels = unit * _lsq_step(sample, unit)
    if start == KMEANS:
        distinct = np.unique(sample)  # after a ReLU half of the values are the same
        levels = centroids(sample, np.quantile(distinct, (np.arange(len(unit)) + 0.5) / len(unit)))
    return levels.astype(np.float32)


def integers(bits: int, signed: bool) -> np.ndarray:
    """Uniform levels of a scale of one, float64."""
    return np.arange(2**bits, dtype=np.float64) - (2 ** (bits - 1) if signed else 0)


def powers_of_two(bits: int, signed: bool) -> np.ndarray:
    """Zero and powers of two down from one, 2^bits in all, float64."""
    if not signed:
        return np.sort([0.0, *(2.0**-k for k in range(2**bits - 1))])
    half = 2 ** (bits - 1)
    above = [2.0**-k for k in range(half - 1)]
    return np.sort([0.0, *above, *(-(2.0**-k) for k in range(half))])


def nearest(x: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Index of the level nearest to each value, the upper one at a midpoint; `levels` rise."""
    return np.searchsorted((levels[1:] + levels[:-1]) / 2, x, side="right")


def best_scale(x: np.ndarray, unit: np.ndarray) -> float:
    """The scale of `unit` with the least squared error on x, of candidates up to the largest value."""
    widest = np.abs(x).max() / max(np.abs(unit).max(), 1e-12)
    scales = widest * np.arange(1, _SCALES + 1) / _SCALES
    errors = [np.square((s * unit)[nearest(x, s * unit)] - x).sum() for s in scales]
    return float(scales[int(np.argmin(errors))])


def centroids(x: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Lloyd's algorithm on values; a level that holds none stays where it is."""
    levels = np.array(levels, np.float64)
    for _ in range(_ROUNDS):
        index = nearest(x, levels)
        count = np.bincount(index, minlength=len(levels))
        total = np.bincount(index, x, len(levels))
        levels = np.sort(np.where(count > 0, total / np.maximum(count, 1), levels))
    return levels


def _lsq_step(x: np.ndarray, unit: np.ndarray) -> float:
    return 2 * float(np.abs(x).mean()) / max(unit.max(), 1.0) ** 0.5
