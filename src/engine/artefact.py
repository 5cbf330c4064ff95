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
"""The artefact: an integer program as one safetensors file.

    format        int64 (3,)  version, rows of statistics, checksum
    program       int64 (operations, FIELDS), see table.py
    <i>.<array>   the arrays of operation i as declared; packed ones as codes of their width (packing.py)
    metadata      {"notes": JSON}: names, scales, labels, provenance (notes.py); no engine needs it

All tensors are integers. The checksum (checksum.py) covers the whole file, which is checked whole
(check.py) before anything runs. Version 1, whose format has no checksum, is read too: table.py says
what has changed.
"""

import json
import math
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load, save

from src.engine import checksum
from src.engine.check import check
from src.engine.declaration import LARGEST_CHOICES, LARGEST_OPERATIONS, Operation
from src.engine.notes import parse_notes
from src.engine.operations import Conv
from src.engine.packing import pack, unpack
from src.engine.program import Program
from src.engine.rungs import ladder_of
from src.engine.structure import check_numbers
from src.engine.table import FIELDS, FIELDS_1, arrays_of_1, as_table, from_table, from_table_1
from src.errors import UserError
from src.files import whole_file

VERSION = 2
LARGEST_FILE = 2**31
LARGEST_WEIGHTS = 2**28  # of a convolution, at one width


def save_artefact(program: Program, path: Path) -> None:
    """Write a checked program, whole or not at all. UserError: the file cannot be written."""
    check(program)
    notes = json.dumps(program.notes)
    parse_notes(notes)  # what no reader would take is not written
    _check_notes(program)
    tensors = {
        "format": np.array([VERSION, program.rows, 0], np.int64),
        "program": as_table(program.operations),
    }
    for i, op in enumerate(program.operations):
        for name, array in op.arrays.items():
            if isinstance(op, Conv) and name.startswith("weight."):
                array = _packed(op, int(name.split(".")[1]))
            tensors[f"{i}.{name}"] = np.ascontiguousarray(array)
    content = checksum.sealed(save(tensors, {"notes": notes}))
    with whole_file(path) as file:
        file.write_bytes(content)


def load_artefact(path: Path) -> Program:
    """Read and check an artefact. UserError: missing, damaged, or not one that can be run."""
    content = read_file(path)
    try:
        return parse_artefact(content)
    except ValueError as error:
        raise UserError(
            f"artefact {path} is damaged or not one: {error}; export it again"
        ) from error


def format_version(path: Path) -> int:
    """The version of a valid artefact."""
    with safe_open(path, "np") as file:
        return int(file.get_tensor("format")[0])


def read_file(path: Path) -> bytes:
    """The bytes of an artefact. UserError: missing, not a file, or too large for one."""
    try:
        size = path.stat().st_size
        if not path.is_file():  # a pipe or a device has no end
            raise UserError(f"artefact {path} is not a file")
        if size > LARGEST_FILE:
            raise UserError(f"artefact {path}: larger than {LARGEST_FILE} bytes")
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"artefact {path} cannot be read: {error.strerror or error}") from error


