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
Source: Choi et al., "PACT", 2018, arXiv 1805.06085. Keeping alpha positive is our choice.
"""

import numpy as np

from src.quantizers.base import FUSED, ActivationQuantizer, kept_positive, learned, top_code


class PactActivation(ActivationQuantizer):
    """Unsigned codes of clip(x, 0, alpha).

    Args:
        widths: width in bits of each slot.
        pact_alpha: first clip value, > 0.
    """

    options = ("pact_alpha",)
    kernel = FUSED

    def __init__(self, widths: tuple[int, ...], pact_alpha: float = 10.0):
        super().__init__(widths)
        self.alpha = learned(np.array([pact_alpha]), "alpha")

    def grid(self, x, slot):
        alpha = kept_positive(self.alpha)
        n = top_code(self.widths[slot])
        return n / alpha, alpha / n, self.lows[slot], self.highs[slot], self.zero, self.alpha
