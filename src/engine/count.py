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
"""What a plan costs, counted on the integer program alone, with the conventions of cost/bitops.py.

    BitOPs = sum over convolutions of codes of MACs x weight bits x input bits

A wide convolution has no width: what stayed float in training and the controller are listed apart,
in MACs. A plan is int64 (N, layers, columns); a program without a controller takes None.
"""

from dataclasses import dataclass

import numpy as np

from src.engine.check import Register, check
from src.engine.program import Conv, Program, Wide


@dataclass(frozen=True)
class LayerCount:
    """One convolution or dense layer for one image.

    Attributes:
        operation: its place in the program.
        macs: multiply-accumulates.
        weights, inputs: elements that a change of width touches.
        is_wide: it runs on int32, without a width.
        is_controller: only the choice of a plan needs it.
    """

    operation: int
    macs: int
    weights: int
    inputs: int
    is_wide: bool
    is_controller: bool


class Counts:
    """Prices plans of one program.

    Attributes:
        layers: every Conv and Wide, in program order.
        dynamic: those that a plan decides on, in slot order.

    Raises:
        ProgramError: the program cannot be run.
    """

    def __init__(self, program: Program):
        self.program = program
        registers, needed = check(program), program.needed(True)
        self.layers = [
            _count(i, program, registers, not needed[i])
            for i, op in enumerate(program.operations)
            if isinstance(op, Conv | Wide)
        ]
        slots = program.slots
        self.convs = [slots[slot] for slot in sorted(slots)]
        by_place = {layer.operation: layer for layer in self.layers}
        places = {op.slot: i for i, op in enumerate(program.operations) if isinstance(op, Conv)}
        self.dynamic = [by_place[places[slot]] for slot in sorted(slots)]

    @property
    def float_macs(self) -> int:
        """Multiply-accumulates of the wide layers of one image, the controller's apart."""
        return sum(x.macs for x in self.layers if x.is_wide and not x.is_controller)

    @property
    def controller_macs(self) -> int:
        """Multiply-accumulates that choosing a plan costs."""
        return sum(x.macs for x in self.layers if x.is_controller)

    def fixed(self) -> int:
        """BitOPs of the layers that no plan decides on, for one image."""
        total = 0
        for layer in self.layers:
            op = self.program.operations[layer.operation]
            if isinstance(op, Conv) and op.slot < 0:
                total += layer.macs * int(op.arrays["bits"][0, 0] * op.arrays["bits"][1, 0])
        return total

    def price(self, slot: int, choices: np.ndarray) -> int:
        """BitOPs of one dynamic layer; choices (columns,): its candidates."""
        op = self.convs[slot]
        w_bits, a_bits = op.arrays["bits"]
        product = w_bits[choices[op.w_column]] * a_bits[choices[op.a_column]]
        return self.dynamic[slot].macs * int(product)

    def widths(self, plan: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Bits of weights and of inputs, int64 (N, layers) each; without a plan (1, 0)."""
        if plan is None:
            return np.zeros((1, 0), np.int64), np.zeros((1, 0), np.int64)
        choices = [(op.w_column, op.a_column) for op in self.convs]
        pairs = [
            [op.arrays["bits"][side][plan[:, slot, choices[slot][side]]] for side in (0, 1)]
            for slot, op in enumerate(self.convs)
        ]
        w_bits, a_bits = np.array(pairs, np.int64).transpose(1, 2, 0)
        return w_bits, a_bits

    def bitops(self, plan: np.ndarray | None) -> np.ndarray:
        """BitOPs of each image, int64 (N,), static layers included; (1,) without a plan."""
        w_bits, a_bits = self.widths(plan)
        return self.fixed() + (w_bits * a_bits) @ self._per_layer("macs")

    def width_changes(self, plan: np.ndarray | None, master: int = 8) -> np.ndarray:
        """Elements that leave the master width for each image, int64 (N,): a layer's weights, plus
        its inputs, where their width is not `master`."""
        w_bits, a_bits = self.widths(plan)
        changed = (w_bits != master) @ self._per_layer("weights")
        return changed + (a_bits != master) @ self._per_layer("inputs")

    def mean_bits(self, plan: np.ndarray | None) -> np.ndarray:
        """Mean width of each image over the dynamic layers, float64 (N,); without a plan (1,): over
        the convolutions of codes between first and last layer, 32 if there are none."""
        if plan is not None:
            w_bits, a_bits = self.widths(plan)
            return (w_bits.mean(1) + a_bits.mean(1)) / 2
        network = [x for x in self.layers if not x.is_controller]
        inner = [self.program.operations[x.operation] for x in network[1:-1] if not x.is_wide]
        return np.array([np.mean([op.arrays["bits"][:, 0] for op in inner]) if inner else 32.0])

    def _per_layer(self, what: str) -> np.ndarray:
        return np.array([getattr(layer, what) for layer in self.dynamic], np.int64)


def _count(i: int, program: Program, registers: list[Register], is_controller: bool) -> LayerCount:
    op = program.operations[i]
    source, result = registers[op.x], registers[i]
    weights = op.c_out * (source.shape[0] // op.groups) * op.kernel**2
    inputs, pixels = int(np.prod(source.shape)), result.shape[1] * result.shape[2]
    return LayerCount(i, weights * pixels, weights, inputs, isinstance(op, Wide), is_controller)
