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
"""Writes what follows from the declaration of the integer operations.

usage: python -m src.engine.declare        (again after every change of operations.py)

    src/kernels/csrc/engine/operations.h    numbers, arrays and rules for the C++ engine
    src/engine/README.md                    its part between the two markers
"""

import inspect
from pathlib import Path

from src.engine import declaration
from src.engine.declaration import DIMENSIONS, Array, Number, Operation
from src.engine.operations import OPERATIONS
from src.engine.table import FIELDS

ROOM = Path(__file__).resolve().parent
HEADER = ROOM.parent / "kernels" / "csrc" / "engine" / "operations.h"
README = ROOM / "README.md"
MARKERS = ("<!-- Written by `python -m src.engine.declare`: -->\n", "<!-- : until here. -->\n")

_LICENSE = (
    (ROOM / "__init__.py")
    .read_text("utf-8")
    .split('"""')[0]
    .replace("# ", "// ")
    .replace("#\n", "//\n")
)
_INT = {"int8": "int8_t", "int32": "int32_t", "int64": "int64_t"}
_ENDS = {-(2**63): "INT64_MIN", 2**63 - 1: "INT64_MAX"}
_LIMITS = [name for name in vars(declaration) if name.startswith("LARGEST_")]


def header() -> str:
    """The text of operations.h."""
    kinds = OPERATIONS.values()
    names = dict.fromkeys(_member(name) for op in kinds for name in op.declared())
    arrays = dict.fromkeys(_array_member(array) for op in kinds for array in op.ARRAYS)
    limits = "".join(
        f"constexpr int64_t {_constant(n)} = {getattr(declaration, n)};\n" for n in _LIMITS
    )
    return f"""\
{_LICENSE}\
// operations.h: written by `python -m src.engine.declare` from engine/operations.py; do not edit.
// The integer operations as they are declared there: numbers, arrays, ranges.
#pragma once
#include "engine/declaration.h"

// clang-format off
namespace dq {{

{limits}constexpr int kFieldsPerOperation = {FIELDS};

enum OpKind {{ {", ".join("k" + op.__name__ for op in kinds)}, kKinds }};

// Of all kinds of operations; one has those of its kind.
struct Numbers {{
{"".join(f"  int64_t {name} = 0;{chr(10)}" for name in names)}}};

struct Arrays {{
{"".join(f"  {line};{chr(10)}" for line in arrays)}}};

inline constexpr OperationRule kOperations[kKinds] = {{
{"".join(map(_rule, kinds))}}};

}}  // namespace dq
"""


def documentation() -> str:
    """The part of README.md between the markers."""
    sides = "\n".join(f"* `{name}` {meaning}" for name, meaning in DIMENSIONS.items())
    return f"Sizes of arrays, beside the names of numbers:\n\n{sides}\n" + "".join(
        map(_section, OPERATIONS.values())
    )


def with_documentation(text: str) -> str:
    """README.md's text with its part as it should be."""
    before, rest = text.split(MARKERS[0])
    return before + MARKERS[0] + documentation() + MARKERS[1] + rest.split(MARKERS[1])[1]


def _constant(name: str) -> str:
    return "k" + name.title().replace("_", "")


def _member(name: str) -> str:
    return {"signed": "is_signed"}.get(name, name)  # a word of C++


def _array_member(array: Array) -> str:
    kind = f"Array<{_INT[array.dtype]}>"
    return f"std::vector<{kind}> {array.name}s" if array.packed else f"{kind} {array.name}"


def _rule(op: type[Operation]) -> str:
    numbers = "".join(f"    {_number_rule(*item)},\n" for item in op.declared().items())
    arrays = "".join(f"    {_array_rule(op, array)},\n" for array in op.ARRAYS)
    counts = len(op.declared()), len(op.ARRAYS)
    numbers, arrays = (
        f"{{{n}, {{\n{part}  }}}}" for n, part in zip(counts, (numbers, arrays), strict=True)
    )
    return f'  {{"{op.__name__}", {numbers}, {arrays}}},\n'


def _number_rule(name: str, number: Number) -> str:
    reads = f"k{number.reads.title()}Register" if number.reads else "kNoRegister"
    return f'{{"{name}", &Numbers::{_member(name)}, {number.low}, {number.high}, {reads}}}'


def _array_rule(op: type[Operation], array: Array) -> str:
    places = dict.fromkeys(("int32", "int64"), "nullptr")
    if not array.packed:
        places[array.dtype] = f"&Arrays::{array.name}"
    sides = ", ".join(_side(op, side) for side in array.shape)
    ends = ", ".join(_ENDS.get(end, str(end)) for end in (array.low, array.high))
    words = f'"{array.name}", "{array.form}", {", ".join(places.values())}'
    optional = "true" if array.optional else "false"
    return f"{{{words}, {{{len(array.shape)}, {{{sides}}}}}, {ends}, {optional}}}"


def _side(op: type[Operation], side: int | str) -> str:
    if isinstance(side, int):
        return f"{{{side}, nullptr, 0}}"
    if side in op.declared():
        return f"{{0, &Numbers::{_member(side)}, 0}}"
    return f"{{0, nullptr, '{side[0]}'}}"  # of DIMENSIONS, known by their first letters


def _section(op: type[Operation]) -> str:
    reads = " + ".join(n.reads for n in op.declared().values() if n.reads) or "pixels"
    numbers = "".join(
        f"| `{name}` | {n.low} .. {n.high} | {n.meaning}{f' ({n.reads})' if n.reads else ''} |\n"
        for name, n in op.declared().items()
    )
    arrays = "".join(
        f"| `{a.name}`{' (may be missing)' if a.optional else ''} | {_cell(a.form)} | {_range(a)} | {a.meaning} |\n"
        for a in op.ARRAYS
    )
    arrays = "| array | type and shape | values | meaning |\n| --- | --- | --- | --- |\n" + arrays
    return (
        f"\n### {op.CODE} {op.__name__}: {reads} -> {op.WRITES}\n\n{inspect.getdoc(op)}\n\n"
        f"| number | range | meaning |\n| --- | --- | --- |\n{numbers}"
        + (f"\n{arrays}" if op.ARRAYS else "")
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _range(array: Array) -> str:
    if array.packed:
        return "codes of the stored width"
    is_any = array.low == -(2**63)
    return "any" if is_any else f"{array.low} .. {array.high}"


def main() -> None:
    """Write both."""
    HEADER.write_text(header(), encoding="utf-8")
    README.write_text(with_documentation(README.read_text("utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
