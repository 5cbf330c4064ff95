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
"""Refuse a program that an engine could not run exactly; tell the registers of one that it can.

Checked for every operation: it is as declared (structure.py), shapes fit, slots of the plan are
decided before they are used, no sum leaves the integers that engines compute it in (int32 for a
convolution of codes, 63 bits after a multiplier, int64 for a wide one), and one image takes neither
too much memory nor too long (bounds.py). All arrays being integers, nothing floats from the pixels
to the logits. kernels/csrc/engine/check.cc checks the same.
"""

import math
from collections.abc import Callable

import numpy as np

from src.engine import bounds
from src.engine.bounds import LARGEST_MEMORY, LARGEST_PACKED, LARGEST_WORK
from src.engine.declaration import (
    LARGEST_CHANNELS,
    LARGEST_LAYERS,
    LARGEST_OPERATIONS,
    LARGEST_ROWS,
    LARGEST_SIDE,
    Operation,
)
from src.engine.integers import INT32, limits
from src.engine.operations import (
    Add,
    Affine,
    Bucketise,
    Budget,
    Choose,
    Conv,
    Input,
    MaxPool,
    Pool,
    Quantise,
    Subsample,
    Wide,
)
from src.engine.program import Program
from src.engine.structure import ProgramError, Register, check_structure, need

LARGEST_REGISTER, LARGEST_PROGRAM = 2**28, 2**30  # values in one register, in all of a program


def check(program: Program) -> list[Register]:
    """The registers of a program. ProgramError if it cannot be run."""
    if not 1 <= program.rows <= LARGEST_ROWS:
        raise ProgramError(f"{program.rows} rows of statistics; allowed are 1..{LARGEST_ROWS}")
    if not 1 <= len(program.operations) <= LARGEST_OPERATIONS:
        count = len(program.operations)
        raise ProgramError(f"{count} operations; allowed are 1..{LARGEST_OPERATIONS}")
    state = _State(program.rows)
    for i, op in enumerate(program.operations):
        try:
            state.registers.append(state.check(op))
        except ProgramError as error:
            raise ProgramError(f"operation {i} ({type(op).__name__}): {error}") from None
    last = state.registers[-1]
    if last.kind != "wide" or last.shape[1:] != (1, 1):
        raise ProgramError("the last operation does not give logits (wide, one pixel)")
    layers = program.plan_shape[0] if state.plan else 0
    if not state.slots == state.decided == set(range(layers)):
        raise ProgramError(
            f"the plan decides the slots {sorted(state.decided)}, convolutions use "
            f"{sorted(state.slots)}; both have to be 0..{max(layers, 1) - 1}"
        )
    size, where = bounds.memory(program, [register.shape for register in state.registers])
    if size > LARGEST_MEMORY:
        name = type(program.operations[where]).__name__
        raise ProgramError(
            f"operation {where} ({name}): an image takes {size >> 20} MiB; allowed are "
            f"{LARGEST_MEMORY >> 20} (a smaller image or network needs less)"
        )
    return state.registers


