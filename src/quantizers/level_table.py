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
"""Effective levels: the blocks of a learned vector, averaged where a gate is closed.

    U = U_1 (x) U_2 (x) .. (x) U_B,   U_i = I where gate i is open, (1 1; 1 1) where it is closed
    levels = Z U q,                   Z divides each row by its sum: every level is its block's mean
    bits = number of open gates,      gate i counts as closed where one before it is

q (2^B,) is sorted first, so that blocks hold neighbours and thresholds rise. The gates' order makes U
block-diagonal, and the first `least` are always open. A gate is its parameter's sign; its gradient passes
the sign unchanged, and is that of the straight line between the block's two states,

    Z_i U_i = g_i I + (1 - g_i) (1 1; 1 1) / 2

Only gates at the edge learn: the last open one, and the first closed one. The others' turn would change
the width by more than a bit, and a first gate charged for all behind it would close before them.

On the *grid* levels are `scale` times integers, -128 .. 127 with scale = max |level| / 127, or of inputs
that are never negative 0 .. 255 with scale = max level / 255, no two of them equal; the gradient passes
as if they had not moved.

Source: Zhang et al., "Differentiable Dynamic Quantization with Mixed Precision and Adaptive Resolution",
ICML 2021 (U and Z); sign and its gradient: Zhang et al., "Differentiable Learning-to-Group Channels via
Groupable Convolutional Neural Networks", ICCV 2019. The sort, the line, the edge and the grid are our
choice.
"""

import numpy as np
from mindspore import Tensor, nn, ops

from src.quantizers.base import SMALLEST
from src.quantizers.rounding import round_half_up, straight_through


class EffectiveLevels(nn.Cell):
    """(levels (2^B,), gates (B - least,), rounded (1,)) -> effective levels (2^B,), rising; a block's are equal.

    `rounded` > 0.5 puts them on the grid. Where B = least there are no gates, and what stands for them is not used.

    Args:
        bits: B, 1..8.
        least: gates that are always open, 1..B.
        signed: levels may be negative.
    """

    def __init__(self, bits: int, least: int, signed: bool):
        super().__init__()
        self.bits, self.least, self.signed = bits, least, signed
        self.low, self.top = (-128.0, 127.0) if signed else (0.0, 255.0)
        self.place = Tensor(np.arange(2**bits, dtype=np.float32))
        self.sort = ops.Sort()

    def construct(self, levels, gates, rounded):
        _, order = self.sort(levels)
        values = ops.gather(levels, order, 0)
        size = ops.ones_like(rounded)  # of a block
        if self.least < self.bits:
            open_gates = ordered(gates)
            for i in range(self.bits - 1, self.least - 1, -1):
                values = self._averaged(values, open_gates[i - self.least], i)
                size = size * (2.0 - ops.stop_gradient(open_gates[i - self.least]))
        if not self.signed:
            values = straight_through(ops.relu(values), values)
        scale = self.scale(values)
        whole = self._apart(round_half_up(ops.clamp(values / scale, self.low, self.top)), size)
        return ops.select(rounded > 0.5, straight_through(whole * scale, values), values)

    def scale(self, values):
        """Real units per integer of the grid, (1,), without a gradient."""
        largest = ops.stop_gradient(ops.abs(values)).max().reshape(1)
        return ops.maximum(largest / self.top, SMALLEST)

    def _averaged(self, values, gate, i):
        """Z_i U_i applied to the digit i of the index, counted from the most significant."""
        pairs = values.reshape(2**i, 2, -1)
        mean = (pairs[:, 0:1] + pairs[:, 1:2]) * 0.5
        return (gate * pairs + (1.0 - gate) * mean).reshape(-1)

    def _apart(self, whole, size):
        """Rising integers, those of two blocks at least one apart, within the grid."""
        block = ops.floor(self.place / size)
        raised = ops.cummax(whole - block, 0)[0] + block
        last = block[-1:]
        return ops.minimum(raised, self.top - (last - block))


def ordered(gates) -> list:
    """1 or 0 of each gate, (1,), 0 from the first closed one on; gates (n,) or (n, m) for m quantisers.

    The gradient reaches the gates at the edge alone.
    """
    opened = (gates > 0).astype(gates.dtype)
    found, before = [], ops.ones_like(opened[0:1])
    count = gates.shape[0]
    for i in range(count):
        own, gate = opened[i : i + 1], gates[i : i + 1]
        behind = own * opened[i + 1 : i + 2] if i + 1 < count else ops.zeros_like(own)
        at_edge = before * (1.0 - behind)
        before = before * own
        found.append(before + at_edge * (gate - ops.stop_gradient(gate)))
    return found
