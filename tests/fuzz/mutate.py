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
"""Damages artefacts: bytes, header, fields of the program, arrays; most stay well-formed files."""

import random
from collections.abc import Callable

import numpy as np

from tests.engine.files import CODES, Parts, sealed

VALUES = [
    0, 1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 60, 62, 64, 127, 128, 255, 256, 4096, 4097, 65536,
    2**28, 2**29, 2**30, 2**31 - 1, 2**31, 2**32, 2**60, 2**62, 2**63 - 1,
]  # fmt: skip
VALUES += [-v for v in VALUES] + [-(2**63)]
JSON = [None, [], {}, "", "x", 1.5, True, [0], [[0]], -1, 2**64, "I64"]
NOTES = ["", "[]", "{", "1", "null", '{"a": NaN}', "[" * 2000, '{"a":' * 2000, "9" * 5000, "\0"]
LARGEST_ARRAY = 50_000


def mutated(content: bytes, rng: random.Random) -> bytes:
    """The content with some damages, small ones being the most likely; but for a few, with the
    checksum that it should have then."""
    if rng.random() < 0.15:
        damaged = _bytes(content, rng)
        return damaged if rng.random() < 0.1 else sealed(damaged)
    try:
        parts = Parts.read(content)
    except Exception:
        return sealed(_bytes(content, rng))
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        rng.choices(list(MUTATIONS), list(MUTATIONS.values()))[0](parts, rng)
    return bytes(parts)


def _bytes(content: bytes, rng: random.Random) -> bytes:
    data = bytearray(content)
    for _ in range(rng.choice([1, 1, 2, 8])):
        # The header is most of the structure: every other place lies in it.
        place = rng.randrange(max(1, min(len(data), rng.choice([8, 2000, 10**9]))))
        kind = rng.randrange(5)
        if kind == 0 and data:
            data[place] ^= 1 << rng.randrange(8)
        elif kind == 1 and data:
            data[place] = rng.choice(b'\0\xff0129-.,:"[]{}')
        elif kind == 2:
            data[place : place + 8] = (rng.choice(VALUES) % 2**64).to_bytes(8, "little")
        elif kind == 3:
            del data[place : place + rng.choice([1, 8, 100, 10**6])]
        else:
            data[place:place] = data[place : place + rng.choice([1, 8, 100])]
    return bytes(data)


def _cell(parts: Parts, rng: random.Random) -> None:
    """A field of an operation."""
    table = parts.tensors.get("program")
    if table is None or table.dtype.kind not in "iu" or table.ndim != 2 or not table.size:
        return
    table = table.copy()
    row, column = rng.randrange(len(table)), rng.randrange(table.shape[1])
    near, other = int(table[row, column]) + rng.choice([-1, 1]), int(rng.choice(table.ravel()))
    value = rng.choice([near, near, other, rng.choice(VALUES)])
    table[row, column] = _fitting(value, table.dtype)
    parts.tensors["program"] = table


def _rows(parts: Parts, rng: random.Random) -> None:
    """Operations that are missing, twice there, or in another order."""
    table = parts.tensors.get("program")
    if table is None or not table.ndim or not 1 <= len(table) < 1000:
        return
    order = list(range(len(table)))
    one, two = rng.randrange(len(order)), rng.randrange(len(order))
    change = rng.randrange(4)
    if change == 0:
        del order[one]
    elif change == 1:
        order.insert(one, two)
    elif change == 2:
        order[one], order[two] = order[two], order[one]
    else:
        del order[one + 1 :]
    parts.tensors["program"] = table[order]


def _numbers(parts: Parts, rng: random.Random) -> None:
    """Some values of an array, or all."""
    name, array = _tensor(parts, rng)
    if not array.size:
        return
    array = array.copy()
    if rng.random() < 0.2:
        array[...] = _fitting(rng.choice(VALUES), array.dtype)
    for _ in range(rng.choice([1, 1, 10])):
        old = array.flat[rng.randrange(array.size)]
        near = int(old.real) + rng.choice([-1, 1]) if np.isfinite(old) else 0
        value = rng.choice([near, rng.choice(VALUES)])
        array.flat[rng.randrange(array.size)] = _fitting(value, array.dtype)
    parts.tensors[name] = array


