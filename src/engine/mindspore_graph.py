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
from src.engine.program import Choose, Input, Operation, Program
from src.engine.structure import array_names
from src.engine.table import as_table
from src.kernels.ops import integer_operation


class MindSporeGraph(nn.Cell):
    """(images uint8 (N, 3, H, W)) -> logits int32 (N, classes), or (logits, plan int32 (N, L, C)).

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
            if self.decided_by[i] >= 0:
                part = operations[self.decided_by[i]]
                choices = part.choices
                if not given:  # it is handed that part of the plan: its slot counts from there
                    op = replace(op, slot=op.slot - part.slot)
            more = [program.rows, row, read.bits, read.signed, choices]
            numbers = np.concatenate([as_table([op])[0], more]).astype(np.int64)
            self.steps.append(_Step(op, numbers, registers[i], i))
        self.no_plan = Tensor(np.zeros((1, 1, 1), np.int64))

    def registers(self, images):
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
            if self.decided_by[i] >= 0:
                if self.given is None:
                    plan = values[self.decided_by[i]].astype(ms.int64)
                else:
                    plan = ops.tile(self.given, (images.shape[0], 1, 1))
            values = values + (step(inputs, plan),)
        return values

    def construct(self, images):
        values = self.registers(images)
        logits = values[-1].reshape((images.shape[0], -1))
        if not self.choosers:
            return logits
        plan = ()
        for i in self.choosers:
            plan = plan + (values[i],)
        return logits, ops.concat(plan, 1)


def _decided_by(program: Program) -> list[int]:
    """Of every operation, the Choose that decides its slot, or -1."""
    operations = program.operations
    by_slot = {
        operations[i].slot + n: i for i in program.choosers for n in range(operations[i].layers)
    }
    return [
        -1 if isinstance(op, Choose) else by_slot.get(getattr(op, "slot", -1), -1)
        for op in operations
    ]


class _Step(nn.Cell):
    """One operation: (its inputs, the plan) -> its register."""

    def __init__(self, op: Operation, numbers: np.ndarray, register: Register, index: int):
        super().__init__()
        shape = register.shape[:2] if isinstance(op, Choose) else register.shape

        def out_shape(_numbers, x, *_):
            return (x[0], *shape)

        self.operation = integer_operation(out_shape, (index, shape))
        self.numbers = Tensor(numbers)
        arrays = [op.arrays[name] for name in array_names(op)]
        self.arrays = tuple(Tensor(np.ascontiguousarray(array)) for array in arrays)

    def construct(self, inputs, plan):
        return self.operation(self.numbers, *inputs, plan, *self.arrays)
