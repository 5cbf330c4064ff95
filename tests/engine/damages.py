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
"""Damaged artefacts, what artefact.py says of them (a regular expression), and what the C++ loader."""

import json

import numpy as np

from src.engine.declaration import LARGEST_OPERATIONS
from src.engine.table import FIELDS
from tests.engine.files import Parts, with_header

SAME = "the same"  # both say exactly the words, which are no expression then
NOT = "not a safetensors file: "


def with_cell(parts: Parts, row: int, column: int, value: int) -> None:
    """Another number in the program's table."""
    parts.tensors["program"] = parts.tensors["program"].copy()
    parts.tensors["program"][row, column] = value


def with_tensor(parts: Parts, name: str, change) -> None:
    parts.tensors[name] = change(parts.tensors.get(name))


LONG = np.zeros((LARGEST_OPERATIONS + 1, FIELDS), np.int64)
DAMAGES = {
    "no format": (lambda p: p.tensors.pop("format"), "no format version", SAME),
    "a format of two": (lambda p: with_tensor(p, "format", lambda a: a[:2]),
        "no format of version 2", SAME),
    "no versions": (lambda p: with_tensor(p, "format", lambda a: a[:0]), "no format version", SAME),
    "rows of format": (lambda p: with_tensor(p, "format", lambda a: a[None]),
        "no format version", SAME),
    "another type": (lambda p: with_tensor(p, "format", lambda a: a.astype("i4")),
        "no format version", SAME),
    "version 0": (lambda p: with_tensor(p, "format", lambda a: a * 0),
        "format version 0; this program reads versions 1..2", SAME),
    "version 4": (lambda p: with_tensor(p, "format", lambda a: a * 2),
        "format version 4; this program reads versions 1..2", SAME),
    "a large version, of another form": (lambda p: with_tensor(p, "format", lambda a: a[:1] << 40),
        "format version 2199023255552; this program reads versions 1..2", SAME),
    "no program": (lambda p: p.tensors.pop("program"), "no program", SAME),
    "a narrow program": (lambda p: with_tensor(p, "program", lambda a: a[:, 1:]),
        "no program", SAME),
    "a real program": (lambda p: with_tensor(p, "program", lambda a: a * 1.0),
        "no program", "a tensor of type F64; a program has integers only"),
    "an empty program": (lambda p: with_tensor(p, "program", lambda a: a[:0]),
        "belongs to no", "no program"),
    "a long program": (lambda p: with_tensor(p, "program", lambda a: LONG),
        "65537 operations; allowed are 1..65536", SAME),
    "code -1": (lambda p: with_cell(p, 2, 0, -1), "operation 2: unknown code -1", SAME),
    "code 12": (lambda p: with_cell(p, 2, 0, 12), "operation 2: unknown code 12", SAME),
    "a number too many": (lambda p: with_cell(p, 0, 14, 1),
        "operation 0: Input has only 3 numbers", SAME),
    "a real tensor": (lambda p: with_tensor(p, "0.table", lambda a: a * 1.0),
        "tensor '0.table' is float64; a program has integers only",
        "a tensor of type F64; a program has integers only"),
    "half a tensor": (lambda p: with_tensor(p, "0.table", lambda a: np.ones(3, "f2")),
        "float16", "a tensor of type F16; a program has integers only"),
    "a bool tensor": (lambda p: with_tensor(p, "0.table", lambda a: a > 0),
        "is bool", "a tensor of type BOOL; a program has integers only"),
    "a complex tensor": (lambda p: with_tensor(p, "0.table", lambda a: a.astype("c8")),
        "complex", "a tensor of type C64; a program has integers only"),
    "no table": (lambda p: p.tensors.pop("0.table"), "operation 0 (Input): no array table", SAME),
    "another table": (lambda p: with_tensor(p, "0.table", lambda a: a[:, :9]),
        "operation 0 (Input): table is int32 (3, 9); expected int32 (3, 256)", SAME),
    "no weights": (lambda p: p.tensors.pop("8.weight.0"),
        "operation 8 (Conv): no array weight.0", SAME),
    "short weights": (lambda p: with_tensor(p, "8.weight.0", lambda a: a[:-1]),
        "operation 8 (Conv): weight.0: uint8 (143,) cannot hold 144 codes of 8 bits", SAME),
    "int8 weights": (lambda p: with_tensor(p, "8.weight.0", lambda a: a.view("i1")),
        "operation 8 (Conv): weight.0: int8 (144,) cannot hold 144 codes of 8 bits", SAME),
    "more weights": (lambda p: p.tensors.update({"8.weight.1": np.ones(1, np.uint8)}),
        r"\(Conv\): has no arrays \['weight.1'\]", "a tensor belongs to no operation"),
    "odd weights": (lambda p: p.tensors.update({"8.weight.x": np.ones(1, np.uint8)}),
        r"\(Conv\): has no arrays \['weight.x'\]", "a tensor belongs to no operation"),
    "no widths": (lambda p: p.tensors.pop("8.bits"), "operation 8 (Conv): no array bits", SAME),
    "flat widths": (lambda p: with_tensor(p, "8.bits", np.ravel),
        "operation 8 (Conv): bits is int64 (6,); expected int64 (2, K)", SAME),
    "empty widths": (lambda p: with_tensor(p, "8.bits", lambda a: a[:, :0]),
        "operation 8 (Conv): bits is int64 (2, 0); expected int64 (2, K)", SAME),
    "17 widths": (lambda p: with_tensor(p, "8.bits", lambda a: a[:, [0] * 17]),
        "operation 8 (Conv): 17 candidates; allowed are 1..16", SAME),
    "an extra array": (lambda p: p.tensors.update({"9.x": np.ones(1, np.int8)}),
        r"no arrays \['x", "a tensor belongs to no operation"),
    "a nameless array": (lambda p: p.tensors.update({"9.": np.ones(1, np.int8)}),
        r"arrays \[''\]", "a tensor belongs to no operation"),
} | {
    f"a tensor {name}": (
        lambda p, name=name: p.tensors.update({name: np.ones(1, np.int8)}), "belongs to no operation",
        "a tensor belongs to no operation" if name.isascii() else NOT + "a strange name",
    )
    for name in ("x", "-1.x", "99.x", "00.x", "+1.x", "1 .x", "١.x", "²", "", ".")
}  # fmt: skip


