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

    format        int64 (2,)  version, rows of statistics
    program       int64 (operations, FIELDS), see program.as_table
    <i>.<array>   the arrays of operation i; a Conv's weights packed at their width
    metadata      {"notes": JSON}: names, scales, labels, provenance (notes.py); no engine needs it

All tensors are integers. A file is checked whole (check.py) before anything runs.
"""

import json
import math
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from src.engine.check import LARGEST_CHOICES, LARGEST_OPERATIONS, check
from src.engine.notes import parse_notes
from src.engine.packing import pack, unpack
from src.engine.program import FIELDS, Conv, Operation, Program, as_table, from_table
from src.errors import UserError
from src.files import whole_file

VERSION = 1
LARGEST_FILE = 2**31
LARGEST_WEIGHTS = 2**28  # of a convolution, at one width


def save_artefact(program: Program, path: Path) -> None:
    """Write a checked program, whole or not at all. UserError: the file cannot be written."""
    check(program)
    tensors = {
        "format": np.array([VERSION, program.rows], np.int64),
        "program": as_table(program.operations),
    }
    for i, op in enumerate(program.operations):
        for name, array in op.arrays.items():
            if isinstance(op, Conv) and name.startswith("weight."):
                array = pack(array, stored_bits(op, int(name.split(".")[1])))
            tensors[f"{i}.{name}"] = np.ascontiguousarray(array)
    content = save(tensors, {"notes": json.dumps(program.notes)})
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
    rows = _rows(tensors.pop("format", None))
    table = tensors.pop("program", None)
    if table is None or table.dtype != np.int64 or table.ndim != 2 or table.shape[1] != FIELDS:
        raise ValueError("no program")
    if len(table) > LARGEST_OPERATIONS:
        raise ValueError(f"{len(table)} operations; allowed are 1..{LARGEST_OPERATIONS}")
    operations = from_table(table)
    _give_arrays(operations, tensors)
    for op in operations:
        if isinstance(op, Conv):
            _unpack_weights(op)
    program = Program(operations, rows, _notes(content))
    check(program)
    return program


def stored_bits(op: Conv, variant: int) -> int:
    """Width at which weights of a variant are packed."""
    return op.master or int(op.arrays["bits"][0, variant])


def _rows(form: np.ndarray | None) -> int:
    if form is None or form.dtype != np.int64 or form.shape != (2,):
        raise ValueError("no format version")
    if form[0] != VERSION:
        raise ValueError(f"format version {form[0]}; this program reads version {VERSION}")
    return int(form[1])


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
        raise ValueError("a convolution without widths")
    if bits.shape[1] > LARGEST_CHOICES:
        raise ValueError(f"a convolution of {bits.shape[1]} candidates")
    variants = [f"weight.{v}" for v in range(1 if op.master else bits.shape[1])]
    stored = {name for name in op.arrays if name.startswith("weight.")}
    if stored != set(variants):
        raise ValueError(f"a convolution has the weights {sorted(stored)}")
    sizes = (op.c_out, op.c_in, op.kernel, op.kernel)
    if min(sizes) < 1 or math.prod(sizes) > LARGEST_WEIGHTS:
        raise ValueError(f"weights of shape {sizes}; allowed are {LARGEST_WEIGHTS} values")
    for v, name in enumerate(variants):
        width = stored_bits(op, v)
        if not 1 <= width <= 8:
            raise ValueError(f"weights of {width} bits")
        op.arrays[name] = unpack(op.arrays[name], width, sizes)


def _notes(content: bytes) -> dict:
    """The documentation in the header, whose length the first 8 bytes give."""
    length = int.from_bytes(content[:8], "little")
    metadata = json.loads(content[8 : 8 + length]).get("__metadata__") or {}
    return parse_notes(metadata.get("notes", "{}"))