def parse_artefact(content: bytes) -> Program:
    """The checked program in the bytes of an artefact. ValueError: anything wrong with them."""
    try:
        tensors = load(content)
    except (SafetensorError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a safetensors file ({error})") from error
    version, rows = _version(tensors.pop("format", None))
    if version > 1:
        checksum.verify(content)
    operations = from_table(_table(tensors.pop("program", None), version))
    _give_arrays(operations, tensors)
    for i, op in enumerate(operations):
        try:
            if version == 1:
                arrays_of_1(op)
            if isinstance(op, Conv):
                check_numbers(op)
                _unpack_weights(op)
        except ValueError as error:
            raise ValueError(f"operation {i} ({type(op).__name__}): {error}") from None
    program = Program(operations, rows, _notes(content))
    check(program)
    _check_notes(program)
    return program


def _check_notes(program: Program) -> None:
    """ValueError: notes that say of plans what does not hold for this program."""
    rows, shape = program.notes.get("rows_of_choices"), program.plan_shape
    if rows is not None and (shape is None or len(rows) != shape[2] or max(rows) >= program.rows):
        raise ValueError(
            f"the notes' rows_of_choices {rows!r:.60} must be a row of statistics, 0..{program.rows - 1}, "
            "for each candidate"
        )
    ladder_of(program)


def stored_bits(op: Conv, variant: int) -> int:
    """Width at which weights of a variant are packed."""
    return op.master or int(op.arrays["bits"][0, variant])


def _packed(op: Conv, variant: int) -> np.ndarray:
    """The stream of a variant's codes, or of their indices among the levels."""
    codes, bits = op.arrays[f"weight.{variant}"], stored_bits(op, variant)
    if "levels" in op.arrays:
        codes = np.searchsorted(op.arrays["levels"], codes) - (1 << bits - 1)
    return pack(codes, bits)


def _version(form: np.ndarray | None) -> tuple[int, int]:
    """(version, rows) of a version that is known."""
    if form is None or form.dtype != np.int64 or form.ndim != 1 or not form.size:
        raise ValueError("no format version")
    if form[0] not in (1, VERSION):
        raise ValueError(f"format version {form[0]}; this program reads versions 1..{VERSION}")
    if form.shape != (2,) if form[0] == 1 else form.shape != (3,):
        raise ValueError(f"no format of version {form[0]}")
    return int(form[0]), int(form[1])


def _table(table: np.ndarray | None, version: int) -> np.ndarray:
    """The program of a file, as that of the newest version."""
    width = FIELDS_1 if version == 1 else FIELDS
    if table is None or table.dtype != np.int64 or table.ndim != 2 or table.shape[1] != width:
        raise ValueError("no program")
    if len(table) > LARGEST_OPERATIONS:
        raise ValueError(f"{len(table)} operations; allowed are 1..{LARGEST_OPERATIONS}")
    return from_table_1(table) if version == 1 else table


def _give_arrays(operations: list[Operation], tensors: dict[str, np.ndarray]) -> None:
    for name, array in tensors.items():
        index, _, rest = name.partition(".")
        if not index.isdecimal() or str(int(index)) != index or int(index) >= len(operations):
            raise ValueError(f"tensor {name!r} belongs to no operation")
        if array.dtype.kind not in "iu":
            raise ValueError(f"tensor {name!r} is {array.dtype}; a program has integers only")
        operations[int(index)].arrays[rest] = array


def _unpack_weights(op: Conv) -> None:
    bits = op.arrays.get("bits")
    if bits is None or bits.ndim != 2 or bits.dtype != np.int64 or not bits.size:
        return  # check() says what is wrong
    if bits.shape[1] > LARGEST_CHOICES:
        return
    sizes = (op.c_out, op.c_in, op.kernel, op.kernel)
    if math.prod(sizes) > LARGEST_WEIGHTS:
        raise ValueError(f"weights of shape {sizes}; allowed are {LARGEST_WEIGHTS} values")
    for v in range(1 if op.master else bits.shape[1]):
        name, width = f"weight.{v}", stored_bits(op, v)
        if name in op.arrays and 1 <= width <= 8:
            try:
                op.arrays[name] = _of_levels(op, unpack(op.arrays[name], width, sizes), width)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None


def _of_levels(op: Conv, codes: np.ndarray, bits: int) -> np.ndarray:
    """int8 codes; with levels, those whose indices were stored. ValueError: there are fewer levels."""
    levels = op.arrays.get("levels")
    if levels is None or levels.ndim != 1 or levels.dtype != np.int32 or not levels.size:
        return codes  # check() says what is wrong with levels
    indices = codes.astype(np.int64) + (1 << bits - 1)
    if indices.max() >= len(levels):
        raise ValueError(f"index {indices.max()} of {len(levels)} levels")
    return levels.astype(np.int8)[indices]


def _notes(content: bytes) -> dict:
    """The documentation in the header, whose length the first 8 bytes give."""
    length = int.from_bytes(content[:8], "little")
    metadata = json.loads(content[8 : 8 + length]).get("__metadata__") or {}
    return parse_notes(metadata.get("notes", "{}"))
