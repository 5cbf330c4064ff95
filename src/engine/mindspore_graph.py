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

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn

from src.engine.check import Register, check
from src.engine.program import Choose, Input, Operation, Program, as_table
from src.kernels.ops import integer_operation

_ARRAYS = ("table", "bits", "multiplier", "bias", "weight")  # the operator's order of inputs


class MindSporeGraph(nn.Cell):
    """(images uint8 (N, 3, H, W)) -> logits int32 (N, classes), or (logits, plan int32 (N, L, C)).

    Args:
        program: a checked one; a batch has as many images as in the first call.
        row: of the statistics.
    """

    def __init__(self, program: Program, row: int = 0):
        super().__init__()
        registers = check(program)
        self.chooser = program.chooser
        table = as_table(program.operations)
        choices = registers[self.chooser].shape[2] if self.chooser is not None else 0
        self.reads = [op.reads for op in program.operations]
        self.is_input = [isinstance(op, Input) for op in program.operations]
        self.steps = nn.CellList()
        for i, op in enumerate(program.operations):
            read = registers[op.reads[0]] if op.reads else Register("wide", (1, 1, 1))
            has_plan = self.chooser is not None and i > self.chooser
            more = [program.rows, row, read.bits, read.signed, choices if has_plan else 0]
            numbers = np.concatenate([table[i], more]).astype(np.int64)
            self.steps.append(_Step(op, numbers, registers[i], i))
        self.no_plan = Tensor(np.zeros((1, 1, 1), np.int64))

    def construct(self, images):
        plan, answer, values = self.no_plan, None, ()
        for i, step in enumerate(self.steps):
            if self.is_input[i]:
                inputs = (images,)
            else:
                inputs = ()
                for register in self.reads[i]:
                    inputs = inputs + (values[register],)
            value = step(inputs, plan)
            if i == self.chooser:
                answer = value
                plan = value.astype(ms.int64)
            values = values + (value,)
        logits = values[-1].reshape((images.shape[0], -1))
        return logits if answer is None else (logits, answer)


class _Step(nn.Cell):
    """One operation: (its inputs, the plan) -> its register."""

    def __init__(self, op: Operation, numbers: np.ndarray, register: Register, index: int):
        super().__init__()
        shape = register.shape[:2] if isinstance(op, Choose) else register.shape

        def out_shape(_numbers, x, *_):
            return (x[0], *shape)

        self.operation = integer_operation(out_shape, (index, shape))
        self.numbers = Tensor(numbers)
        names = sorted(op.arrays, key=_place)
        self.arrays = tuple(Tensor(np.ascontiguousarray(op.arrays[name])) for name in names)

    def construct(self, inputs, plan):
        return self.operation(self.numbers, *inputs, plan, *self.arrays)


def _place(name: str) -> tuple[int, int]:
    """Of an array among an operator's inputs; `weight.10` comes after `weight.2`."""
    prefix, _, variant = name.partition(".")
    return _ARRAYS.index(prefix), int(variant or 0)
