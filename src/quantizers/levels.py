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
"""DDQ's quantiser: a learned vector of levels, and gates that halve their number.

    y = the nearest effective level (level_table.py); at a midpoint, the upper one
    dL/dx     = dL/dy where x lies between the outermost levels, else 0
    dL/dlevel by the chain rule:   sum over the values that it holds of dL/dy
              interpolated:        of a value x between levels a < b, (y - x) / (b - a) dL/dy to b, and
                                   minus that to a; of one outside, dL/dy to the outermost level
    dL/dq     = (Z U)^T dL/dlevel / sqrt(N)  +  c (Z U)^T sum (level - x) / M
    dL/dg_i   = < dL/dlevel, d(Z U)/dg_i q >                       of gates at the edge (level_table.py)

The second term of dL/dq is the *gradient correction*: the gradient of c / 2 times the mean squared
quantisation error over the M values, which pulls a level to the mean of what it holds. N is the number of
weights, or of features of one image: levels then learn about as fast as weights (as LSQ's steps, whose
factor also has the width).

*Interpolated* is straight-through in t = (x - a) / (b - a), of which y = a + (b - a) round(t). The chain rule
alone says nothing of where x lies in its cell. A network with batch normalisation does not change when
all levels of a layer are scaled, so that there the range never learns: the sum of level times dL/dlevel
is zero. Interpolated, that sum is LSQ's gradient of a step where levels are uniform.

Per tensor, at one width, for static layers. Values are found by their place among the midpoints
(level_quantize.py) and never as the paper's one-hot matrix. Of the indices of a closed block only the
first and the last occur, on either side of its level: that is what an opening gate would part, and so
its gradient.
Source: Zhang et al., "Differentiable Dynamic Quantization with Mixed Precision and Adaptive Resolution",
ICML 2021 (chain rule). The exact form of its correction is not public; the factor 1 / sqrt(N) and the
interpolated gradient are our choice.
"""

from dataclasses import dataclass

import numpy as np
from mindspore import Parameter, Tensor, nn

from src.parameters import assign
from src.quantizers.base import LEVELS, ActivationQuantizer, WeightQuantizer, learned
from src.quantizers.fixed_levels import FixedLevels
from src.quantizers.integer_form import IntegerInputs, IntegerWeights, as_maps
from src.quantizers.level_quantize import LevelQuantize
from src.quantizers.level_starts import LEARNED, UNIFORM, first_levels, nearest

INTERPOLATED, CHAIN_RULE = "interpolated", "chain_rule"
# Learning rates with which levels go as far as LSQ's outermost codes do: where a value lies in its cell
# has either sign, and such sums are far smaller. 30 was the best of 1, 4, 10, 30, 100 at 3 bits, and of 30,
# 100, 300 at 4, after one epoch on held-out CIFAR-10; at 2 bits 10 was better there, 30 in training loss.
RATES = {INTERPOLATED: 30.0, CHAIN_RULE: 1.0}
FIRST_GATE = 0.05  # of every gate before training


@dataclass(frozen=True)
class LevelOptions:
    """What the levels of weights, or of inputs, may do.

    Attributes:
        mode: learned | uniform | power_of_two; the last two stay as they begin.
        start: learned levels begin uniform (LSQ's) or at the centroids of the values (kmeans).
        gated: gates learn the width, from that of the quantiser down.
        least_bits: smallest width that gates can reach, 1..8.
        correction: c, weight of the gradient correction.
        gradient: of levels, INTERPOLATED or CHAIN_RULE.
        level_lr, gate_lr: learning rates as multiples of RATES times the network's, and of the network's.
    """

    mode: str = LEARNED
    start: str = UNIFORM
    gated: bool = False
    least_bits: int = 2
    correction: float = 0.0
    gradient: str = INTERPOLATED
    level_lr: float = 1.0
    gate_lr: float = 1.0


