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
"""The structural rules of a program: what follows from the declaration of its operations alone.

Numbers lie in their ranges, registers that are read hold what the operation wants, arrays have their
type, shape and range, and none is missing or left over. csrc/engine/structure.cc holds the same rules,
in the same words.
"""

from dataclasses import dataclass

import numpy as np

from src.engine.declaration import LARGEST_CHOICES, LARGEST_LEVELS, Array, Operation


class ProgramError(ValueError):
    """The program breaks a rule; the text names the operation."""


@dataclass(frozen=True)
class Register:
    """kind: codes | wide | plan; shape (C, H, W), of a part of the plan (layers, columns, choices);
    bits and sign of codes (the largest, where candidates differ)."""

    kind: str
    shape: tuple[int, int, int]
    bits: int = 0
    signed: int = 0


def need(condition: bool, otherwise: str) -> None:
    """ProgramError unless a rule holds."""
    if not condition:
        raise ProgramError(otherwise)


def check_structure(op: Operation, registers: list[Register], rows: int) -> list[Register]:
    """What the operation reads. ProgramError: it is not as declared.

    Args:
        registers: of all operations before it.
        rows: of statistics.
    """
    check_numbers(op)
    inputs = _inputs(op, registers)
    sizes = {"R": rows} | _channels(op, inputs) | {n: getattr(op, n) for n in op.declared()}
    names = set()
    for array in op.ARRAYS:
        for name in stored_names(op, array, sizes.get("K", 1)):
            if array.optional and name not in op.arrays:
                continue
            need(name in op.arrays, f"no array {name}")
            _check_array(name, op.arrays[name], array, sizes)
            names.add(name)
    extra = sorted(set(op.arrays) - names)
    need(not extra, f"has no arrays {extra}")
    return inputs


def check_numbers(op: Operation) -> None:
    """ProgramError: a number is out of its range."""
    for name, number in op.declared().items():
        value = getattr(op, name)
        allowed = f"{name} {value}; allowed are {number.low}..{number.high}"
        need(number.low <= value <= number.high, allowed)


def stored_names(op: Operation, array: Array, choices: int) -> list[str]:
    """The names under which an array of an operation is stored."""
    if not array.packed:
        return [array.name]
    return [f"{array.name}.{v}" for v in range(1 if op.master else choices)]


def array_names(op: Operation) -> list[str]:
    """The arrays of a checked operation, in the order of their declaration."""
    choices = op.arrays["bits"].shape[-1] if "bits" in op.arrays else 1
    names = [name for array in op.ARRAYS for name in stored_names(op, array, choices)]
    return [name for name in names if name in op.arrays]


def _inputs(op: Operation, registers: list[Register]) -> list[Register]:
    inputs = []
    for name, number in op.declared().items():
        if number.reads:
            place = getattr(op, name)
            need(place < len(registers), f"{name}: register {place} is not written before it")
            register = registers[place]
            what = f"{name}: register {place} is {register.kind}, not {number.reads}"
            need(register.kind == number.reads, what)
            inputs.append(register)
    return inputs


def _channels(op: Operation, inputs: list[Register]) -> dict[str, int]:
    if not inputs:
        return {}
    channels = inputs[0].shape[0]
    return {"C": channels, "I": channels // getattr(op, "groups", 1)}


def _check_array(name: str, array: np.ndarray, declared: Array, sizes: dict[str, int]) -> None:
    """Type, shape and range of one; a first K or L is kept in `sizes`."""
    shape = "(" + ", ".join(map(str, array.shape)) + ("," if array.ndim == 1 else "") + ")"
    found = f"{name} is {array.dtype} {shape}; expected {declared.form}"
    fits = array.dtype == np.dtype(declared.dtype) and array.ndim == len(declared.shape)
    need(fits and array.size > 0, found)
    for side, wanted in zip(array.shape, declared.shape, strict=True):
        if wanted == "K" and "K" not in sizes:
            need(side <= LARGEST_CHOICES, f"{side} candidates; allowed are 1..{LARGEST_CHOICES}")
            sizes["K"] = side
        if wanted == "L" and "L" not in sizes:
            need(side <= LARGEST_LEVELS, f"{side} levels; allowed are 1..{LARGEST_LEVELS}")
            sizes["L"] = side
        allowed = (1, sizes["K"]) if wanted == "1|K" else (sizes.get(wanted, wanted),)
        need(side in allowed, found)
    least, largest = int(array.min()), int(array.max())
    value = least if least < declared.low else largest
    inside = declared.low <= value <= declared.high
    need(inside, f"{name} holds {value}; allowed are {declared.low}..{declared.high}")