def rewritten(change):
    """Bytes of an artefact whose header, as text, goes through `change`."""

    def of(parts: Parts) -> bytes:
        content = bytes(parts)
        length = int.from_bytes(content[:8], "little")
        return with_header(change(content[8 : 8 + length]), content[8 + length :])

    return of


def entry(name: str, **changes):
    """Bytes of an artefact with other values, or none, for keys of a tensor's entry."""

    def change(header: bytes) -> bytes:
        entries = json.loads(header)
        entries[name] = {k: v for k, v in (entries[name] | changes).items() if v is not None}
        return json.dumps(entries).encode()

    return rewritten(change)


def overlapping(parts: Parts) -> bytes:
    """The second tensor lies on the first, with a third where the second was."""
    content = bytes(parts)
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    header["program"]["data_offsets"] = [0, 8]
    header["program"]["shape"] = [1, 1]
    header["format"]["data_offsets"] = [0, 24]
    header["x"] = {"dtype": "U8", "shape": [0], "data_offsets": [24, 24]}
    size = header["0.table"]["data_offsets"][0]
    header["y"] = {"dtype": "U8", "shape": [size - 24], "data_offsets": [24, size]}
    return with_header(json.dumps(header).encode(), content[8 + length :])


def replaced(old: bytes, new: bytes):
    return rewritten(lambda header: header.replace(old, new, 1))


