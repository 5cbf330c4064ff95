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
"""The integer program: what a trained network is lowered to, and what every engine runs.

A program is a list of operations; operation i writes register i and reads earlier registers. A
register is an array (images, C, H, W) of integers, of one of two kinds:

    codes   quantised activations, unsigned 0 .. 2^b-1 or signed -2^(b-1) .. 2^(b-1)-1
    wide    int32, a real value times 2^exponent; sums that leave int32 stop at its ends

Nothing floats between the pixels (uint8) and the logits: quantisers, batch normalisation and
residual sums are integer multipliers, rounding shifts and saturating sums. A layer's width enters
as a shift of codes (`Conv.master`) or as a choice among stored weights. `round_shift(v, r)` is
`(v + 2^(r-1)) >> r`, the project's one rounding rule.

Each operation's own numbers are its fields, in this order also in the artefact and in C++; its
tables (`arrays`) are named beside it. The semantics are those of oracle.py, which is the definition.
"""

from dataclasses import dataclass, field, fields
from typing import ClassVar

import numpy as np


@dataclass
class Operation:
    """Base of all operations. `arrays`: name -> integer array, as the class says."""

    CODE: ClassVar[int] = -1
    READS: ClassVar[tuple[str, ...]] = ("x",)

    @property
    def reads(self) -> list[int]:
        """The registers that this operation reads."""
        return [getattr(self, name) for name in self.READS]

    @property
    def numbers(self) -> list[int]:
        """The fields without the arrays."""
        return [getattr(self, f.name) for f in fields(self) if f.name != "arrays"]


def _arrays():
    return field(default_factory=dict, kw_only=True)


@dataclass
class Input(Operation):
    """The image: pixel p of channel c becomes table[c, p].

    bits: width of signed codes, or 0: wide. arrays: table int32 (3, 256).
    """

    CODE, READS = 0, ()
    height: int
    width: int
    bits: int
    arrays: dict = _arrays()


@dataclass
class Quantise(Operation):
    """wide -> codes: clip(round_shift(v multiplier, shift), low, high).

    One variant, or one for each candidate of `slot` (column `column` of the plan). arrays:
    multiplier int32 (V,); bits int64 (V,), whose largest codes are the clip.
    """

    CODE = 1
    x: int
    shift: int
    signed: int
    slot: int
    column: int
    arrays: dict = _arrays()


@dataclass
class Conv(Operation):
    """codes -> wide: an integer convolution, then one multiply, add and shift per channel.

        acc = sum of child(w) child(x);  s = (master - w bits) + (master - a bits), 0 without master
        y = saturate(round_shift((acc << s) multiplier + bias, shift)), at least 0 if relu

    master > 0: one stored weight, of which (and of the input) a width is a rounding shift; 0: one
    stored weight per candidate. odd: a stored code c stands for 2 c + 1 (DoReFa). slot < 0: static.
    w_column, a_column: columns of the plan. A dense layer is a 1x1 convolution of one pixel.
    arrays: bits int64 (2, K), of weights and inputs; weight.0 .. int8 (O, c_in, k, k), c_in per group;
    multiplier int32 (R, V, A, O), row, weight choice, input choice; bias int64 (R, O).
    """

    CODE = 2
    x: int
    c_out: int
    c_in: int
    kernel: int
    stride: int
    padding: int
    groups: int
    slot: int
    w_column: int
    a_column: int
    master: int
    odd: int
    shift: int
    relu: int
    arrays: dict = _arrays()


@dataclass
class Wide(Operation):
    """wide -> wide: a convolution with int32 weights, round_shift(sum of w x, shift), saturated.

    For what stays float in training: a first or last layer, the controller. arrays: weight int32
    (O, I / groups, k, k).
    """

    CODE = 3
    x: int
    c_out: int
    kernel: int
    stride: int
    padding: int
    groups: int
    shift: int
    arrays: dict = _arrays()


@dataclass
class Affine(Operation):
    """wide -> wide: saturate(round_shift(v multiplier + bias, shift)) per channel, relu.

    arrays: multiplier int32 (R, C); bias int64 (R, C).
    """

    CODE = 4
    x: int
    shift: int
    relu: int
    arrays: dict = _arrays()


