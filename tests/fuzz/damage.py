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
"""Damages any file: bytes, or, of a text, also its words, numbers and lines."""

import random

NUMBERS = [b"0", b"-1", b"1e400", b"nan", b"-0.0", b"9" * 40, b"1.5", b"0x10", b"01", b"2147483648", b"1_000"]
WORDS = [
    b"null", b"true", b"~", b"[]", b"{}", b'""', b"[1, [2]]", b"{a: 1}", b"*x", b"&x", b"!!python/object:os.system",
    b"<<", b"\t", b"\xff\xfe", b"\0", b"../..", b"%", b"@", b"a" * 3000, b"[" * 2000, b'{"a":' * 2000, b"2001-13-41",
    b"on", b"\xe2\x80\xa8", b"-", b":", b"#", b"\r\n", b"'", b'"',
]  # fmt: skip
_MARKS = b"0123456789:,[]{}'\"\n -."


def damaged(content: bytes, rng: random.Random, is_text: bool = False) -> bytes:
    """The content with a few damages, most often one."""
    data = bytearray(content)
    for _ in range(rng.choice([1, 1, 1, 2, 5])):
        (_in_a_text if is_text and rng.random() < 0.8 else _in_bytes)(data, rng)
    return bytes(data)


def _in_bytes(data: bytearray, rng: random.Random) -> None:
    # The header is most of the structure: every other place lies in it.
    place = rng.randrange(max(1, min(len(data), rng.choice([64, 2000, 10**9]))))
    kind = rng.randrange(6)
    if kind == 0 and data:
        data[place] ^= 1 << rng.randrange(8)
    elif kind == 1 and data:
        data[place] = rng.choice(b"\0\xff\x7f\x80" + _MARKS)
    elif kind == 2:
        data[place : place + rng.choice([2, 4, 8])] = rng.choice([0, 1, 2**31 - 1, 2**63 - 1]).to_bytes(8, "little")
    elif kind == 3:
        del data[place : place + rng.choice([1, 8, 100, 10**9])]
    elif kind == 4:
        data[place:place] = data[place : place + rng.choice([1, 8, 100])]
    else:
        data[place:place] = rng.randbytes(rng.choice([1, 8, 100]))


def _in_a_text(data: bytearray, rng: random.Random) -> None:
    lines = bytes(data).split(b"\n")
    number = rng.randrange(len(lines))
    kind = rng.randrange(5)
    if kind == 0:  # a word or a number is another
        words = [w for w in bytes(data).replace(b",", b" ").split() if w]
        if words:
            word = rng.choice(words)
            place = data.find(word, rng.randrange(len(data)))
            data[max(place, 0) : max(place, 0) + len(word)] = rng.choice(NUMBERS + WORDS + words)
        return
    if kind == 1:
        del lines[number]
    elif kind == 2:
        lines.insert(rng.randrange(len(lines) + 1), lines[number])
    elif kind == 3:
        lines[number] = b" " * rng.randrange(4) + lines[number]
    else:
        place = rng.randrange(len(lines[number]) + 1)
        lines[number] = lines[number][:place] + rng.choice(NUMBERS + WORDS) + lines[number][place:]
    data[:] = b"\n".join(lines)
