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
"""Batch normalisation as a factor and an offset, y = factor x + offset, by row of statistics and by
the choices that its statistics depend on."""

import math

import numpy as np

from src.errors import UserError
from src.layers.norm import EPSILON, BatchNorm


def rows_of(norm: BatchNorm) -> int:
    """Rows of statistics that a normalisation has, those of a layer's choice apart."""
    return norm.moving_mean.shape[0] if norm.moving_mean.ndim == 2 and not norm.by_choice else 1


def fold(norm: BatchNorm, columns: int, first_row_only: bool) -> tuple[np.ndarray, np.ndarray]:
    """(factor, offset), float64, of a shape that broadcasts to (R, V, A, C): by row of statistics, choice
    of weights, choice of inputs, channel.

    Args:
        columns: of the plan, where the statistics depend on a choice.
        first_row_only: no choice concerns the layer, which then always uses the first row.
    """
    mean, variance, gamma, beta = (
        p.asnumpy().astype(np.float64)
        for p in (norm.moving_mean, norm.moving_variance, norm.gamma, norm.beta)
    )
    factor = np.atleast_2d(gamma / np.sqrt(variance + EPSILON))
    offset = beta - mean * factor
    if norm.by_choice:
        shape = (1, -1, 1 if columns == 1 else math.isqrt(len(factor)), factor.shape[1])
        return factor.reshape(shape), offset.reshape(shape)
    if first_row_only:
        factor, offset = factor[:1], offset[:1]
    return factor[:, None, None], offset[:, None, None]


def by_row(values: np.ndarray) -> np.ndarray:
    """(R, C) of (R, 1, 1, C). UserError: they depend on a choice."""
    if values.shape[1:3] != (1, 1):
        raise UserError(
            "statistics that follow a layer's choice fold into that layer alone, and another reads it, too"
        )
    return values[:, 0, 0]
