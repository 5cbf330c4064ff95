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

Checked for every operation: registers read exist and are of the right kind and shape, arrays have
their type, shape and range, and no sum leaves the integers that engines compute it in (int32 for a
convolution of codes, 63 bits after a multiplier, int64 for a wide one), and one image takes neither
too much memory nor too long (bounds.py). All arrays being integers, nothing floats from the pixels
to the logits. kernels/csrc/engine/check.cc checks the same.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from src.engine import bounds
from src.engine.bounds import LARGEST_MEMORY, LARGEST_PACKED, LARGEST_WORK
from src.engine.integers import limits
from src.engine.program import (
    Add,
    Affine,
    Choose,
    Conv,
    Input,
    MaxPool,
    Operation,
    Pool,
    Program,
    Quantise,
    Subsample,
    Wide,
)

LARGEST_SIDE, LARGEST_CHANNELS, LARGEST_REGISTER = 4096, 65536, 2**28
LARGEST_OPERATIONS, LARGEST_PROGRAM = 65536, 2**30  # of a program: operations, values in registers
LARGEST_ROWS, LARGEST_CHOICES, LARGEST_LAYERS = 64, 16, 4096
LARGEST_SHIFT, LARGEST_NUMBER = 60, 2**31


class ProgramError(ValueError):
    """The program breaks a rule; the text names the operation."""