def _shape(parts: Parts, rng: random.Random) -> None:
    """An array of another shape."""
    name, a = _tensor(parts, rng)
    axis = rng.randrange(a.ndim) if a.ndim else 0
    changes: list[Callable] = [
        lambda: a[None], lambda: a[..., None], lambda: a.ravel(), lambda: a.T,
        lambda: a.reshape(-1, 1), lambda: np.zeros(0, a.dtype), lambda: a.sum(dtype=a.dtype),
        lambda: np.delete(a, 0, axis), lambda: np.take(a, [0], axis), lambda: a[..., :0],
        lambda: np.repeat(a, 2, axis), lambda: np.append(a, a[:1], 0),
    ]  # fmt: skip
    try:
        changed = np.asarray(rng.choice(changes)())
    except (ValueError, IndexError):
        return  # not for this shape
    if changed.size <= LARGEST_ARRAY:
        parts.tensors[name] = changed


def _dtype(parts: Parts, rng: random.Random) -> None:
    name, array = _tensor(parts, rng)
    array, kind = array.real, rng.choice(list(CODES))
    with np.errstate(all="ignore"):
        parts.tensors[name] = array.astype(kind) if rng.random() < 0.7 else _seen_as(array, kind)


def _names(parts: Parts, rng: random.Random) -> None:
    """An array is missing, has another name, or is another operation's."""
    name, array = _tensor(parts, rng)
    if rng.random() < 0.7:
        del parts.tensors[name]
    other, _ = _tensor(parts, rng) if parts.tensors else ("x", None)
    number, _, rest = other.partition(".")
    odd = ["", ".", "x", f"{number}.", f"{number}.weight.1", f"0{other}", f"-{other}", f"99.{rest}"]
    parts.tensors[rng.choice([other, other, *odd])] = array


def _header(parts: Parts, rng: random.Random) -> None:
    """An entry of the header that does not tell what lies in the file."""
    name, array = _tensor(parts, rng)
    entry = {"dtype": "I64", "shape": list(array.shape), "data_offsets": [0, array.nbytes]}
    key = rng.choice(list(entry))
    options = {
        "dtype": [*CODES.values(), "BF16", "F8_E4M3", "F4", "F8_E8M0"],
        "shape": [[rng.choice(VALUES) for _ in range(rng.randrange(4))], [1] * 70, [0, 2**63]],
        "data_offsets": [[rng.choice(VALUES), rng.choice(VALUES)], [8, 0], [0, 2**63]],
    }
    entry[key] = rng.choice([rng.choice(JSON), *options[key]])
    parts.header[rng.choice([name, name, "__metadata__", "x"])] = entry


def _notes(parts: Parts, rng: random.Random) -> None:
    parts.notes = rng.choice(NOTES)


# Each with how often it is taken.
MUTATIONS: dict[Callable[[Parts, random.Random], None], int] = {
    _cell: 10, _rows: 2, _numbers: 8, _shape: 3, _dtype: 2, _names: 2, _header: 2, _notes: 1,
}  # fmt: skip


def _tensor(parts: Parts, rng: random.Random) -> tuple[str, np.ndarray]:
    return rng.choice(list(parts.tensors.items()) or [("x", np.zeros(1, np.int8))])


def _fitting(value: int, kind: np.dtype) -> int:
    """The value, wrapped around where the type is too narrow for it."""
    if kind.kind not in "iu":
        return value % 100
    low, high = int(np.iinfo(kind).min), int(np.iinfo(kind).max)
    return (value - low) % (high - low + 1) + low


def _seen_as(array: np.ndarray, kind: str) -> np.ndarray:
    content = array.tobytes()
    return np.frombuffer(content[: len(content) // 16 * 16], kind)