@dataclass
class Add(Operation):
    """Two wide registers: the saturated sum, at least 0 if relu."""

    CODE, READS = 5, ("x", "y")
    x: int
    y: int
    relu: int
    arrays: dict = _arrays()


@dataclass
class Pool(Operation):
    """wide -> wide (C, bins, bins): rounded means over bins of floor(i s / b) .. ceil((i+1) s / b)-1."""

    CODE = 6
    x: int
    bins: int
    arrays: dict = _arrays()


@dataclass
class MaxPool(Operation):
    """wide -> wide: maximum over windows; what lies outside the image does not count."""

    CODE = 7
    x: int
    kernel: int
    stride: int
    padding: int
    arrays: dict = _arrays()


@dataclass
class Subsample(Operation):
    """wide -> wide: every stride-th pixel, `before` and `after` channels of zeros around."""

    CODE = 8
    x: int
    stride: int
    before: int
    after: int
    arrays: dict = _arrays()


@dataclass
class Choose(Operation):
    """wide (layers columns choices, 1, 1) -> the plan: the first largest of each `choices` values.

    shared: the register holds one layer's values, which serve for all.
    """

    CODE = 9
    x: int
    layers: int
    columns: int
    choices: int
    shared: int
    arrays: dict = _arrays()


OPERATIONS = {
    op.CODE: op
    for op in (Input, Quantise, Conv, Wide, Affine, Add, Pool, MaxPool, Subsample, Choose)
}
FIELDS = 1 + max(len(fields(op)) - 1 for op in OPERATIONS.values())


@dataclass
class Program:
    """Operations in order; the last one's register holds the logits (wide, (classes, 1, 1)).

    Attributes:
        operations: see above.
        rows: R, how many rows of statistics the multipliers and biases have.
        notes: documentation only, as JSON: names, scales, labels, provenance (see lower.py).
    """

    operations: list[Operation]
    rows: int = 1
    notes: dict = field(default_factory=dict)

    @property
    def chooser(self) -> int | None:
        """The operation that makes the plan, or None."""
        found = [i for i, op in enumerate(self.operations) if isinstance(op, Choose)]
        return found[0] if found else None

    @property
    def plan_shape(self) -> tuple[int, int, int] | None:
        """(layers, columns, choices) of the plan, or None."""
        if self.chooser is None:
            return None
        choose = self.operations[self.chooser]
        return choose.layers, choose.columns, choose.choices

    @property
    def slots(self) -> dict[int, Conv]:
        """The dynamic convolution of each slot of the plan."""
        convs = [op for op in self.operations if isinstance(op, Conv) and op.slot >= 0]
        return {op.slot: op for op in convs}

    def needed(self, with_plan: bool) -> list[bool]:
        """Which operations have to run; with a plan from outside, not the controller's."""
        last = len(self.operations) - 1
        queue = [last] if with_plan or self.chooser is None else [last, self.chooser]
        seen = set()
        while queue:
            i = queue.pop()
            if i not in seen:
                seen.add(i)
                queue += self.operations[i].reads
        return [i in seen for i in range(len(self.operations))]

    def last_use(self, needed: list[bool]) -> list[int]:
        """The last of the needed operations that reads each register; of the logits, one behind
        all; -1 where none does."""
        last = [-1] * len(self.operations)
        for i, op in enumerate(self.operations):
            if needed[i]:
                for register in op.reads:
                    last[register] = i
        last[-1] = len(last)
        return last


def as_table(operations: list[Operation]) -> np.ndarray:
    """int64 (operations, FIELDS): the operation's code and its numbers, zeros behind."""
    table = np.zeros((len(operations), FIELDS), np.int64)
    for row, op in zip(table, operations, strict=True):
        row[0] = op.CODE
        row[1 : 1 + len(op.numbers)] = op.numbers
    return table


def from_table(table: np.ndarray) -> list[Operation]:
    """The operations of a table, without arrays. ValueError: unknown code, or numbers left over."""
    operations = []
    for i, (code, *numbers) in enumerate(table.tolist()):
        kind = OPERATIONS.get(code)
        if kind is None:
            raise ValueError(f"operation {i}: unknown code {code}")
        count = len(fields(kind)) - 1
        if any(numbers[count:]):
            raise ValueError(f"operation {i}: {kind.__name__} has only {count} numbers")
        operations.append(kind(*numbers[:count]))
    return operations
