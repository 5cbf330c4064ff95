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
"""The values of a quantiser with levels, and their gradients, in plain operators.

A native kernel has the same arguments (src/kernels/ops.py); the equations: levels.py.
"""

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn, ops
from mindspore.ops.auto_generate import SearchSorted

from src.quantizers.level_table import EffectiveLevels
from src.quantizers.rounding import straight_through

TINY = float(np.finfo(np.float32).tiny)


class LevelQuantize(nn.Cell):
    """(x, levels (2^B,), gates (B - least,), rounded (1,), settings) -> values like x.

    settings (5,) float32, for the kernel, says again what the constructor is told: least, signed,
    correction, per_image, interpolated.

    Args:
        bits: B, 1..8.
        least: gates that are always open; where it is B, what stands for gates is not used.
        signed: levels may be negative.
        correction: weight of the gradient correction.
        per_image: N is the number of features of one image, else of values.
        interpolated: which gradient levels get.
    """

    def __init__(
        self, bits: int, least: int, signed: bool, correction: float, per_image: bool, interpolated: bool
    ):
        super().__init__()
        self.effective = EffectiveLevels(bits, least, signed)
        self.correction, self.per_image = correction, per_image
        self.nearest = Nearest(interpolated)
        self.nothing = Tensor(np.zeros(1, np.float32))

    def construct(self, x, levels, gates, rounded, settings):
        group = x.size // x.shape[0] if self.per_image else x.size
        carrier = straight_through(levels, levels * (1.0 / float(group) ** 0.5))
        values = self.effective(carrier, gates, rounded)
        pulled = values
        if self.correction > 0:
            pulled = self.effective(levels, ops.stop_gradient(gates), rounded)
        return self.nearest(x, values, pulled, self.nothing + self.correction / float(x.size))


class Nearest(nn.Cell):
    """(x, levels (L,), pulled (L,), pull (1,)) -> nearest level of each value; `levels` rise.

    `pulled` is a gradient port: it gets `pull` times the sum of (level - x) over what a level holds.
    """

    def __init__(self, interpolated: bool):
        super().__init__()
        self.place, self.interpolated = Place(), interpolated

    def construct(self, x, levels, pulled, pull):
        return ops.gather(levels, self.place(x, (levels[1:] + levels[:-1]) * 0.5), 0)

    def bprop(self, x, levels, pulled, pull, out, dout):
        inside = ops.logical_and(x >= levels[0], x <= levels[-1]).astype(x.dtype)
        index = self.place(x, (levels[1:] + levels[:-1]) * 0.5).reshape(-1)
        count = levels.shape[0]
        if self.interpolated:
            d_levels = self._between(x, levels, (out - x) * dout, dout)
        else:
            d_levels = ops.unsorted_segment_sum(dout.reshape(-1), index, count)
        d_pulled = ops.unsorted_segment_sum((out - x).reshape(-1), index, count) * pull
        return dout * inside, d_levels, d_pulled, ops.zeros_like(pull)

    def _between(self, x, levels, moved, dout):
        """Of values between two levels, what moves one of them; of those outside, everything."""
        place, count = self.place(x, levels), levels.shape[0]
        outside = ops.logical_or(place == 0, place == count)
        sums = ops.unsorted_segment_sum(
            ops.select(outside, dout, moved).reshape(-1), place.reshape(-1), count + 1
        )
        gaps = levels[1:] - levels[:-1]
        slopes = ops.select(gaps > 0, sums[1:-1] / ops.maximum(gaps, TINY), ops.zeros_like(gaps))
        up = ops.concat((sums[:1], slopes))
        return up - ops.concat((slopes, -sums[-1:]))


class Place(nn.Cell):
    """(x, middles (T,), rising) -> int32 like x, how many of them are at or below each value."""

    def __init__(self):
        super().__init__()
        # `ops.searchsorted` holds an `if` that MindSpore 2.10 cannot compile within a `bprop`.
        self.search = SearchSorted(ms.int32, right=True)

    def construct(self, x, middles):
        return self.search(middles, x)