class LevelTable(nn.Cell):
    """x -> values; the parameters of a quantiser, and what they come to.

    Args:
        bits: B, largest width, 1..8.
        start: first levels, (2^B,).
        signed: levels may be negative.
        per_image: as of `LevelQuantize`.

    Attributes:
        levels: (2^B,).
        gates: (B - least,), or where there are none a constant.
        rounded: (1,), not learned; 1 puts the levels on the grid.
    """

    def __init__(
        self, bits: int, start: np.ndarray, options: LevelOptions, signed: bool, per_image: bool
    ):
        super().__init__()
        self.top_bits, self.signed = bits, signed
        self.least = min(options.least_bits, bits) if options.gated else bits
        self.levels = learned(start, "levels")
        self.levels.requires_grad = options.mode == LEARNED
        self.levels.lr_scale = options.level_lr * RATES[options.gradient]
        gates = np.full(max(1, bits - self.least), FIRST_GATE, np.float32)
        self.is_gated = self.least < bits
        self.gates = Tensor(gates)
        if self.is_gated:
            self.gates = learned(gates, "gates")
            self.gates.lr_scale = options.gate_lr
        self.rounded = Parameter(Tensor(np.zeros(1, np.float32)), "rounded", requires_grad=False)
        self.off_grid = Tensor(np.zeros(1, np.float32))
        interpolated = options.gradient == INTERPOLATED
        self.settings = Tensor(
            np.float32([self.least, signed, options.correction, per_image, interpolated])
        )
        self.portable = LevelQuantize(
            bits, self.least, signed, options.correction, per_image, interpolated
        )
        self.quantize = self.portable

    def construct(self, x):
        return self.quantize(x, self.levels, self.gates, self.rounded, self.settings)

    def scale(self):
        """Real units per integer of the grid, (1,), without a gradient."""
        effective = self.portable.effective
        return effective.scale(effective(self.levels, self.gates, self.off_grid))

    @property
    def bits(self) -> int:
        """Effective width: the open gates."""
        if not self.is_gated:
            return self.top_bits
        closed = np.flatnonzero(self.gates.asnumpy() <= 0)
        return self.least + int(closed[0] if closed.size else len(self.gates))

    def effective(self) -> np.ndarray:
        """The 2^bits levels in use, rising, float32."""
        values = self.portable.effective(self.levels, self.gates, self.rounded).asnumpy()
        return values[:: 2 ** (self.top_bits - self.bits)]

    def on_grid(self) -> tuple[np.ndarray, np.float32]:
        """The same on the 8-bit grid, as integers, int16, and their scale; exact once `rounded` is 1."""
        values = self.portable.effective(self.levels, self.gates, Tensor(np.ones(1, np.float32)))
        scale = self.scale().asnumpy()[0]
        whole = np.rint(values.asnumpy().astype(np.float64) / scale)
        return whole[:: 2 ** (self.top_bits - self.bits)].astype(np.int16), scale

    @property
    def is_on_grid(self) -> bool:
        """Whether values are those of the integer program."""
        return bool(self.rounded.asnumpy()[0])

    def go_to_grid(self) -> None:
        """From now on values are those of the integer program."""
        assign(self.rounded, np.ones(1, np.float32))


class LevelWeight(WeightQuantizer):
    """(weight, slot 0) -> (values, scale (1,) of the grid).

    Args:
        widths: one width, 1..8: the largest, where gates may choose a smaller one.
        weight: first weights; the first levels come from them.
    """

    least_bits = 1
    options = ("w_levels",)
    kernel = LEVELS

    def __init__(self, widths: tuple[int, ...], weight: np.ndarray, w_levels: LevelOptions):
        super().__init__(widths)
        (bits,) = widths
        start = first_levels(weight, bits, True, w_levels.mode, w_levels.start)
        self.table = LevelTable(bits, start, w_levels, signed=True, per_image=False)

    def construct(self, weight, slot):
        return self.table(weight), self.table.scale()

    def attach(self, make) -> None:
        self.table.quantize = make()

    def integer_form(self, weight: Parameter) -> IntegerWeights:
        levels, scale = self.table.on_grid()
        values = levels * scale
        codes = levels[nearest(weight.asnumpy(), values)]
        return IntegerWeights(
            [as_maps(codes)],
            [np.float64([scale])],
            (self.table.bits,),
            levels=[levels.astype(np.int8)],
        )


class LevelActivation(ActivationQuantizer):
    """(x, slot 0) -> values. Levels of inputs that are never negative are not negative either.

    Args:
        widths: as of `LevelWeight`.
    """

    least_bits = 1
    learns_from_data = True
    takes_signed = True
    options = ("a_levels",)
    kernel = LEVELS

    def __init__(self, widths: tuple[int, ...], a_levels: LevelOptions, signed: bool = False):
        super().__init__(widths, signed)
        (bits,) = widths
        self.level_options = a_levels
        start = first_levels(np.zeros(1), bits, signed, a_levels.mode, a_levels.start)
        self.table = LevelTable(bits, start, a_levels, signed, per_image=True)

    def init_from(self, x: np.ndarray) -> None:
        """Set the first levels from a batch of this layer's inputs."""
        options, bits = self.level_options, self.table.top_bits
        assign(self.table.levels, first_levels(x, bits, self.signed, options.mode, options.start))

    def construct(self, x, slot):
        return self.table(x)

    def attach(self, make) -> None:
        self.table.quantize = make()

    def fixed(self, slot: int) -> nn.Cell:
        return FixedLevels(*self.table.on_grid())

    def integer_form(self) -> IntegerInputs:
        levels, scale = self.table.on_grid()
        return IntegerInputs(
            [float(1 / scale)], [float(scale)], (self.table.bits,), self.signed, levels=[levels]
        )
