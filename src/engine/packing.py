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
"""Codes packed at their width: a stream of b-bit numbers, low bits first, offset by 2^(b-1)."""

import math

import numpy as np


def packed_size(count: int, bits: int) -> int:
    """Bytes that `count` codes take."""
    return -(-count * bits // 8)


def pack(codes: np.ndarray, bits: int) -> np.ndarray:
    """Signed codes of any shape, -2^(b-1) .. 2^(b-1)-1, as uint8 (bytes,)."""
    offset = (codes.ravel().astype(np.int16) + (1 << bits - 1)).astype(np.uint8)
    digits = np.unpackbits(offset[:, None], axis=1, count=bits, bitorder="little")
    return np.packbits(digits.ravel(), bitorder="little")


def unpack(packed: np.ndarray, bits: int, shape: tuple[int, ...]) -> np.ndarray:
    """The int8 codes of a packed array. ValueError: its size does not fit."""
    count = math.prod(shape)
    if packed.dtype != np.uint8 or packed.shape != (packed_size(count, bits),):
        raise ValueError(f"{packed.dtype} {packed.shape} cannot hold {count} codes of {bits} bits")
    digits = np.unpackbits(packed, count=count * bits, bitorder="little").reshape(count, bits)
    codes = np.packbits(digits, axis=1, bitorder="little")[:, 0].astype(np.int16)
    return (codes - (1 << bits - 1)).astype(np.int8).reshape(shape)
