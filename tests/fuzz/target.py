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
"""What must hold for any bytes: a ValueError, or a program that runs as check.py promises."""

import math

import numpy as np

from src.engine.artefact import parse_artefact
from src.engine.check import Register, check
from src.engine.operations import Conv, MaxPool, Pool, Wide
from src.engine.oracle import Oracle
from src.engine.program import Program
from src.engine.table import as_table
from tests.engine.files import parts_of, parts_of_1
from tests.engine.programs import NAMED, pixels, random_program
from tests.engine.promises import broken_promises

LARGEST_WORK = 1_000_000  # multiplications that one image may take


def seeds() -> list[bytes]:
    """Valid artefacts to start from, a few of version 1 among them."""
    programs = [make() for make in NAMED.values()] + [random_program(seed) for seed in range(20)]
    old = [NAMED[name]() for name in ("static", "untied", "rows")]
    return [*map(bytes, map(parts_of, programs)), *map(bytes, map(parts_of_1, old))]


def outcome(content: bytes) -> str:
    """refused, large (accepted, but too large to run here) or ran. AssertionError, or any other:
    a finding."""
    try:
        program = parse_artefact(content)
    except ValueError:
        return "refused"
    if work(program, check(program)) > LARGEST_WORK:
        return "large"
    again = parse_artefact(bytes(parts_of(program)))
    assert np.array_equal(as_table(again.operations), as_table(program.operations))
    image = pixels(program, 1)[0]
    for row in {0, program.rows - 1}:
        for plan in (None, other_plan(program)):
            broken = broken_promises(program, image, plan, row)
            assert not broken, broken
    Oracle(program).run(image[None])
    return "ran"


def other_plan(program: Program) -> np.ndarray | None:
    """A plan from outside: the last candidate everywhere."""
    if program.plan_shape is None:
        return None
    layers, columns, choices = program.plan_shape
    return np.full((layers, columns), choices - 1)


def work(program: Program, registers: list[Register]) -> int:
    """Multiplications and copied values for one image, about."""
    total = 0
    for op, register in zip(program.operations, registers, strict=True):
        count = math.prod(register.shape)
        total += count
        if isinstance(op, Pool):
            total += math.prod(registers[op.x].shape) + 100 * op.bins**2
        elif isinstance(op, (Conv, Wide, MaxPool)):
            c, h, w = registers[op.x].shape
            inputs = 1 if isinstance(op, MaxPool) else c // op.groups
            total += count * inputs * op.kernel**2
            total += c * (h + 2 * op.padding) * (w + 2 * op.padding)
    return total
