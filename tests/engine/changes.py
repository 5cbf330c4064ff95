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
"""Changes to operations of a program, which break it."""

import numpy as np

from src.engine.program import Program


def fields(**values):
    """A change: fields of the operation."""
    return lambda op: [setattr(op, name, value) for name, value in values.items()]


def array(name, change):
    """A change: an array of the operation, through a function of it."""
    return lambda op: op.arrays.update({name: change(op.arrays[name])})


def drop(name):
    return lambda op: op.arrays.pop(name)


def filled(value):
    return lambda a: np.full_like(a, value)


def repeated(a):
    """17 candidates."""
    return np.repeat(a[..., :1], 17, -1)


def halved(a):
    """Twice the rows of half the channels."""
    return a.reshape(2, -1)


def doubled(a):
    return np.repeat(a, 2, 0)


def side(name, row, value):
    """A change: one row of an array."""
    return array(name, lambda a: np.where(np.arange(len(a))[:, None] == row, value, a))


def narrow(a):
    return a[..., :-1]


def both(*changes):
    return lambda op: [change(op) for change in changes]


def nothing(op):
    pass


def moved(program: Program) -> None:
    """A change: every slot is the next one."""
    for op in program.operations:
        if getattr(op, "slot", -1) >= 0:
            op.slot += 1
