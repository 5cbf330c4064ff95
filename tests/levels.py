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
"""Values and gradients of levels by DDQ's formula, with its matrices, in float64."""

import numpy as np


def kronecker(gates: np.ndarray, slope: int | None = None) -> np.ndarray:
    """Z U of gates, or its derivative by gate number `slope`."""
    product = np.ones((1, 1))
    for i, g in enumerate(gates):
        block = np.eye(2) * g + np.full((2, 2), 0.5) * (1 - g)
        if i == slope:
            block = np.eye(2) - np.full((2, 2), 0.5)
        product = np.kron(product, block)
    return product


def one_hot(x: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """(size, L): the nearest level of each value, of equal ones the last not above it, else the first."""
    count = (x.reshape(-1, 1) >= (levels[1:] + levels[:-1]) / 2).sum(1)
    return np.eye(len(levels))[count]


def interpolated_sums(x: np.ndarray, levels: np.ndarray, values: np.ndarray, up: np.ndarray) -> np.ndarray:
    """dL/dlevel, interpolated."""
    above = np.searchsorted(levels, x, side="right")
    inside = (above > 0) & (above < len(levels))
    upper = np.clip(above, 1, len(levels) - 1)
    gap = np.where(inside, levels[upper] - levels[upper - 1], 1)
    slope = np.where(inside, up * (values - x) / gap, 0)
    found = np.bincount(upper, slope, len(levels)) - np.bincount(upper - 1, slope, len(levels))
    found[0] += up[above == 0].sum()
    found[-1] += up[above == len(levels)].sum()
    return found


def by_the_formula(x, q, gates, up, factor, pull, interpolated=False):
    """(values, dx, dq, dg): gates 0 or 1, all of them, already in order; q rises."""
    levels = kronecker(gates) @ q
    hot, x, up = one_hot(x, levels), x.reshape(-1).astype(np.float64), up.reshape(-1)
    values = hot @ levels
    d_levels = interpolated_sums(x, levels, values, up) if interpolated else hot.T @ up
    d_q = kronecker(gates).T @ (factor * d_levels + pull * hot.T @ (values - x))
    d_ordered = np.array([d_levels @ kronecker(gates, i) @ q for i in range(len(gates))])
    inside = (x >= levels[0]) & (x <= levels[-1])
    return values, up * inside, d_q, d_ordered


def of_gates(d_ordered: np.ndarray, gates: np.ndarray, least: int) -> np.ndarray:
    """The gradient of gates from that of gates in order: the last open and the first closed one's."""
    open_ones = int(np.cumprod(gates).sum())
    edge = np.isin(np.arange(len(gates)), (open_ones - 1, open_ones))
    return (d_ordered * edge)[least:]
