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
"""Programs that are too large, or that put together what does not fit."""

import numpy as np

from src.engine.operations import Budget, Choose, MaxPool, Subsample
from src.engine.program import Program
from tests.engine.builder import Builder
from tests.engine.programs import minding


def two_images(height: int = 6, width: int = 7) -> Program:
    b = Builder()
    b.image(6)
    return b.logits(b.image(height, width))


def two_choices(columns: int = 1, widths=(2, 4, 8)) -> Program:
    """Of slot 0, and of slot 1, which no convolution uses."""
    b = Builder()
    x = b.image(6)
    b.controller(x, 1)
    b.controller(x, 1, columns, widths)
    return b.logits(x)


def long_sum() -> Program:
    """A convolution of 2^16 codes of 8 bits for each sum."""
    b = Builder()
    x = b.subsample(b.image(16), 1, 126, 127)
    x = b.conv(b.quantise(x, (8,)), 1, 16, 1, 0, w_bits=(8,), a_bits=(8,))
    return b.logits(x)


def codes_into(kind: type) -> Program:
    b = Builder()
    x = b.image(6, bits=4)
    {MaxPool: b.max_pool, Subsample: b.subsample, Choose: lambda x: None}[kind](x)
    if kind is Choose:
        b.operations.append(Choose(x, 0, 1, 1, 2, 0))
    return Program(b.operations)


def added(height: int, width: int, channels: int = 0) -> Program:
    """The sum of a register and of every other pixel of it, with more channels."""
    b = Builder()
    x = b.subsample(b.image(height, width), 1, 0, 0)
    return b.logits(b.add(x, b.subsample(x, 2, 0, channels)))


def chosen(height: int, width: int) -> Program:
    b = Builder()
    x = b.image(height, width)
    return Program([*b.operations, Choose(x, 0, 1, 1, 3, 0)])


def other_prices(choices: int, inputs: int) -> Program:
    """Its second budget counts choices of another number than the plan has."""
    program = minding()
    op = [op for op in program.operations if isinstance(op, Budget)][1]
    op.arrays["prices"] = np.ones((op.layers, choices, inputs), np.int64)
    return program


def large_image(channels: int, sums: int = 0) -> Program:
    b = Builder()
    x = b.wide(b.image(4096), channels, 1, 1, 0)
    for _ in range(sums):
        b.add(x, x)
    return b.logits(x)


def large_window() -> Program:
    """A maximum over 2^20 pixels for each of 2^19 values, of a file of 4 KiB."""
    b = Builder()
    return b.logits(b.max_pool(b.subsample(b.image(1024), 1, 0, 5), 1024, 4, 512))


def many_widths() -> Program:
    """2^22 depthwise weights, which take 64 bytes each at each of 16 widths."""
    b = Builder()
    x = b.subsample(b.image(8), 1, 0, 65533)
    b.controller(b.image(8), 1, widths=(2,) * 16)
    return b.logits(b.dynamic(x, 65536, 8, 1, 0, 65536, master=8))
