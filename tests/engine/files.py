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
"""Artefacts taken apart and put together again, right or wrong, without the code under test.

A safetensors file: 8 bytes of length, a JSON header (name -> dtype, shape, data_offsets), the data.
"""

import json
import zlib
from dataclasses import dataclass, field

import numpy as np

from src.engine.artefact import VERSION, stored_bits
from src.engine.operations import Add, Affine, Choose, Conv
from src.engine.packing import pack
from src.engine.program import Program
from src.engine.table import as_table

CODES = {"int8": "I8", "uint8": "U8", "int16": "I16", "uint16": "U16", "int32": "I32",
         "uint32": "U32", "int64": "I64", "uint64": "U64", "float32": "F32", "float64": "F64",
         "float16": "F16", "bool": "BOOL", "complex64": "C64"}  # fmt: skip


@dataclass
class Parts:
    """What an artefact holds; `notes` as text. Its bytes have the checksum that they should."""

    tensors: dict[str, np.ndarray]
    notes: str = "{}"
    header: dict = field(default_factory=dict)  # entries that replace or join what they should be

    def __bytes__(self) -> bytes:
        header, data = {"__metadata__": {"notes": self.notes}}, b""
        for name, array in self.tensors.items():
            content = array.tobytes()
            span = [len(data), len(data) + len(content)]
            code = CODES[array.dtype.name]
            header[name] = {"dtype": code, "shape": list(array.shape), "data_offsets": span}
            data += content
        return sealed(with_header(json.dumps(header | self.header).encode(), data))

    @classmethod
    def read(cls, content: bytes) -> "Parts":
        """What a whole artefact holds. ValueError, KeyError, TypeError, ...: it is not one."""
        length = int.from_bytes(content[:8], "little")
        header, data = json.loads(content[8 : 8 + length]), content[8 + length :]
        notes = (header.pop("__metadata__", None) or {}).get("notes", "{}")
        tensors = {}
        for name, entry in header.items():
            kind = next(kind for kind, code in CODES.items() if code == entry["dtype"])
            values = np.frombuffer(data[slice(*entry["data_offsets"])], kind)
            tensors[name] = values.reshape(entry["shape"])
        return cls(tensors, notes)


def parts_of_1(program: Program) -> Parts:
    """A program's artefact as version 1 had it: a flag for the activation, no slot of a choice, 15
    numbers, biases (R, O). For programs that hold nothing newer."""
    parts = parts_of(program)
    parts.tensors["format"] = np.array([1, program.rows])
    rows = np.zeros((len(program.operations), 15), np.int64)
    for i, (row, op) in enumerate(zip(rows, program.operations, strict=True)):
        numbers = list(op.numbers)
        if isinstance(op, Conv | Affine | Add):
            assert op.high == 2**31 - 1 and op.low in (0, -(2**31))
            numbers[-2:] = [int(op.low == 0)]
        if isinstance(op, Choose):
            assert numbers.pop(1) == 0
        row[: 1 + len(numbers)] = [op.CODE, *numbers]
        if isinstance(op, Conv):
            bias = op.arrays["bias"]
            parts.tensors[f"{i}.bias"] = bias.reshape(program.rows, -1)
    parts.tensors["program"] = rows
    return parts


def with_header(header: bytes, data: bytes = b"") -> bytes:
    return len(header).to_bytes(8, "little") + header + data


def sealed(content: bytes) -> bytes:
    """The content with its checksum, where it has a place for one."""
    try:
        length = int.from_bytes(content[:8], "little")
        entry = json.loads(content[8 : 8 + length])["format"]
        begin, end = entry["data_offsets"]
        assert (entry["dtype"], entry["shape"], begin >= 0, end) == ("I64", [3], True, begin + 24)
    except Exception:
        return content
    place = 8 + length + begin + 16
    parts = content[:place], bytes(8), content[place + 8 :]
    return parts[0] + zlib.crc32(b"".join(parts)).to_bytes(8, "little") + parts[2]


def parts_of(program: Program) -> Parts:
    """A program's artefact, as save_artefact should write it."""
    tensors = {"format": np.array([VERSION, program.rows, 0])}
    tensors["program"] = as_table(program.operations)
    for i, op in enumerate(program.operations):
        for name, array in op.arrays.items():
            if isinstance(op, Conv) and name.startswith("weight."):
                bits = stored_bits(op, int(name[7:]))
                if "levels" in op.arrays:  # places among them, 0 of what is not there
                    found = op.arrays["levels"] == array[..., None]
                    array = found.reshape(*array.shape, -1).argmax(-1) - 2 ** (bits - 1)
                array = pack(array, bits)
            tensors[f"{i}.{name}"] = array
    return Parts(tensors, json.dumps(program.notes))
