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
"""A toy quantiser: fixed steps for weights, 1/32 of a unit at 4 bits; inputs up to a learned range,
which begins at the first batch's largest."""

import numpy as np

from src.parameters import assign
from src.quantizers.base import (
    ActivationQuantizer,
    WeightQuantizer,
    constant,
    kept_positive,
    learned,
    top_code,
    top_signed,
)
from src.quantizers.uniform import UniformQuantize


class ToyWeight(WeightQuantizer):
    def __init__(self, widths, weight):
        super().__init__(widths)
        self.scales = [constant(2.0 ** -(b + 1)) for b in self.widths]
        self.lows = [constant(-top_signed(b) - 1) for b in self.widths]
        self.highs = [constant(top_signed(b)) for b in self.widths]
        self.zero, self.quantize = constant(0.0), UniformQuantize()

    def construct(self, weight, slot):
        scale = self.scales[slot]
        values = self.quantize(
            weight, 1 / scale, scale, self.lows[slot], self.highs[slot], self.zero, self.zero
        )
        return values, scale


class ToyActivation(ActivationQuantizer):
    takes_signed = learns_from_data = True
    options = ("pact_alpha",)

    def __init__(self, widths, signed=False, pact_alpha=10.0):
        super().__init__(widths, signed)
        self.range = learned(np.array([pact_alpha]), "range")
        self.tops = [top_signed(b) + 1 if signed else top_code(b) for b in self.widths]

    def init_from(self, x):
        assign(self.range, np.array([np.abs(x).max()]))

    def grid(self, x, slot):
        scale = kept_positive(self.range) / self.tops[slot]
        return 1 / scale, scale, self.lows[slot], self.highs[slot], self.zero, self.range
