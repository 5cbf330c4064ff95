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
"""Packed codes come back, take the bytes that the format says, and wrong sizes are refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.engine.integers import limits
from src.engine.packing import pack, packed_size, unpack

WIDTHS = st.integers(1, 8)


@settings(deadline=None)
@given(bits=WIDTHS, shape=st.lists(st.integers(1, 5), min_size=1, max_size=4), seed=st.integers(0))
def test_round_trip(bits, shape, seed):
    low, high = limits(bits, True)
    codes = np.random.default_rng(seed).integers(low, high + 1, shape).astype(np.int8)
    packed = pack(codes, bits)
    assert packed.dtype == np.uint8
    assert packed.shape == (packed_size(codes.size, bits),) == (-(-codes.size * bits // 8),)
    back = unpack(packed, bits, tuple(shape))
    assert back.dtype == np.int8
    np.testing.assert_array_equal(back, codes)


@settings(deadline=None)
@given(bits=WIDTHS, data=st.data())
def test_the_stream_is_one_number_low_bits_first(bits, data):
    low, high = limits(bits, True)
    codes = data.draw(st.lists(st.integers(low, high), min_size=1, max_size=20))
    number = sum((code - low) << n * bits for n, code in enumerate(codes))
    expected = number.to_bytes(packed_size(len(codes), bits), "little")
    assert pack(np.array(codes, np.int8), bits).tobytes() == expected


def test_every_code_of_every_width():
    for bits in range(1, 9):
        low, high = limits(bits, True)
        codes = np.arange(low, high + 1, dtype=np.int8)
        np.testing.assert_array_equal(unpack(pack(codes, bits), bits, codes.shape), codes)


@pytest.mark.parametrize(
    "packed",
    [
        np.zeros(3, np.uint8),
        np.zeros(5, np.uint8),
        np.zeros(0, np.uint8),
        np.zeros((1, 4), np.uint8),
        np.zeros(4, np.int8),
        np.zeros(1, np.int32),
    ],
)
def test_wrong_sizes_are_refused(packed):
    assert unpack(np.zeros(4, np.uint8), 3, (2, 5)).shape == (2, 5)
    with pytest.raises(ValueError, match="10 codes of 3 bits"):
        unpack(packed, 3, (2, 5))


def test_sizes_that_no_memory_holds_are_refused_before_they_are_made():
    with pytest.raises(ValueError, match="cannot hold"):
        unpack(np.zeros(4, np.uint8), 8, (2**31, 2**31, 2**31, 2**31))
