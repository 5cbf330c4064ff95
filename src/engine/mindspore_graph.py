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
"""The MindSpore engine: an integer program as a graph of `Custom` (aot) operators, one per operation.

The C++ engine's own code runs each operation, so that the graph gives its integers; the graph can be
exported to MINDIR and loaded again where the library is. All registers are int32 (N, C, H, W).
"""

from dataclasses import replace

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn, ops

from src.engine.check import Register, check
from src.engine.declaration import Operation
from src.engine.operations import Budget, Choose, Input
from src.engine.program import Program
from src.engine.structure import array_names
from src.engine.table import as_table
from src.kernels.custom import integer_operation


class MindSporeGraph(nn.Cell):
    """(images uint8 (N, 3, H, W)) -> logits int32 (N, classes), or (logits, plan int32 (N, L, C)).

    A budget, int64 (1,), may follow the images: BitOPs of an image, instead of the program's.

    Args:
        program: a checked one; a batch has as many images as in the first call.
        row: of the statistics.
        plan: candidates int (layers, columns) of all images instead of the controller's, such as those
            of a rung; what only makes a plan does not run then, and the answer is the logits.
    """

    def __init__(self, program: Program, row: int = 0, plan: np.ndarray | None = None):
        super().__init__()
        registers = check(program)
        operations = program.operations
        given = plan is not None
        self.choosers = [] if given else program.choosers
        self.decided_by = _decided_by(program)
        self.given = Tensor(plan[None].astype(np.int64)) if given else None
        self.runs = program.needed(True) if given else [True] * len(operations)
        self.reads = [op.reads for op in operations]
        self.is_input = [isinstance(op, Input) for op in operations]
        self.steps = nn.CellList()
        for i, op in enumerate(operations):
            read = registers[op.reads[0]] if op.reads else Register("wide", (1, 1, 1))
            choices = 0
            if self.decided_by[i]:
                part = operations[self.decided_by[i][0]]
                choices = part.choices
                if not given:  # it is handed a part of the plan: its slot counts from there
                    op = replace(op, slot=op.slot - part.slot)
            more = [program.rows, row, read.bits, read.signed, choices]
            numbers = np.concatenate([as_table([op])[0], more]).astype(np.int64)
            self.steps.append(_Step(op, numbers, registers[i], i))
        self.no_plan = Tensor(np.zeros((1, 1, 1), np.int64))

    def registers(self, images, budget=None):
        """What every operation writes, int32; of a Choose (N, its layers, columns), of one that does not
        run nothing of use."""
        values = ()
        for i, step in enumerate(self.steps):
            if not self.runs[i]:
                values = values + (self.no_plan,)
                continue
            inputs, plan = (), self.no_plan
            if self.is_input[i]:
                inputs = (images,)
            for register in self.reads[i]:
                inputs = inputs + (values[register],)
            if self.decided_by[i]:
                plan = self.plan_of(values, i, images.shape[0])
            values = values + (step(inputs, plan, budget),)
        return values

    def plan_of(self, values, i, images):
        """The part of the plan (images, slots, columns) that operation i is handed."""
        if self.given is not None:
            return ops.tile(self.given, (images, 1, 1))
        parts = ()
        for part in self.decided_by[i]:
            parts = parts + (values[part],)
        return ops.concat(parts, 1).astype(ms.int64)

    def construct(self, images, budget=None):
        values = self.registers(images, budget)
        logits = values[-1].reshape((images.shape[0], -1))
        if not self.choosers:
            return logits
        plan = ()
        for i in self.choosers:
            plan = plan + (values[i],)
        return logits, ops.concat(plan, 1)


def _decided_by(program: Program) -> list[list[int]]:
    """Of every operation, the Chooses whose parts of the plan it is handed, in the order of slots: the one
    that decides its slot, or all before the slot that it minds the budget for."""
    operations = program.operations
    first = {i: operations[i].slot for i in program.choosers}
    by_slot = {s + n: i for i, s in first.items() for n in range(operations[i].layers)}

    def of(op: Operation) -> list[int]:
        if isinstance(op, Budget):
            return [i for i, slot in first.items() if slot < op.slot]
        slot = -1 if isinstance(op, Choose) else getattr(op, "slot", -1)
        return [by_slot[slot]] if slot >= 0 else []

    return list(map(of, operations))


class _Step(nn.Cell):
    """One operation: (its inputs, the plan, a run's budget or None) -> its register."""

    def __init__(self, op: Operation, numbers: np.ndarray, register: Register, index: int):
        super().__init__()
        shape = register.shape[:2] if isinstance(op, Choose) else register.shape

        def out_shape(_numbers, x, *_):
            return (x[0], *shape)

        self.operation = integer_operation(out_shape, (index, shape))
        self.numbers, self.minds = Tensor(numbers), isinstance(op, Budget)
        if self.minds:  # its budget is one of the numbers
            place = 1 + list(op.declared()).index("budget")
            self.budget, self.place = op.budget, Tensor(np.eye(1, len(numbers), place, np.int64)[0])
        arrays = [op.arrays[name] for name in array_names(op)]
        self.arrays = tuple(Tensor(np.ascontiguousarray(array)) for array in arrays)

    def construct(self, inputs, plan, budget):
        numbers = self.numbers
        if self.minds and budget is not None:
            numbers = numbers + self.place * (budget - self.budget)
        return self.operation(numbers, *inputs, plan, *self.arrays)
