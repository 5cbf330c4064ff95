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
"""PACT: activations clipped to [0, alpha] with a learned clip value alpha, shared by all slots.

    y = clip(x, 0, alpha),   y_q = floor(y n / alpha + 0.5) alpha / n,   n = 2^b - 1     (eq. 1, 2)
    dy_q/dalpha = 1 where x >= alpha, else 0 (the rounding step's scale counts as constant) (eq. 3)

Weights of a PACT network use DoReFa. One alpha for all widths of a layer, as in DQNet's code.
Source: Choi et al., "PACT", 2018, arXiv 1805.06085. Keeping alpha positive is our choice, and so are
inputs that may be negative (what a linear layer gives), which the paper does not have:

    y = clip(x, -alpha (n + 1) / n, alpha),  n = 2^(b-1) - 1,  dy_q/dalpha = -(n + 1) / n below

so that their codes fill b bits, -2^(b-1) .. 2^(b-1)-1, like all signed ones.
"""

import numpy as np
from mindspore import ops

from src.quantizers.base import (
    FUSED,
    ActivationQuantizer,
    kept_positive,
    learned,
    top_code,
    top_signed,
)
from src.quantizers.step_search import Grid
from src.quantizers.uniform import UniformQuantize, sum_like


class ClippedBelow(UniformQuantize):
    """As `UniformQuantize`, but where the lower end moves with the clip value, too: low / high of it."""

    def bprop(self, x, inv, scale, low, high, step, clip, out, dout):
        v = x * inv
        inside = ops.logical_and(v > low, v < high).astype(x.dtype)
        ends = (v >= high).astype(x.dtype) + (v <= low).astype(x.dtype) * (low / high)
        z = ops.zeros_like
        return dout * inside, z(inv), z(scale), z(low), z(high), z(step), sum_like(dout * ends, clip)


class PactActivation(ActivationQuantizer):
    """Codes of clip(x, 0, alpha), or, signed, of clip(x, -alpha (n + 1) / n, alpha).

    Args:
        widths: width in bits of each slot, 2..8.
        signed: codes begin at -2^(b-1).
        pact_alpha: first clip value, > 0.
    """

    options = ("pact_alpha",)
    takes_signed = True

    def __init__(self, widths: tuple[int, ...], pact_alpha: float = 10.0, signed: bool = False):
        super().__init__(widths, signed)
        self.kernel = None if signed else FUSED
        if signed:
            self.quantize = ClippedBelow()
        self.tops = [top_signed(b) if signed else top_code(b) for b in self.widths]
        self.alpha = learned(np.array([pact_alpha]), "alpha")

    def grid(self, x, slot):
        alpha, n = kept_positive(self.alpha), self.tops[slot]
        return n / alpha, alpha / n, self.lows[slot], self.highs[slot], self.zero, self.alpha

    def ranges(self):
        return self.alpha, [[Grid(1.0 / n, -n - 1 if self.signed else 0, n) for n in self.tops]]
