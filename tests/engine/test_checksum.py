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
"""The checksum is that of zlib, and tells every change of a file; the C++ side's is the same."""

import zlib

import numpy as np
import pytest
from safetensors import safe_open

from src.engine import checksum
from src.engine.artefact import parse_artefact, save_artefact
from tests.engine.files import parts_of, sealed
from tests.engine.programs import NAMED, nested


def test_the_checksum_is_that_of_zlib(tmp_path):
    path = tmp_path / "model.safetensors"
    save_artefact(nested(), path)
    content = path.read_bytes()
    with safe_open(path, "np") as file:
        stored = int(file.get_tensor("format")[2])
    at = content.index(stored.to_bytes(8, "little"))
    assert zlib.crc32(content[:at] + bytes(8) + content[at + 8 :]) == stored


def test_every_changed_byte_is_told():
    content, rng = bytes(parts_of(nested())), np.random.default_rng(0)
    length = int.from_bytes(content[:8], "little")
    for place in [
        *range(8 + length, len(content), 41),
        len(content) - 1,
        content.index(b"made by"),
    ]:
        damaged = bytearray(content)
        damaged[place] ^= 1 << int(rng.integers(0, 4))
        with pytest.raises(
            ValueError, match="changed since it was written|no format|format version"
        ):
            parse_artefact(bytes(damaged))


@pytest.mark.parametrize("name", NAMED)
def test_sealing_agrees_with_the_tests_own(name):
    content = bytes(parts_of(NAMED[name]()))
    blank = content.replace(content[_place(content) : _place(content) + 8], bytes(8), 1)
    assert blank != content == checksum.sealed(blank) == sealed(blank)
    checksum.verify(content)
    with pytest.raises(ValueError, match=r"\(checksum \d+, in the file 0\)"):
        checksum.verify(blank)


def _place(content: bytes) -> int:
    """The data begin with the format."""
    return 8 + int.from_bytes(content[:8], "little") + 16
