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
    memory   bytes of one image's registers (int32) and codes (a byte each, with the zeros around that
             their convolution pads with) that are held at once, and of the copies with zeros around
             that a convolution is made from
    packed   bytes of a convolution's weights, multipliers and biases at all its widths, the most that
             the native engine keeps: packed for every pair of widths that it may run at, 16 channels
             at a time, for any of its kernels

A step may do what follows its operation too, so that what that writes counts from there on; and
registers that several passes over an image have in common (`Program.steady`) are held to the end. A
thread of the native engine holds up to twice that, as it uses freed memory again, and up to 32 MiB of
sums where a max pool follows a convolution. Weights that are packed into the same bytes for several
widths, as most are for unsigned codes, are kept once.
The limits leave room: ResNet-50 at 224 pixels takes 4.1e9, 15 MiB and, at three widths, 279 MiB.
kernels/csrc/engine/bounds.cc counts the same.
"""

import math
from itertools import accumulate

from src.engine.declaration import Operation
from src.engine.operations import Add, Affine, Choose, Conv, MaxPool, Pool, Quantise, Wide
from src.engine.program import Program

LARGEST_WORK = 2**36
LARGEST_MEMORY = 2**29
LARGEST_PACKED = 2**32

Shape = tuple[int, int, int]
_LANES = 16  # output channels that packed weights are grouped in
_TRANSFORMED = 36  # positions of Winograd's 3x3 weights, the most
_WORD = 8  # bytes of 4 weights of a channel, the most
_SLACK = 128  # bytes around codes that may be read


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
    lanes = op.groups * -(-op.c_out // op.groups // _LANES) * _LANES
    widths = op.arrays["bits"].shape[1]
    pairs = widths if op.w_column == op.a_column else widths**2
    transforms = (op.kernel, op.stride, op.groups) == (3, 1, 1)
    positions = _TRANSFORMED if transforms else op.kernel**2
    weights = positions * (-(-op.c_in // 4) * _WORD + 4)
    multipliers, biases = (math.prod(op.arrays[n].shape[1:3]) for n in ("multiplier", "bias"))
    stored = multipliers * 4 + biases * 8
    return lanes * (pairs * (weights + 16 * (rows + 1)) + stored * rows)


def memory(program: Program, shapes: list[Shape]) -> tuple[int, int]:
    """(bytes, the operation that most of them are held at). `shapes`: of the registers."""
    operations, steady, end = program.operations, program.steady, len(program.operations)
    needed = program.needed(False)
    last = program.last_use(needed)
    change = [0] * (end + 2)  # of the bytes held, by operation

    def hold(size: int, first: int, until: int) -> None:
        change[first] += size
        change[until + 1] -= size

    for i, op in enumerate(operations):
        if not needed[i]:
            continue
        size = 0 if isinstance(op, Choose) else math.prod(shapes[i])
        first, until = _begun(operations, i), max(last[i], i)
        stays = first < steady <= until  # as later passes find it
        hold(4 * size, first, end if stays else until)
        if isinstance(op, Conv):
            source = operations[op.x]
            written = _begun(operations, source.x) if isinstance(source, Quantise) else i
            hold(_codes(op, shapes[op.x]), written, i)
    held = list(accumulate(change))
    most = max(held)
    return most + max(_scratch(op, shapes) for op in operations), held.index(most)


def _begun(operations: list[Operation], register: int) -> int:
    """The operation whose step may write a register: a convolution does what follows it, too."""
    op = operations[register]
    return max(op.reads) if isinstance(op, Add | Affine | MaxPool) else register


def _codes(op: Conv, shape: Shape) -> int:
    """Bytes of the codes that a convolution reads; two rows behind them may be read, too."""
    c, h, w = shape
    return c * (h + 2 * op.padding + 2) * (w + 2 * op.padding) + _SLACK


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
