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
"""What a program costs an engine, counted before it runs, so that check.py can refuse what is absurd.

    work     multiplications, and values made or copied, for one image
    memory   bytes of one image's registers that are needed at once (int32), and of the copies with
             zeros around that a convolution is made from
    packed   bytes of a convolution's weights at all its widths (pairs of int16, 16 channels at a
             time), multipliers and biases, as the native engine keeps them

A thread of the native engine holds up to twice the registers counted, as it uses freed ones again.
The limits leave room: ResNet-50 at 224 pixels takes 4.1e9, 11 MiB and, at three widths, 135 MiB.
kernels/csrc/engine/bounds.cc counts the same.
"""

import math

from src.engine.declaration import Operation
from src.engine.operations import Choose, Conv, MaxPool, Pool, Wide
from src.engine.program import Program

LARGEST_WORK = 2**36
LARGEST_MEMORY = 2**29
LARGEST_PACKED = 2**32

Shape = tuple[int, int, int]
_LANES = 16  # output channels that packed weights are grouped in


def work(op: Operation, shape: Shape, inputs: list[Shape]) -> int:
    """Of one image. `shape`: of the operation's register, (C, H, W); `inputs`: of those it reads."""
    count = math.prod(shape)
    if isinstance(op, Conv | Wide):
        per_value = inputs[0][0] // op.groups * op.kernel**2
        return count * per_value + op.groups * _padded(op, inputs[0])
    if isinstance(op, MaxPool):
        return count * op.kernel**2
    return count + math.prod(inputs[0]) if isinstance(op, Pool) else count


def packed(op: Operation, rows: int) -> int:
    """Bytes of the weights, at all widths, of a checked operation."""
    if not isinstance(op, Conv):
        return 0
    multipliers, biases = (math.prod(op.arrays[n].shape[1:3]) for n in ("multiplier", "bias"))
    lanes = op.groups * -(-op.c_out // op.groups // _LANES) * _LANES
    weights = op.kernel**2 * -(-op.c_in // 2) * 4 * op.arrays["bits"].shape[1]
    return lanes * (weights + rows * (multipliers * 4 + biases * 8))


def memory(program: Program, shapes: list[Shape]) -> tuple[int, int]:
    """(bytes, the operation whose registers take most of them). `shapes`: of the registers."""
    needed = program.needed(False)
    last = program.last_use(needed)
    sizes = [0 if isinstance(op, Choose) else math.prod(shape)
             for op, shape in zip(program.operations, shapes, strict=True)]  # fmt: skip
    held, most, where, beside = 0, 0, 0, 0
    for i, op in enumerate(program.operations):
        beside = max(beside, _scratch(op, shapes))
        if not needed[i]:
            continue
        held += sizes[i]
        if held > most:
            most, where = held, i
        held -= sum(sizes[r] for r in set(op.reads) if last[r] == i)
    return 4 * most + beside, where


def _scratch(op: Operation, shapes: list[Shape]) -> int:
    if isinstance(op, Conv):
        return 2 * _padded(op, shapes[op.x])
    return 4 * op.groups * _padded(op, shapes[op.x]) if isinstance(op, Wide) and op.padding else 0


def _padded(op: Conv | Wide, shape: Shape) -> int:
    """Values of one group of an input with zeros around; codes lie in pairs of channels."""
    channels = shape[0] // op.groups
    if isinstance(op, Conv):
        channels += channels % 2
    return channels * (shape[1] + 2 * op.padding) * (shape[2] + 2 * op.padding)
