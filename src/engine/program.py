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

A program is a list of operations (operations.py); operation i writes register i and reads earlier
registers. A register is an array (images, C, H, W) of integers, of one of two kinds:

    codes   quantised activations, unsigned 0 .. 2^b-1 or signed -2^(b-1) .. 2^(b-1)-1
    wide    int32, a real value times 2^exponent; sums that leave int32 stop at its ends

A Choose writes a part of the plan: the candidate of each of its layers and columns. Nothing floats
between the pixels (uint8) and the logits: quantisers, batch normalisation and residual sums are
integer multipliers, rounding shifts and bounded sums.
"""

from dataclasses import dataclass, field

from src.engine.declaration import Operation
from src.engine.operations import Affine, Budget, Choose, Conv, Quantise


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
    def choosers(self) -> list[int]:
        """The operations that make the plan, in the order of their slots."""
        found = [i for i, op in enumerate(self.operations) if isinstance(op, Choose)]
        return sorted(found, key=lambda i: self.operations[i].slot)

    @property
    def plan_shape(self) -> tuple[int, int, int] | None:
        """(layers, columns, choices) of the whole plan, or None."""
        parts = [self.operations[i] for i in self.choosers]
        if not parts:
            return None
        return max(p.slot + p.layers for p in parts), parts[0].columns, parts[0].choices

    @property
    def budget(self) -> int | None:
        """BitOPs of an image in a run without a budget of its own; None: no choice minds one."""
        return next((op.budget for op in self.operations if isinstance(op, Budget)), None)

    @property
    def slots(self) -> dict[int, Conv]:
        """The dynamic convolution of each slot of the plan."""
        convs = [op for op in self.operations if isinstance(op, Conv) and op.slot >= 0]
        return {op.slot: op for op in convs}

    def needed(self, with_plan: bool) -> list[bool]:
        """Which operations have to run; with a plan from outside, not those that only make one."""
        queue = [len(self.operations) - 1, *([] if with_plan else self.choosers)]
        seen = set()
        while queue:
            i = queue.pop()
            if i not in seen:
                seen.add(i)
                queue += self.operations[i].reads
        return [i in seen for i in range(len(self.operations))]

    @property
    def steady(self) -> int:
        """How many operations come before the first that a plan or a row of statistics changes: what
        several passes over one image have in common."""
        changing = (i for i, op in enumerate(self.operations) if _changes(op))
        return next(changing, len(self.operations))

    def last_use(self, needed: list[bool]) -> list[int]:
        """The last of the needed operations that reads each register; of the logits, one behind
        all; -1 where none does."""
        last = [-1] * len(self.operations)
        for i, op in enumerate(self.operations):
            if needed[i]:
                for read in op.reads:
                    last[read] = i
        last[-1] = len(last)
        return last


def _changes(op: Operation) -> bool:
    """Whether the result of an operation depends on the plan or the row, if what it reads does not."""
    if isinstance(op, Budget):
        return op.slot > 0
    if isinstance(op, Quantise | Conv) and op.slot >= 0 and op.arrays["bits"].shape[-1] > 1:
        return True
    tables = [op.arrays[name] for name in ("multiplier", "bias")] if isinstance(op, Conv | Affine) else []
    return any((table != table[:1]).any() for table in tables)
