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
"""What a quantiser is, and the two small rules that all learned ones share.

A *weight* quantiser maps (weight, slot) to (values, scale) with values = integer codes x scale;
`all_slots(weight)` does so for all slots at once.
An *activation* quantiser maps (x, slot) to values, and tells its grid so that a fused kernel can
do the same. `slot` indexes `widths`, the widths (bits) that the quantiser was built for: a static
layer has one, a dynamic layer one per candidate.

What others want to know of a quantiser, it says itself: the options that it takes (`options`), the
native kernel that can stand in for it (`kernel`, `attach`), its integers (`integer_form`) and, of
inputs, whether they may be negative (`takes_signed`) and its form without parameters (`fixed`).
"""

import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from src.quantizers.integer_form import IntegerInputs, IntegerWeights, whole_codes
from src.quantizers.step_search import Grid
from src.quantizers.uniform import FixedQuantize, UniformQuantize, codes

# Native kernels, as `kernel` names them; None: plain operators alone. FAKE_QUANT has codes of a
# uniform grid, or nested ones; FUSED likewise, and also inside the convolutions that read them.
FAKE_QUANT, FUSED, DOREFA, LEVELS = "fake_quant", "fused", "dorefa", "levels"

# The learned parameter whose rows are steps, or clip values, and for each row the codes of the widths
# that share it; None: the range is fixed, or not that of uniform codes.
Ranges = tuple[Parameter | None, list[list[Grid]]]

SMALLEST = 1e-6  # a learned step or clip value never acts smaller than this


def top_code(bits: int) -> int:
    """Largest unsigned code of a width, 2^bits - 1."""
    return 2**bits - 1


def top_signed(bits: int) -> int:
    """Largest signed code of a width, 2^(bits-1) - 1."""
    return 2 ** (bits - 1) - 1


def constant(value: float) -> Tensor:
    """float32 tensor of shape (1,)."""
    return Tensor(np.array([value], np.float32))


def constants(values: list) -> Tensor:
    """float32 tensor of a list, or of rows."""
    return Tensor(np.array(values, np.float32))


def learned(values: np.ndarray, name: str) -> Parameter:
    """A learned quantiser parameter. The optimizer leaves it without weight decay by default."""
    parameter = Parameter(Tensor(np.asarray(values, np.float32)), name=name)
    parameter.is_quantizer = True
    return parameter


def kept_positive(parameter: Tensor) -> Tensor:
    """max(parameter, SMALLEST), as a constant: its gradient goes through a port, so that a value
    that left the range can recover.

    Source: our choice (learned steps that turn negative are a known failure of LSQ code).
    """
    return ops.maximum(ops.stop_gradient(parameter), SMALLEST)


def at_slot(parameter: Tensor, slot: int) -> Tensor:
    """parameter[slot] of a learned (slots, ...) parameter; of a single slot without an operator."""
    if parameter.shape[0] == 1:
        return parameter.reshape(parameter.shape[1:])
    return parameter[slot]


class WeightQuantizer(nn.Cell):
    """Quantiser of a layer's weights; subclasses define `construct`.

    Args:
        widths: width in bits of each slot.
    """

    least_bits = 2  # smallest width that it is defined for
    options: tuple[str, ...] = ()  # arguments of the constructor, keys of the `quant` section
    kernel: str | None = None  # FAKE_QUANT or DOREFA
    odd = False  # values are odd multiples of the scale

    def __init__(self, widths: tuple[int, ...]):
        super().__init__()
        self.widths = tuple(widths)
        self.fused = None  # a kernel for all slots at once (layers/use_kernels.py)

    def all_slots(self, weight):
        """The values (K, ...) and scales (K, 1 or O) at all K slots."""
        return self.slot_by_slot(weight)

    def slot_by_slot(self, weight):
        """The same, as a stack of what `construct` gives."""
        values, scales = [], []
        for slot in range(len(self.widths)):
            value, scale = self.construct(weight, slot)
            values.append(value)
            scales.append(scale)
        return ops.stack(values), ops.stack(scales)

    def attach(self, make) -> None:
        """Let the native kernel stand in; `make()` gives a cell of it."""
        self.quantize = make()

    def ranges(self) -> Ranges:
        """What of it a search may set."""
        return None, []

    def integer_form(self, weight: Parameter) -> IntegerWeights:
        """The integers behind `construct`, of the weights as they are.

        Raises:
            UserError: no integer program can hold them.
        """
        stored, scales = [], []
        for slot in range(len(self.widths)):
            values, scale = (v.asnumpy() for v in self(weight, slot))
            stored.append(whole_codes(values, scale, self.odd))
            scales.append(scale.astype(np.float64))
        return IntegerWeights(stored, scales, self.widths, odd=self.odd)


