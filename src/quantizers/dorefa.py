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
"""DoReFa: tanh-normalised weights in [-1, 1], activations clipped to [0, 1].

    q_b(u) = floor(u n + 0.5) / n with n = 2^b - 1
    weights      u = tanh(w) / (2 max|tanh(w)|) + 1/2,   w_q = 2 q_b(u) - 1       (eq. 9)
    1-bit weights   w_q = sign(w) mean|w|, straight-through                       (eq. 7)
    activations  a_q = q_b(clip(a, 0, 1))                                         (eq. 10, 11)

The gradient passes q_b unchanged; it flows through tanh and through the maximum, as written.
Source: Zhou et al., "DoReFa-Net", 2016, arXiv 1606.06160. sign(0) = 1 is our choice, and so is what
eq. 9 leaves open, weights that are all zero: their maximum counts as 1. Inputs that may be negative
(what a linear layer gives), which the paper does not have, are ours, too: n = 2^(b-1) - 1 codes up to
1, one more below -1, so that they fill b bits.
"""

import numpy as np
from mindspore import Tensor, ops

from src.errors import UserError
from src.quantizers.base import (
    DOREFA,
    FAKE_QUANT,
    FUSED,
    SMALLEST,
    ActivationQuantizer,
    WeightQuantizer,
    constant,
    kept_positive,
    top_code,
    top_signed,
)
from src.quantizers.rounding import round_half_up, straight_through


class DorefaWeight(WeightQuantizer):
    """(weight, slot) -> (values in [-1, 1], scale (1,)); values = odd code x scale, scale = 1/n. Its kernel
    begins with tanh(weight)."""

    least_bits = 1
    kernel = DOREFA
    odd = True

    def __init__(self, widths: tuple[int, ...], weight: np.ndarray):
        super().__init__(widths)
        self.tops = [constant(top_code(b)) for b in self.widths]
        self.scales = [constant(1.0 / top_code(b)) for b in self.widths]
        self.all_tops = Tensor(np.array([top_code(b) for b in self.widths], np.float32))
        self.all_scales = Tensor(np.array([[1.0 / top_code(b)] for b in self.widths], np.float32))

    def construct(self, weight, slot):
        if self.widths[slot] == 1:
            return self._binary(weight)
        t, scale = ops.tanh(weight), self.scales[slot]
        if self.fused is not None:
            return self.fused(t, self.tops[slot]).reshape(weight.shape), scale
        n = top_code(self.widths[slot])
        u = t / (2 * largest(t)) + 0.5
        values = (2 * round_half_up(u * n) - n) * scale
        return straight_through(values, 2 * u), scale

    def all_slots(self, weight):
        if self.fused is not None and min(self.widths) > 1:
            return self.fused(ops.tanh(weight), self.all_tops), self.all_scales
        return self.slot_by_slot(weight)

    def attach(self, make) -> None:
        self.fused = make()

    def _binary(self, weight):
        scale = kept_positive(ops.abs(weight).mean()).reshape((1,))
        sign = 2 * (weight >= 0).astype(weight.dtype) - 1
        return straight_through(sign * scale, weight), scale


def largest(t):
    """max|t| of a tensor, a scalar; 1 where all of it is zero, or as good as zero (SMALLEST)."""
    top = ops.abs(t).max()
    return ops.select(top > SMALLEST, top, ops.ones_like(top))


class DorefaActivation(ActivationQuantizer):
    """Codes of clip(x, 0, 1), or, signed, of clip(x, -1 - 1/n, 1); nothing is learned.

    UserError: signed codes of 1 bit.
    """

    least_bits = 1
    takes_signed = True

    def __init__(self, widths: tuple[int, ...], signed: bool = False):
        super().__init__(widths, signed)
        if signed and min(self.widths) < 2:
            raise UserError("dorefa: inputs that may be negative take 2 bits or more (quant.a_bits)")
        self.kernel = FAKE_QUANT if signed else FUSED
        self.scales = [constant(1.0 / (top_signed(b) if signed else top_code(b))) for b in self.widths]

    def grid(self, x, slot):
        high = self.highs[slot]  # codes per unit and top code are the same number here
        return high, self.scales[slot], self.lows[slot], high, self.zero, self.zero