@dataclass(frozen=True)
class Register:
    """kind: codes | wide | plan; shape (C, H, W), of a plan (layers, columns, choices); bits and
    sign of codes (the largest, where candidates differ)."""

    kind: str
    shape: tuple[int, int, int]
    bits: int = 0
    signed: int = 0


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
            state.registers.append(state.check(i, op))
        except (ProgramError, KeyError) as error:
            what = f"no array {error}" if isinstance(error, KeyError) else error
            raise ProgramError(f"operation {i} ({type(op).__name__}): {what}") from None
    last = state.registers[-1]
    if last.kind != "wide" or last.shape[1:] != (1, 1):
        raise ProgramError("the last operation does not give logits (wide, one pixel)")
    if state.plan and sorted(state.slots) != list(range(state.plan[0])):
        raise ProgramError(f"slots {sorted(state.slots)} are not those of the plan's layers")
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
        self.plan: tuple[int, int, int] | None = None
        self.slots: set[int] = set()
        self.image: tuple[int, int] | None = None
        self.values, self.work, self.packed = 0, 0, 0

    def check(self, i: int, op: Operation) -> Register:
        inside = all(-1 <= number <= LARGEST_NUMBER for number in op.numbers)
        _need(inside, f"its numbers {op.numbers} are not all in -1..{LARGEST_NUMBER}")
        for register in op.reads:
            _need(0 <= register < i, f"register {register} is not written before it")
        inputs = [self.registers[r] for r in op.reads]
        register = _CHECKS[type(op)](self, op, *inputs)
        extra = sorted(set(op.arrays) - _names(op))
        _need(not extra, f"has no arrays {extra}")
        self.values += math.prod(register.shape)
        _need(self.values <= LARGEST_PROGRAM, f"more than {LARGEST_PROGRAM} values in registers")
        self.work += bounds.work(op, register.shape, [x.shape for x in inputs])
        most = "multiplications (a smaller image or network needs less)"
        _need(self.work <= LARGEST_WORK, f"an image takes more than {LARGEST_WORK} {most}")
        self.packed += bounds.packed(op, self.rows)
        _need(self.packed <= LARGEST_PACKED, f"weights of more than {LARGEST_PACKED >> 20} MiB")
        return register

    def input(self, op: Input) -> Register:
        sides = min(op.height, op.width), max(op.height, op.width)
        _need(sides[0] >= 1 and sides[1] <= LARGEST_SIDE, f"image of {op.height} x {op.width}")
        size = op.height, op.width
        _need(self.image in (None, size), f"image of {size}, another input takes {self.image}")
        self.image = size
        _need(op.bits == 0 or 2 <= op.bits <= 8, f"codes of {op.bits} bits")
        table = _array(op, "table", np.int32, (3, 256))
        if op.bits:
            low, high = limits(op.bits, True)
            _need(table.min() >= low and table.max() <= high, "table leaves the codes")
        return _register("codes" if op.bits else "wide", (3, op.height, op.width), op.bits, 1)

    def quantise(self, op: Quantise, x: Register) -> Register:
        _need(x.kind == "wide", f"reads {x.kind}")
        _shift(op.shift)
        _flag("signed", op.signed)
        variants = len(_array(op, "bits", np.int64, (None,)))
        _need(1 <= variants <= LARGEST_CHOICES, f"{variants} variants")
        self._slot(op.slot, (op.column,), variants if variants > 1 else None)
        _need(variants == 1 or op.slot >= 0, "several variants and no slot")
        multiplier = _array(op, "multiplier", np.int32, (variants,))
        small = np.abs(multiplier.astype(np.int64)).max() < 2**30
        _need(small, "a multiplier of 2^30 or more")
        bits = op.arrays["bits"]
        _need(bits.min() >= 1 and bits.max() <= 8, f"codes of {bits.tolist()} bits")
        return _register("codes", x.shape, int(bits.max()), op.signed)

    def conv(self, op: Conv, x: Register) -> Register:
        _need(x.kind == "codes", f"reads {x.kind}")
        _flag("odd", op.odd)
        _flag("relu", op.relu)
        _shift(op.shift)
        bits = _array(op, "bits", np.int64, (2, None))
        choices = bits.shape[1]
        _need(1 <= choices <= LARGEST_CHOICES, f"{choices} candidates")
        _need(choices == 1 or op.slot >= 0, "several candidates and no slot")
        self._slot(op.slot, (op.w_column, op.a_column), choices)
        if op.slot >= 0:
            _need(op.slot not in self.slots, f"slot {op.slot} is taken twice")
            self.slots.add(op.slot)
        _need(bits.min() >= 1 and bits.max() <= 8, f"widths {bits.tolist()}")
        shape = _convolved(op, x)
        _need(op.c_in == x.shape[0] // op.groups, f"{op.c_in} channels a group")
        values = op.c_in * op.kernel**2
        acc = values * self._weights(op, bits, x) * (1 << x.bits)
        _need(acc < 2**31, "the sum of a convolution may leave int32")
        self._affine_range(op, acc)
        return _register("wide", shape)

    def _weights(self, op: Conv, bits: np.ndarray, x: Register) -> int:
        """Checks them; returns the largest magnitude."""
        choices = bits.shape[1]
        if op.master:
            _need(2 <= op.master <= 8, f"master of {op.master} bits")
            _need(not x.signed and x.bits == op.master, "its input is not of the master's width")
            _need(not op.odd and bits.min() >= 2, "children of less than 2 bits, or odd ones")
            _need(bits.max() <= op.master, f"widths {bits.tolist()} above the master's")
        stored = [op.master] if op.master else bits[0].tolist()
        shape = (op.c_out, op.c_in, op.kernel, op.kernel)
        largest = 1 << op.master - 1 if op.master else 0
        for v, width in enumerate(stored):
            weight = _array(op, f"weight.{v}", np.int8, shape)
            low, high = limits(width, True)
            _need(weight.min() >= low and weight.max() <= high, f"weights beyond {width} bits")
            largest = max(largest, _magnitude(weight, op.odd))
        inputs = op.arrays["multiplier"].shape[2:3]
        allowed = (1,) if op.master or op.slot < 0 else (1, choices)
        _need(inputs and inputs[0] in allowed, "multiplier has the wrong shape")
        variants = 1 if op.master else choices
        _array(op, "multiplier", np.int32, (self.rows, variants, inputs[0], op.c_out))
        _array(op, "bias", np.int64, (self.rows, op.c_out))
        return largest

    def wide(self, op: Wide, x: Register) -> Register:
        _need(x.kind == "wide", f"reads {x.kind}")
        _need(0 <= op.shift <= LARGEST_SHIFT, f"shift {op.shift}")
        shape = _convolved(op, x)
        weight = _array(
            op, "weight", np.int32, (op.c_out, x.shape[0] // op.groups, op.kernel, op.kernel)
        )
        total = int(np.abs(weight.astype(np.int64)).reshape(len(weight), -1).sum(1).max())
        _need(total < 2**31, "a sum of weights leaves int32")
        return _register("wide", shape)

    def affine(self, op: Affine, x: Register) -> Register:
        _need(x.kind == "wide", f"reads {x.kind}")
        _flag("relu", op.relu)
        _shift(op.shift)
        _array(op, "multiplier", np.int32, (self.rows, x.shape[0]))
        _array(op, "bias", np.int64, (self.rows, x.shape[0]))
        self._affine_range(op, 2**31)
        return _register("wide", x.shape)

    def _affine_range(self, op, largest: int) -> None:
        multiplier = int(np.abs(op.arrays["multiplier"].astype(np.int64)).max())
        bias = op.arrays["bias"]
        largest_bias = max(abs(int(bias.min())), abs(int(bias.max())))
        total = largest * multiplier + largest_bias + (1 << op.shift >> 1)
        _need(total < 2**62, "multiplier and bias may leave 63 bits")

    def add(self, op: Add, x: Register, y: Register) -> Register:
        _need(x.kind == y.kind == "wide", f"reads {x.kind} and {y.kind}")
        _need(x.shape == y.shape, f"adds {x.shape} and {y.shape}")
        _flag("relu", op.relu)
        return _register("wide", x.shape)

    def pool(self, op: Pool, x: Register) -> Register:
        _need(x.kind == "wide", f"reads {x.kind}")
        c, h, w = x.shape
        _need(1 <= op.bins <= min(h, w), f"{op.bins} bins of {h} x {w} pixels")
        return _register("wide", (c, op.bins, op.bins))

    def max_pool(self, op: MaxPool, x: Register) -> Register:
        _need(x.kind == "wide", f"reads {x.kind}")
        _need(op.padding < op.kernel, "padding of a whole window")
        return _register("wide", (x.shape[0], *_windows(op, x)))

    def subsample(self, op: Subsample, x: Register) -> Register:
        _need(x.kind == "wide", f"reads {x.kind}")
        _need(1 <= op.stride <= LARGEST_SIDE, f"stride {op.stride}")
        small = all(0 <= v <= LARGEST_CHANNELS for v in (op.before, op.after))
        _need(small, f"{op.before} and {op.after} channels of zeros")
        c, h, w = x.shape
        sides = (-(-h // op.stride), -(-w // op.stride))
        return _register("wide", (op.before + c + op.after, *sides))

    def choose(self, op: Choose, x: Register) -> Register:
        _need(x.kind == "wide", f"reads {x.kind}")
        _need(self.plan is None, "a second plan")
        _flag("shared", op.shared)
        _need(1 <= op.layers <= LARGEST_LAYERS, f"{op.layers} layers")
        _need(op.columns in (1, 2), f"{op.columns} columns")
        _need(2 <= op.choices <= LARGEST_CHOICES, f"{op.choices} candidates")
        count = (1 if op.shared else op.layers) * op.columns * op.choices
        _need(x.shape == (count, 1, 1), f"reads {x.shape}, needs {count} values")
        self.plan = (op.layers, op.columns, op.choices)
        return Register("plan", self.plan)

    def _slot(self, slot: int, columns: tuple[int, ...], choices: int | None) -> None:
        if slot < 0:
            return
        _need(self.plan is not None, "a dynamic operation comes before the plan")
        layers, count, candidates = self.plan
        _need(slot < layers, f"slot {slot} of {layers}")
        _need(all(0 <= c < count for c in columns), f"columns {columns} of {count}")
        _need(choices in (None, candidates), f"{choices} candidates, the plan has {candidates}")


_CHECKS: dict[type[Operation], Callable[..., Register]] = {
    Input: _State.input, Quantise: _State.quantise, Conv: _State.conv, Wide: _State.wide,
    Affine: _State.affine, Add: _State.add, Pool: _State.pool, MaxPool: _State.max_pool,
    Subsample: _State.subsample, Choose: _State.choose,
}  # fmt: skip
_ARRAYS: dict[type[Operation], set[str]] = {
    Input: {"table"}, Quantise: {"multiplier", "bits"}, Conv: {"bits", "multiplier", "bias"},
    Wide: {"weight"}, Affine: {"multiplier", "bias"},
}  # fmt: skip


def _names(op: Operation) -> set[str]:
    """The arrays of a checked operation."""
    stored = 0
    if isinstance(op, Conv):
        stored = 1 if op.master else op.arrays["bits"].shape[1]
    return _ARRAYS.get(type(op), set()) | {f"weight.{v}" for v in range(stored)}


def _need(condition: bool, otherwise: str) -> None:
    if not condition:
        raise ProgramError(otherwise)


def _flag(name: str, value: int) -> None:
    _need(value in (0, 1), f"{name}={value}, not 0 or 1")


def _shift(shift: int) -> None:
    _need(1 <= shift <= LARGEST_SHIFT, f"shift {shift}; allowed are 1..{LARGEST_SHIFT}")


def _array(op: Operation, name: str, dtype, shape: tuple) -> np.ndarray:
    array = op.arrays[name]
    fits = array.ndim == len(shape) and all(
        n is None or n == m for n, m in zip(shape, array.shape, strict=True)
    )
    _need(array.dtype == dtype and fits, f"{name} is {array.dtype} {array.shape}")
    _need(array.size > 0, f"{name} is empty")
    return array


def _register(kind: str, shape: tuple, bits: int = 0, signed: int = 0) -> Register:
    c, h, w = shape
    _need(1 <= c <= LARGEST_CHANNELS, f"{c} channels")
    _need(min(h, w) >= 1 and max(h, w) <= LARGEST_SIDE, f"{h} x {w} pixels")
    _need(c * h * w <= LARGEST_REGISTER, f"a register of {shape}")
    return Register(kind, (c, h, w), bits, signed)


def _windows(op, x: Register) -> tuple[int, int]:
    _need(1 <= op.kernel <= LARGEST_SIDE, f"kernel {op.kernel}")
    _need(1 <= op.stride <= LARGEST_SIDE, f"stride {op.stride}")
    _need(0 <= op.padding <= LARGEST_SIDE, f"padding {op.padding}")
    padded = [side + 2 * op.padding for side in x.shape[1:]]
    _need(min(padded) >= op.kernel, "the window is larger than the image")
    _need(x.shape[0] * math.prod(padded) <= LARGEST_REGISTER, f"padding {op.padding}: too large")
    sides = [(side - op.kernel) // op.stride + 1 for side in padded]
    return sides[0], sides[1]


def _convolved(op, x: Register) -> tuple[int, int, int]:
    _need(1 <= op.groups <= LARGEST_CHANNELS, f"{op.groups} groups")
    _need(1 <= op.c_out <= LARGEST_CHANNELS, f"{op.c_out} channels")
    fits = x.shape[0] % op.groups == 0 and op.c_out % op.groups == 0
    _need(fits, f"{op.groups} groups of {x.shape[0]} and {op.c_out} channels")
    return (op.c_out, *_windows(op, x))


def _magnitude(weight: np.ndarray, odd: int) -> int:
    largest = max(abs(int(weight.min())), abs(int(weight.max())))
    return 2 * largest + 1 if odd else largest
