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
"""Batch normalisation with the addition and ReLU that follow it in a residual network.

    y = relu?( gamma (x - mean) / sqrt(var + eps) + beta [+ residual] )

One cell for the three, so that a fused kernel can stand in for it. Ioffe & Szegedy, 2015.
"""

import numpy as np
from mindspore import Parameter, Tensor, nn, ops

EPSILON = 1e-5
MOMENTUM = 0.9  # share of the old running statistics kept per step


class BatchNorm(nn.Cell):
    """x (N, C, H, W) float32; `residual` of the same shape or None."""

    def __init__(self, channels: int, relu: bool):
        super().__init__()
        self.relu = relu
        self.gamma = Parameter(Tensor(np.ones(channels, np.float32)))
        self.beta = Parameter(Tensor(np.zeros(channels, np.float32)))
        self.moving_mean = Parameter(Tensor(np.zeros(channels, np.float32)), requires_grad=False)
        self.moving_variance = Parameter(Tensor(np.ones(channels, np.float32)), requires_grad=False)
        self.frozen = False
        self.train_norm = ops.BatchNorm(True, EPSILON, 1 - MOMENTUM)
        self.eval_norm = ops.BatchNorm(False, EPSILON)
        self.fused = self.fused_add = None  # training kernels (layers/native.py)

    def construct(self, x, residual=None):
        if self.fused is not None and self.training and not self.frozen:
            return self._fused(x, residual)
        norm = self.train_norm if self.training and not self.frozen else self.eval_norm
        y = norm(x, self.gamma, self.beta, self.moving_mean, self.moving_variance)[0]
        if residual is not None:
            y = y + residual
        return ops.relu(y) if self.relu else y

    def _fused(self, x, residual):
        if residual is None:
            y, mean, variance = self.fused(x, self.gamma, self.beta)
        else:
            y, mean, variance = self.fused_add(x, self.gamma, self.beta, residual)
        self._follow(self.moving_mean, mean, 1.0)
        # The running variance is the unbiased one, as MindSpore's own operator keeps it.
        count = x.size // x.shape[1]
        self._follow(self.moving_variance, variance, count / max(1, count - 1))
        return y

    def _follow(self, running, value, factor):
        value = ops.stop_gradient(value) * (factor * (1 - MOMENTUM))
        ops.assign(running, running * MOMENTUM + value)


def freeze_statistics(network: nn.Cell, frozen: bool = True) -> None:
    """Normalise with the running statistics in training too, and leave them as they are."""
    for _, cell in network.cells_and_names():
        if isinstance(cell, BatchNorm):
            cell.frozen = frozen
