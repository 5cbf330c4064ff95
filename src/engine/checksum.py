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
"""The checksum of an artefact: CRC-32 of the whole file, with zeros in the checksum's own place.

It is the third number (int64, little endian) of the tensor `format`. csrc/engine/checksum.cc is its twin.
"""

import json
import zlib

_SIZE = 8  # bytes


def sealed(content: bytes) -> bytes:
    """The bytes of an artefact with its checksum in its place."""
    place = _place(content)
    return content[:place] + _computed(content).to_bytes(_SIZE, "little") + content[place + _SIZE :]


def verify(content: bytes) -> None:
    """ValueError: the bytes of an artefact, a safetensors file with a format (3,), have changed."""
    place = _place(content)
    stored = int.from_bytes(content[place : place + _SIZE], "little", signed=True)
    computed = _computed(content)
    if stored != computed:
        raise ValueError(
            "its content has changed since it was written "
            f"(checksum {computed}, in the file {stored})"
        )


def _computed(content: bytes) -> int:
    place, view = _place(content), memoryview(content)
    return zlib.crc32(view[place + _SIZE :], zlib.crc32(bytes(_SIZE), zlib.crc32(view[:place])))


def _place(content: bytes) -> int:
    """Where the checksum begins; the header's length comes first, then the header as JSON."""
    length = int.from_bytes(content[:8], "little")
    first = json.loads(content[8 : 8 + length])["format"]["data_offsets"][0]
    return 8 + length + first + 2 * _SIZE