class _State:
    def __init__(self, rows: int):
        self.rows, self.registers = rows, []
        self.plan: tuple[int, int] | None = None  # columns and choices
        self.decided: set[int] = set()  # slots
        self.slots: set[int] = set()  # those that a convolution has taken
        self.image: tuple[int, int] | None = None
        self.budget: int | None = None
        self.values, self.work, self.packed = 0, 0, 0

    def check(self, op: Operation) -> Register:
        inputs = check_structure(op, self.registers, self.rows)
        register = _CHECKS[type(op)](self, op, *inputs)
        self.values += math.prod(register.shape)
        need(self.values <= LARGEST_PROGRAM, f"more than {LARGEST_PROGRAM} values in registers")
        self.work += bounds.work(op, register.shape, [x.shape for x in inputs])
        most = "multiplications (a smaller image or network needs less)"
        need(self.work <= LARGEST_WORK, f"an image takes more than {LARGEST_WORK} {most}")
        self.packed += bounds.packed(op, self.rows)
        need(self.packed <= LARGEST_PACKED, f"weights of more than {LARGEST_PACKED >> 20} MiB")
        return register

    def input(self, op: Input) -> Register:
        size = op.height, op.width
        need(self.image in (None, size), f"image of {size}, another input takes {self.image}")
        self.image = size
        need(op.bits != 1, "codes of 1 bit")
        if op.bits:
            table, (low, high) = op.arrays["table"], limits(op.bits, True)
            need(table.min() >= low and table.max() <= high, "table leaves the codes")
        return _register("codes" if op.bits else "wide", (3, op.height, op.width), op.bits, 1)

    def quantise(self, op: Quantise, x: Register) -> Register:
        bits = op.arrays["bits"]
        self._slot(op.slot, (op.column,), len(bits), may_be_one=True)
        return _register("codes", x.shape, int(bits.max()), op.signed)

    def bucketise(self, op: Bucketise, x: Register) -> Register:
        thresholds, (low, high) = op.arrays["thresholds"], limits(8, op.signed)
        need(thresholds[0] == INT32.min, "the first threshold is not the least value")
        need((thresholds[1:] >= thresholds[:-1]).all(), "thresholds fall")
        levels = _rising(op)
        need(levels[0] >= low and levels[-1] <= high, "levels leave the codes")
        return _register("codes", x.shape, 8, op.signed)

    def conv(self, op: Conv, x: Register) -> Register:
        bits = op.arrays["bits"]
        self._slot(op.slot, (op.w_column, op.a_column), bits.shape[1])
        if op.slot >= 0:
            need(op.slot not in self.slots, f"slot {op.slot} is taken twice")
            self.slots.add(op.slot)
        shape = _convolved(op, x)
        need(op.c_in == x.shape[0] // op.groups, f"{op.c_in} channels a group")
        acc = op.c_in * op.kernel**2 * _largest_weight(op, x) * (1 << x.bits)
        need(acc < 2**31, "the sum of a convolution may leave int32")
        _affine_range(op, acc)
        return _register("wide", shape)

    def wide(self, op: Wide, x: Register) -> Register:
        shape, weight = _convolved(op, x), op.arrays["weight"]
        total = int(np.abs(weight.astype(np.int64)).reshape(len(weight), -1).sum(1).max())
        need(total < 2**31, "a sum of weights leaves int32")
        return _register("wide", shape)

    def affine(self, op: Affine, x: Register) -> Register:
        _affine_range(op, 2**31)
        return _register("wide", x.shape)

    def add(self, op: Add, x: Register, y: Register) -> Register:
        need(x.shape == y.shape, f"adds {x.shape} and {y.shape}")
        _ordered(op)
        return _register("wide", x.shape)

    def pool(self, op: Pool, x: Register) -> Register:
        c, h, w = x.shape
        need(op.bins <= min(h, w), f"{op.bins} bins of {h} x {w} pixels")
        return _register("wide", (c, op.bins, op.bins))

    def max_pool(self, op: MaxPool, x: Register) -> Register:
        need(op.padding < op.kernel, "padding of a whole window")
        return _register("wide", (x.shape[0], *_windows(op, x)))

    def subsample(self, op: Subsample, x: Register) -> Register:
        c, h, w = x.shape
        sides = (-(-h // op.stride), -(-w // op.stride))
        return _register("wide", (op.before + c + op.after, *sides))

    def choose(self, op: Choose, x: Register) -> Register:
        plan, slots = (op.columns, op.choices), range(op.slot, op.slot + op.layers)
        before = f"{plan} columns and candidates, another choice of the plan has {self.plan}"
        need(self.plan in (None, plan), before)
        self.plan = plan
        need(slots[-1] < LARGEST_LAYERS, f"slot {slots[-1]}; allowed are 0..{LARGEST_LAYERS - 1}")
        need(
            self.decided.isdisjoint(slots),
            f"one of the slots {slots[0]}..{slots[-1]} is decided twice",
        )
        self.decided.update(slots)
        count = (1 if op.shared else op.layers) * op.columns * op.choices
        need(x.shape == (count, 1, 1), f"reads {x.shape}, needs {count} values")
        return Register("plan", (op.layers, *plan))

    def minds(self, op: Budget, x: Register) -> Register:
        need(op.slot < op.layers, f"slot {op.slot} of {op.layers} layers")
        undecided = set(range(op.slot)) - self.decided
        need(not undecided, f"slot {min(undecided, default=0)} is not decided before it is used")
        if op.slot:
            columns, candidates = self.plan
            wanted = (candidates, candidates if columns > 1 else 1)
            prices = op.arrays["prices"].shape[1:]
            need(prices == wanted, f"prices of {prices} choices, the plan has {wanted}")
        same = f"a budget of {op.budget}, another operation has {self.budget}"
        need(self.budget in (None, op.budget), same)
        self.budget = op.budget
        weights = sum(np.abs(op.arrays[name].astype(np.int64)) for name in ("asked", "spent"))
        total = op.range * int(weights.max()) + (1 << op.shift >> 1)
        need(total < 2**62, "the weighed budget may leave 63 bits")
        return _register("wide", x.shape)

    def _slot(self, slot: int, columns: tuple[int, ...], choices: int, may_be_one=False) -> None:
        """may_be_one: one candidate may serve for all choices of the plan."""
        need(choices == 1 or slot >= 0, "several candidates and no slot")
        if slot < 0:
            return
        need(slot in self.decided, f"slot {slot} is not decided before it is used")
        count, candidates = self.plan
        need(max(columns) < count, f"columns {columns} of {count}")
        fits = choices == candidates or (may_be_one and choices == 1)
        need(fits, f"{choices} candidates, the plan has {candidates}")


_CHECKS: dict[type[Operation], Callable[..., Register]] = {
    Input: _State.input, Quantise: _State.quantise, Conv: _State.conv, Wide: _State.wide,
    Affine: _State.affine, Add: _State.add, Pool: _State.pool, MaxPool: _State.max_pool,
    Subsample: _State.subsample, Choose: _State.choose, Budget: _State.minds,
    Bucketise: _State.bucketise,
}  # fmt: skip


def _largest_weight(op: Conv, x: Register) -> int:
    """Checks the weights and their widths; returns the largest magnitude."""
    bits = op.arrays["bits"]
    if op.master:
        need(op.master >= 2, "master codes of 1 bit")
        need(x.bits == op.master, "its input is not of the master's width")
        need(not op.odd, "odd codes have no children")
        need(
            bits.min() >= 2 and bits.max() <= op.master,
            f"widths {bits.tolist()} of a master of {op.master}",
        )
    if "levels" in op.arrays:
        return _largest_level(op)
    largest = 1 << op.master - 1 if op.master else 0
    for v, width in enumerate([op.master] if op.master else bits[0].tolist()):
        weight, (low, high) = op.arrays[f"weight.{v}"], limits(width, True)
        need(weight.min() >= low and weight.max() <= high, f"weights beyond {width} bits")
        magnitude = max(abs(int(weight.min())), abs(int(weight.max())))
        largest = max(largest, 2 * magnitude + 1 if op.odd else magnitude)
    return largest


def _largest_level(op: Conv) -> int:
    """Checks levels and weights among them; returns the largest magnitude of a level."""
    bits, levels = op.arrays["bits"], _rising(op)
    need(bits.shape[1] == 1, "levels with several candidates")
    need(not op.master and not op.odd, "levels with master or odd codes")
    need(len(levels) <= 1 << int(bits[0, 0]), "more levels than the width has indices")
    need(np.isin(op.arrays["weight.0"], levels).all(), "weights beside the levels")
    return int(np.abs(levels).max())


def _rising(op: Conv | Bucketise) -> np.ndarray:
    """The levels as int64, each above the one before it."""
    levels = op.arrays["levels"].astype(np.int64)
    need((levels[1:] > levels[:-1]).all(), "levels do not rise")
    return levels


def _affine_range(op: Conv | Affine, largest: int) -> None:
    """What a multiplier and a bias make of values up to `largest`, before it is shifted."""
    multiplier = int(np.abs(op.arrays["multiplier"].astype(np.int64)).max())
    bias = op.arrays["bias"]
    largest_bias = max(abs(int(bias.min())), abs(int(bias.max())))
    total = largest * multiplier + largest_bias + (1 << op.shift >> 1)
    need(total < 2**62, "multiplier and bias may leave 63 bits")
    _ordered(op)


def _ordered(op: Conv | Affine | Add) -> None:
    need(op.low <= op.high, f"the lower bound {op.low} is above the upper bound {op.high}")


def _register(kind: str, shape: tuple, bits: int = 0, signed: int = 0) -> Register:
    c, h, w = shape
    need(1 <= c <= LARGEST_CHANNELS, f"{c} channels")
    need(min(h, w) >= 1 and max(h, w) <= LARGEST_SIDE, f"{h} x {w} pixels")
    need(c * h * w <= LARGEST_REGISTER, f"a register of {shape}")
    return Register(kind, (c, h, w), bits, signed)


def _windows(op: Conv | Wide | MaxPool, x: Register) -> tuple[int, int]:
    padded = [side + 2 * op.padding for side in x.shape[1:]]
    need(min(padded) >= op.kernel, "the window is larger than the image")
    need(x.shape[0] * math.prod(padded) <= LARGEST_REGISTER, f"padding {op.padding}: too large")
    sides = [(side - op.kernel) // op.stride + 1 for side in padded]
    return sides[0], sides[1]


def _convolved(op: Conv | Wide, x: Register) -> tuple[int, int, int]:
    fits = x.shape[0] % op.groups == 0 and op.c_out % op.groups == 0
    need(fits, f"{op.groups} groups of {x.shape[0]} and {op.c_out} channels")
    return (op.c_out, *_windows(op, x))
