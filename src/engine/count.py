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
"""The cost model of an integer program: its layers counted as cost/bitops.py wants them.

A wide convolution has no width: what stayed float in training and the controller are listed apart,
in MACs.
"""

from dataclasses import replace

import numpy as np

from src.cost.bitops import CostModel, LayerCost
from src.engine.check import Register, check
from src.engine.operations import Budget, Conv, Wide
from src.engine.program import Program


def cost_of(program: Program) -> CostModel:
    """Prices plans of one program.

    Raises:
        ProgramError: the program cannot be run.
    """
    registers, needed = check(program), program.needed(True)
    layers, controller = [], []
    for i, op in enumerate(program.operations):
        if isinstance(op, Conv | Wide):
            (layers if needed[i] else controller).append(layer_cost(program, registers, i))
    weighed = sum(2 * registers[i].shape[0] for i, op in enumerate(program.operations) if isinstance(op, Budget))
    return CostModel(layers, sum(layer.macs for layer in controller) + weighed)


def kept_bitops(program: Program) -> int:
    """BitOPs that several passes over one image have in common (`Program.steady`)."""
    registers, total = check(program), 0
    for i, op in enumerate(program.operations[: program.steady]):
        if isinstance(op, Conv):
            layer = layer_cost(program, registers, i)
            total += layer.macs * layer.w_bits[0] * layer.a_bits[0]
    return total


def layer_name(program: Program, i: int) -> str:
    """What an operation is called in the network, as the notes of a file tell."""
    return program.notes.get("layers", {}).get(str(i), f"operation {i}")


def layer_cost(program: Program, registers: list[Register], i: int) -> LayerCost:
    """What operation i, a Conv or Wide, costs; `registers` are those of check(program)."""
    op = program.operations[i]
    source, result = registers[op.x], registers[i]
    weights = op.c_out * (source.shape[0] // op.groups) * op.kernel**2
    inputs, pixels = int(np.prod(source.shape)), result.shape[1] * result.shape[2]
    cost = LayerCost(layer_name(program, i), weights * pixels, weights, inputs)
    if isinstance(op, Wide):
        return cost
    w_bits, a_bits = map(tuple, op.arrays["bits"].tolist())
    slot = op.slot if op.slot >= 0 else None
    return replace(
        cost, w_bits=w_bits, a_bits=a_bits, slot=slot, w_column=op.w_column, a_column=op.a_column
    )