class ActivationQuantizer(nn.Cell):
    """Per-tensor quantiser of activations; subclasses define `grid`.

    Where codes are not simply rounded to that grid, `construct`, `chosen_codes`, `fixed` and
    `integer_form` say how (nested.py).

    Args:
        widths: width in bits of each slot.
        signed: codes -2^(b-1) .. 2^(b-1)-1 instead of 0 .. 2^b-1.
    """

    least_bits = 2  # smallest width that it is defined for
    learns_from_data = False  # True: `init_from` must see a batch before training
    takes_signed = False  # True: the constructor takes `signed`
    options: tuple[str, ...] = ()  # arguments of the constructor, keys of the `quant` section
    kernel: str | None = None  # FUSED (unsigned codes alone) or FAKE_QUANT

    def __init__(self, widths: tuple[int, ...], signed: bool = False):
        super().__init__()
        self.widths = tuple(widths)
        self.signed = signed
        tops = [top_signed(b) if signed else top_code(b) for b in self.widths]
        self.lows = [constant(-top - 1 if signed else 0) for top in tops]
        self.highs = [constant(top) for top in tops]
        self.all_highs, self.no_ports = constants(tops), constants([0.0] * len(tops))
        self.zero = constant(0.0)
        self.quantize = UniformQuantize()

    def grid(self, x: Tensor, slot: int) -> tuple[Tensor, ...]:
        """The codes of a slot: (inv, scale, low, high, step, clip), each float32 of shape (1,).

        inv: codes per real unit; scale: real units per code; low, high: smallest and largest code;
        step, clip: gradient ports of a learned step and clip value. `x` is only asked for its shape.
        """
        raise NotImplementedError

    def grids(self, x: Tensor) -> tuple[Tensor, ...]:
        """The same of all K slots at once, without `low`: (inv, scale, high, step, clip), each (K,)."""
        each = [self.grid(x, slot) for slot in range(len(self.widths))]
        return (
            ops.concat([grid[0] for grid in each]), ops.concat([grid[1] for grid in each]),
            ops.concat([grid[3] for grid in each]), ops.concat([grid[4] for grid in each]),
            ops.concat([grid[5] for grid in each]),
        )  # fmt: skip

    def chosen_codes(self, x, choice, inv, low, high):
        """Codes of x (N, C, H, W) where image n has the grid of its own choice.

        Args:
            choice: one-hot (N, K).
            inv, low, high: (N, 1, 1, 1), of the slots chosen.
        """
        return codes(x, inv, low, high)

    def construct(self, x, slot):
        inv, scale, low, high, step, clip = self.grid(x, slot)
        return self.quantize(x, inv, scale, low, high, step, clip)

    def attach(self, make) -> None:
        """Let the native kernel FAKE_QUANT stand in; `make()` gives a cell of it."""
        self.quantize = make()

    def ranges(self) -> Ranges:
        """What of it a search may set."""
        return None, []

    def grid_values(self, slot: int) -> list[np.ndarray]:
        """inv, scale, low, high of `grid` as they are, each float32 of shape (1,)."""
        any_input = Tensor(np.zeros((1, 1, 1, 1), np.float32))
        return [v.asnumpy() for v in self.grid(any_input, slot)[:4]]

    def fixed(self, slot: int) -> nn.Cell:
        """x -> values of x at a slot, with constants in place of what is learned."""
        return FixedQuantize(*self.grid_values(slot))

    def integer_form(self) -> IntegerInputs:
        """The integers behind `construct`, with the steps as they are.

        Raises:
            UserError: no integer program can hold them.
        """
        grids = [self.grid_values(slot) for slot in range(len(self.widths))]
        inverses, scales = ([float(grid[i][0]) for grid in grids] for i in (0, 1))
        return IntegerInputs(inverses, scales, self.widths, self.signed)
