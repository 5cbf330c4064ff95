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
"""What quantising changes in the mean and spread of a channel, taken out behind the layer.

    normalisation   mean <- mean_q + (mean - mean_x) / a,   var + eps <- (var + eps) / a^2,   a = dev_x / dev_q
    dense layer     bias <- bias + mean_x - mean_q

x: what the cell of the float network gets (or a dense layer gives) on some batches, q: the same of the quantised
network; mean, var: the float network's running statistics. They are moved by as much as quantising moved
those of the batches, and are not replaced by these, which a few hundred images give too coarsely.
Source: bias correction from Nagel et al., "Data-Free Quantization", ICCV 2019, arXiv 1906.04721; moved
statistics are our choice.
"""

import numpy as np

from src.layers.norm import EPSILON, BatchNorm
from src.parameters import assign

_LEAST = 1e-8  # of a variance
_FURTHEST = 5.0  # a, or 1 / a, of a channel that all but vanished


def move_statistics(norm: BatchNorm, own: list[np.ndarray], quantised: list[np.ndarray]) -> None:
    """Move the running statistics (C,) of `norm`.

    Args:
        own, quantised: batches (N, C, H, W) of what it gets in the float and in the quantised network.
    """
    mean, variance = (p.asnumpy().astype(np.float64) for p in (norm.moving_mean, norm.moving_variance))
    (mean_x, var_x), (mean_q, var_q) = _statistics(own), _statistics(quantised)
    a = np.sqrt((var_x + _LEAST) / (var_q + _LEAST)).clip(1 / _FURTHEST, _FURTHEST)
    assign(norm.moving_mean, mean_q + (mean - mean_x) / a)
    assign(norm.moving_variance, np.maximum((variance + EPSILON) / a**2 - EPSILON, 0))


def renew_statistics(norm: BatchNorm, quantised: list[np.ndarray]) -> None:
    """Take those of the quantised network's batches in place of the running ones."""
    mean, variance = _statistics(quantised)
    assign(norm.moving_mean, mean)
    assign(norm.moving_variance, variance)


def correct_bias(dense, own: list[np.ndarray], quantised: list[np.ndarray]) -> None:
    """Likewise of what a dense layer gives, (N, classes)."""
    shift = np.concatenate(own).mean(0) - np.concatenate(quantised).mean(0)
    assign(dense.bias, dense.bias.asnumpy() + shift)


def _statistics(batches: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance, float64 (C,)."""
    count = sum(x.size // x.shape[1] for x in batches)
    mean = sum(x.sum((0, 2, 3), dtype=np.float64) for x in batches) / count
    centred = (x - mean.astype(np.float32)[:, None, None] for x in batches)
    return mean, sum(np.square(x).sum((0, 2, 3), dtype=np.float64) for x in centred) / count
