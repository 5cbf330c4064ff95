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
"""Batch normalisation with the addition and the activation that follow it in a residual network.

    y = activation( gamma (x - mean) / sqrt(var + eps) + beta [+ residual] )

One cell for the three, so that a fused kernel can stand in for it. Ioffe & Szegedy, 2015.

A bank of statistics: a network that runs in several ways (at one width everywhere, at mixed widths)
may keep running statistics for each, as rows. `row`, one-hot, says which row a pass reads and
updates; all zeros update none. A bank *by choice* has a row for each choice of the layer before it,
gamma and beta with it, and each image has the row of its own choice. One set of statistics per width
is from Jin et al., "AdaBits", 2020, and Yu et al., "Slimmable Neural Networks", 2019 (there per
channel count).
"""

import mindspore as ms
import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from src.layers.activation import NONE, Activate, Activation

EPSILON = 1e-5
MOMENTUM = 0.9  # share of the old running statistics kept per step


class BatchNorm(nn.Cell):
    """x (N, C, H, W) float32; `residual` of the same shape or None; `row` (R,) where there is a bank,
    (N, R) where it is one by choice. Such a bank learns from passes in which all images choose alike."""

    def __init__(self, channels: int, activation: Activation = NONE):
        super().__init__()
        self.activation, self.activate = activation, Activate(activation)
        self.gamma = Parameter(Tensor(np.ones(channels, np.float32)))
        self.beta = Parameter(Tensor(np.zeros(channels, np.float32)))
        self.moving_mean = Parameter(Tensor(np.zeros(channels, np.float32)), requires_grad=False)
        self.moving_variance = Parameter(Tensor(np.ones(channels, np.float32)), requires_grad=False)
        self.frozen = self.by_choice = False
        self.train_norm = ops.BatchNorm(True, EPSILON, 1 - MOMENTUM)
        self.eval_norm = ops.BatchNorm(False, EPSILON)
        self.share = Tensor(np.float32([1 - MOMENTUM]))
        self.follow = Follow()
        self.fused = self.fused_add = None  # training kernels, as for `follow` (layers/use_kernels.py)

    def construct(self, x, residual=None, row=None):
        learns = self.training and not self.frozen
        if self.by_choice and learns:
            row = row[:1]
        if learns and self.fused is not None:
            return self._fused(x, residual, row)
        if row is not None:
            y = self._by_batch(x, row) if learns else self._by_row(x, row)
        else:
            norm = self.train_norm if learns else self.eval_norm
            y = norm(x, self.gamma, self.beta, self.moving_mean, self.moving_variance)[0]
        if residual is not None:
            y = y + residual
        return self.activate(y)

    def _fused(self, x, residual, row):
        gamma, beta = _at_row(self.gamma, row).reshape((-1,)), _at_row(self.beta, row).reshape((-1,))
        if residual is None:
            y, mean, variance = self.fused(x, gamma, beta)
        else:
            y, mean, variance = self.fused_add(x, gamma, beta, residual)
        self._follow(x, mean, variance, row)
        return y

    def _by_batch(self, x, row):
        mean = x.mean((0, 2, 3))
        centred = x - _map(mean)
        variance = (centred * centred).mean((0, 2, 3))
        self._follow(x, mean, variance, row)
        gamma, beta = _at_row(self.gamma, row), _at_row(self.beta, row)
        return centred * _map(gamma * ops.rsqrt(variance + EPSILON)) + _map(beta)

    def _by_row(self, x, row):
        mean, variance = ops.matmul(row, self.moving_mean), ops.matmul(row, self.moving_variance)
        factor = _at_row(self.gamma, row) * ops.rsqrt(variance + EPSILON)
        return x * _map(factor) + _map(_at_row(self.beta, row) - mean * factor)

    def _follow(self, x, mean, variance, row):
        # The running variance is the unbiased one, as MindSpore's own operator keeps it.
        count = x.size // x.shape[1]
        factor = Tensor([count / max(1, count - 1)], ms.float32)
        share = self.share if row is None else row.reshape((-1,)) * (1 - MOMENTUM)
        self.follow(
            self.moving_mean, self.moving_variance, ops.stop_gradient(mean),
            ops.stop_gradient(variance), share, factor,
        )  # fmt: skip


class Follow(nn.Cell):
    """Running statistics (C,) or (R, C) follow a batch's: moving = moving * (1 - share) + value * share.

    share: (1,) or (R,); factor (1,) makes the batch's variance the unbiased one.
    """

    def construct(self, moving_mean, moving_variance, mean, variance, share, factor):
        share = share.reshape((-1, 1)) if moving_mean.ndim == 2 else share
        ops.assign(moving_mean, moving_mean * (1 - share) + mean * share)
        ops.assign(moving_variance, moving_variance * (1 - share) + variance * factor * share)


def _at_row(parameter, row):
    """(C,), or (N, C) where each image has a row; of a parameter that all rows share, itself."""
    return parameter if parameter.ndim == 1 else ops.matmul(row, parameter)


def _map(values):
    """One value per channel, (C,) or (N, C), shaped for feature maps."""
    return values.reshape((-1, values.shape[-1], 1, 1))


def keep_rows(network: nn.Cell, rows: int) -> None:
    """Give every normalisation a bank of `rows` rows, (rows, C), each a copy of what it has."""
    for _, cell in network.cells_and_names():
        if isinstance(cell, BatchNorm):
            cell.moving_mean = _repeated(cell.moving_mean, rows)
            cell.moving_variance = _repeated(cell.moving_variance, rows)


def keep_rows_by_choice(norm: BatchNorm, rows: int) -> None:
    """Give a normalisation a bank by choice: statistics, gamma and beta, each (rows, C)."""
    for name in ("gamma", "beta", "moving_mean", "moving_variance"):
        setattr(norm, name, _repeated(getattr(norm, name), rows))
    norm.by_choice = True


def _repeated(parameter: Parameter, rows: int) -> Parameter:
    value = np.tile(parameter.asnumpy(), (rows, 1))
    return Parameter(Tensor(value), name=parameter.name, requires_grad=parameter.requires_grad)


def freeze_statistics(network: nn.Cell) -> None:
    """Normalise with the running statistics in training too, and leave them as they are."""
    for _, cell in network.cells_and_names():
        if isinstance(cell, BatchNorm):
            cell.frozen = True


def normalise_by_batch(network: nn.Cell) -> None:
    """Set the network to evaluate, but with the batch's statistics, which the running ones follow."""
    network.set_train(False)
    for _, cell in network.cells_and_names():
        if isinstance(cell, BatchNorm):
            cell.set_train(True)