# From a whole artefact to the bytes of one with a damaged header, and what the C++ loader says.
HEADERS = {
    "nothing": (lambda p: b"", "it is shorter than a header"),
    "seven bytes": (lambda p: bytes(p)[:7], "it is shorter than a header"),
    "a length behind the end": (
        lambda p: (len(bytes(p)) - 7).to_bytes(8, "little") + bytes(p)[8:], "it ends within its header"),
    "a length of 2^64 - 1": (lambda p: b"\xff" * 8 + bytes(p)[8:], "it ends within its header"),
    "100 MB of blanks": (rewritten(lambda h: h + b" " * 10**8), "it ends within its header"),
    "no object": (rewritten(lambda h: b"[" + h[1:]), "expected '{' in the header"),
    "an end behind the header": (lambda p: with_header(b"{", b"}"), "expected '\"' in the header"),
    "a name of 300 bytes": (replaced(b'"0.table"', b'"' + b"9" * 300 + b'"'), "a strange name"),
    "text behind": (rewritten(lambda h: h + b"}"), "text behind the header"),
    "no colon": (replaced(b":", b";"), "expected ':' in the header"),
    "no end": (rewritten(lambda h: h[:-1]), "expected '}' in the header"),
    "a name without an end": (rewritten(lambda h: b'{"format'), "a strange name"),
    "a note without an end": (rewritten(lambda h: h[:30]), "a string without an end"),
    "a note that ends behind the header": (
        lambda p: with_header(b'{"__metadata__": {"a', b'"'), "a string without an end"),
    "a note with an odd escape": (replaced(b'"{', b'"\\x{'), "a string without an end"),
    "a note that is a number": (
        rewritten(lambda h: json.dumps(json.loads(h) | {"__metadata__": {"a": 1}}).encode()),
        "expected '\"' in the header"),
    "no number": (entry("format", shape=["x"]), "expected a number"),
    "a sign": (entry("format", shape=[-2]), "expected a number"),
    "a fraction": (entry("format", shape=[2.5]), "expected ']' in the header"),
    "a leading zero": (replaced(b'"shape": [3]', b'"shape": [03]'), "expected a number"),
    "a number of 20 digits": (entry("format", shape=[10**19]), "a number is too large"),
    "a number of 18 digits": (entry("format", shape=[10**17]), "tensor format has an absurd shape"),
    "an absurd product": (entry("format", shape=[2**30] * 3), "tensor format has an absurd shape"),
    "a product of 2^64 + 2": (
        entry("format", shape=[2**31, 2**31, 4]), "tensor format has an absurd shape"),
    "a product of 2^64": (
        entry("format", shape=[2**31, 2**33], data_offsets=[0, 0]), "tensor format has an absurd shape"),
    **{
        f"a note of {code.hex()}": (
            replaced(b'"{', b'"' + code + b"{"), "a header that is not UTF-8")
        for code in (b"\x80", b"\xc1\xbf", b"\xc3", b"\xe0\x9f\xbf", b"\xed\xa0\x80", b"\xef\xbf",
                     b"\xf0\x8f\xbf\xbf", b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\xe2\x82{")
    },
    "a note of a newline": (replaced(b'"{', b'"\n{'), "a string without an end"),
    "a name of a newline": (replaced(b'"0.table', b'"\n0.table'), "a strange name"),
    "an unknown key": (replaced(b'"dtype"', b'"dtipe"'), "unknown key dtipe"),
    "no shape": (entry("format", shape=None), "a tensor without a place"),
    "no place": (entry("format", data_offsets=None), "a tensor without a place"),
    "a place of one": (entry("format", data_offsets=[16]), "a tensor without a place"),
    "a place of three": (entry("format", data_offsets=[0, 16, 16]), "a tensor without a place"),
    "a place backwards": (entry("format", data_offsets=[16, 0]), "a tensor without a place"),
    "a place behind the end": (
        entry("format", data_offsets=[2**40, 2**40 + 16]), "tensor format does not fit its place"),
    "a short place": (entry("format", data_offsets=[0, 8]), "tensor format does not fit its place"),
    "a long place": (entry("format", shape=[1]), "tensor format does not fit its place"),
    "a tensor twice": (
        rewritten(lambda h: h[:-1] + b', "format": {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]}}'),
        "two tensors named format"),
    "tensors that overlap": (overlapping, "tensors overlap or leave holes"),
    "a hole": (
        lambda p: entry("program", dtype="U8", shape=[8], data_offsets=[24, 32])(p),
        "tensors overlap or leave holes"),
    "bytes behind": (lambda p: bytes(p) + b"\0", "bytes behind the tensors"),
}  # fmt: skip
