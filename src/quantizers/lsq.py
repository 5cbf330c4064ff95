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
"""LSQ: uniform quantisation with a learned step size per tensor (or per output channel).

    v = x / s,  code = floor(clip(v, Qn, Qp) + 0.5),  x_q = code s                       (eq. 1, 2)
    dx_q/ds = code - v inside, Qn or Qp outside;  dx_q/dx = 1 inside, 0 outside          (eq. 3, 5)
    the gradient of s is multiplied by 1 / sqrt(N Qp)                             (section 2.2)
    first step: 2 mean|x| / sqrt(Qp), of the weights, and of the first batch for activations

Weights are signed, -2^(b-1) .. 2^(b-1)-1; activations unsigned, 0 .. 2^b-1, or signed (an input
image, what a linear layer gives). N is the number of weights, or of features of one image, that
share the step. A dynamic layer has one step per width. `quant.step_rates=by_width` multiplies the
gradient of a width d bits below the widest further, by 10^(-d/2), d even, or 5 10^(-(d+1)/2), d odd
("Nearly Lossless Adaptive Bit Switching", 2025: steps of 2 bits have about ten times the gradient).
Source: Esser et al., "Learned Step Size Quantization", ICLR 2020, arXiv 1902.08153. v is computed
as x * (1 / s) so that all engines agree; per-channel steps and positivity are our choice.
"""

import mindspore as ms
import numpy as np
from mindspore import Tensor

from src.parameters import assign
from src.quantizers.base import (
    FAKE_QUANT,
    FUSED,
    ActivationQuantizer,
    WeightQuantizer,
    at_slot,
    constant,
    constants,
    kept_positive,
    learned,
    top_code,
    top_signed,
)
from src.quantizers.step_search import Grid
from src.quantizers.uniform import UniformQuantize


def first_step(x: np.ndarray, top: int) -> float:
    """2 mean|x| / sqrt(top); of an all-zero tensor, the step that makes 1.0 the top code."""
    mean = float(np.abs(x).mean())
    return 2 * mean / top**0.5 if mean > 0 else 1.0 / top


EQUAL, BY_WIDTH = "equal", "by_width"


def rates_of(widths: tuple[int, ...], rule: str) -> list[float]:
    """Factor on the gradient of each width's step, beside LSQ's own."""
    if rule == EQUAL:
        return [1.0] * len(widths)
    below = [max(widths) - b for b in widths]
    return [5 * 10 ** (-(d + 1) / 2) if d % 2 else 10 ** (-d / 2) for d in below]


class LsqWeight(WeightQuantizer):
    """(weight (O, ...), slot) -> (values, scale (1,) or (O,)).

    Args:
        widths: width in bits of each slot, 2..8.
        weight: first weights; the first steps come from them.
        per_channel: one step per output channel.
        step_rates: EQUAL or BY_WIDTH.
    """

    options = ("per_channel", "step_rates")
    kernel = FAKE_QUANT

    def __init__(
        self, widths: tuple[int, ...], weight: np.ndarray, per_channel: bool = False, step_rates: str = EQUAL
    ):
        super().__init__(widths)
        rows = list(weight) if per_channel else [weight]
        steps = [[first_step(row, top_signed(b)) for row in rows] for b in self.widths]
        self.step = learned(np.array(steps), "step")  # (slots, 1 or O)
        self.broadcast = (len(rows),) + (1,) * (weight.ndim - 1) if per_channel else (1,)
        self.factors = [
            rate / float(weight.size / len(rows) * top_signed(b)) ** 0.5
            for b, rate in zip(self.widths, rates_of(self.widths, step_rates), strict=True)
        ]
        self.lows = [constant(-top_signed(b) - 1) for b in self.widths]
        self.highs = [constant(top_signed(b)) for b in self.widths]
        self.zero = constant(0.0)
        self.all_lows = constants([-top_signed(b) - 1 for b in self.widths])
        self.all_highs = constants([top_signed(b) for b in self.widths])
        self.all_factors = constants([[factor] for factor in self.factors])
        self.quantize = UniformQuantize()

    def construct(self, weight, slot):
        step = at_slot(self.step, slot)
        scale = kept_positive(step)
        # A port's value is not used: a factor on it is a factor on the gradient.
        port = (step * self.factors[slot]).reshape(self.broadcast)
        wide = scale.reshape(self.broadcast)
        values = self.quantize(
            weight, 1 / wide, wide, self.lows[slot], self.highs[slot], port, self.zero
        )
        return values, scale

    def all_slots(self, weight):
        if self.fused is None:
            return self.slot_by_slot(weight)
        scales, ports = kept_positive(self.step), self.step * self.all_factors
        return self.fused(weight, 1 / scales, scales, self.all_lows, self.all_highs, ports), scales

    def ranges(self):
        tops = [top_signed(b) for b in self.widths]
        return self.step, [[Grid(1.0, -top - 1, top)] for top in tops]


class LsqActivation(ActivationQuantizer):
    """Per-tensor learned step, one per slot."""

    learns_from_data = True
    takes_signed = True
    options = ("step_rates",)

    def __init__(self, widths: tuple[int, ...], signed: bool = False, step_rates: str = EQUAL):
        super().__init__(widths, signed)
        self.rates = rates_of(self.widths, step_rates)
        self.kernel = FAKE_QUANT if signed else FUSED
        self.tops = [top_signed(b) if signed else top_code(b) for b in self.widths]
        self.step = learned(np.array([[1.0 / top] for top in self.tops]), "step")  # (slots, 1)

    def init_from(self, x: np.ndarray) -> None:
        """Set the first steps from a batch of this layer's inputs."""
        assign(self.step, np.array([[first_step(x, t)] for t in self.tops]))

    def ranges(self):
        return self.step, [[Grid(1.0, -top - 1 if self.signed else 0, top)] for top in self.tops]

    def grid(self, x, slot):
        step = at_slot(self.step, slot)
        scale = kept_positive(step)
        port = step * self._factor(x, slot)
        return 1 / scale, scale, self.lows[slot], self.highs[slot], port, self.zero

    def grids(self, x):
        steps = self.step.reshape((-1,))
        scales = kept_positive(steps)
        factors = [self._factor(x, slot) for slot in range(len(self.widths))]
        return 1 / scales, scales, self.all_highs, steps * Tensor(factors, ms.float32), self.no_ports

    def _factor(self, x, slot):
        """On the gradient of a step."""
        features = x.size // x.shape[0]
        return self.rates[slot] / float(features * self.tops[slot]) ** 0.5
