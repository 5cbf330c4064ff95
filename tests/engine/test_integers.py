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
"""The oracle's integer operations against fractions and loops."""

from fractions import Fraction
from math import ceil, floor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.engine import integers

INT32 = st.integers(-(2**31), 2**31 - 1)


def half_up(value: Fraction) -> int:
    return floor(value + Fraction(1, 2))


@settings(deadline=None)
@given(v=st.integers(-(2**62), 2**62), shift=st.integers(0, 61))
def test_round_shift_rounds_halves_up(v, shift):
    expected = half_up(Fraction(v, 1 << shift))
    assert integers.round_shift(np.array([v], np.int64), shift).tolist() == [expected]
    tie = (v >> shift + 1) * 2 + 1  # an odd number of halves
    if shift:
        half = np.array([tie << shift - 1], np.int64)
        assert integers.round_shift(half, shift).tolist() == [(tie + 1) // 2]


@settings(deadline=None)
@given(v=st.integers(-(2**62), 2**62))
def test_saturate_stops_at_the_ends_of_int32(v):
    assert integers.saturate(np.array([v])).tolist() == [min(max(v, -(2**31)), 2**31 - 1)]


@pytest.mark.parametrize("bits", range(1, 9))
def test_limits(bits):
    assert integers.limits(bits, True) == (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    assert integers.limits(bits, False) == (0, 2**bits - 1)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("master", range(2, 9))
def test_every_child_of_every_code(master, signed):
    low, high = integers.limits(master, signed)
    codes = range(low, high + 1)
    for bits in range(1, master + 1):
        top = integers.limits(bits, signed)[1]
        expected = [min(half_up(Fraction(q, 1 << master - bits)), top) for q in codes]
        children = integers.child(np.array(codes), master, bits, signed).tolist()
        assert children == expected, bits


def naive_conv(x, weight, stride, padding, groups):
    """Seven loops on Python integers."""
    c, h, w = x.shape
    c_out, c_in, k, _ = weight.shape
    sides = [(n + 2 * padding - k) // stride + 1 for n in (h, w)]
    y = np.zeros((c_out, *sides), np.int64)
    for o, i, j in np.ndindex(*y.shape):
        first = o // (c_out // groups) * c_in
        for ci, ki, kj in np.ndindex(c_in, k, k):
            row, col = i * stride + ki - padding, j * stride + kj - padding
            if 0 <= row < h and 0 <= col < w:
                y[o, i, j] += int(x[first + ci, row, col]) * int(weight[o, ci, ki, kj])
    return y


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_convolve(data):
    draw = data.draw
    groups, kernel, stride = (draw(st.integers(1, 3)) for _ in range(3))
    c_in, c_out, padding = draw(st.integers(1, 3)), draw(st.integers(1, 2)), draw(st.integers(0, 3))
    sides = [draw(st.integers(max(1, kernel - 2 * padding), 5)) for _ in range(2)]
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    x = rng.integers(-(2**31), 2**31, (groups * c_in, *sides))
    weight = rng.integers(-(2**20), 2**20, (groups * c_out, c_in, kernel, kernel))
    y = integers.convolve(x, weight, stride, padding, groups)
    np.testing.assert_array_equal(y, naive_conv(x, weight, stride, padding, groups))


@settings(deadline=None)
@given(data=st.data())
def test_rounded_means(data):
    h, w = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 6))
    bins = data.draw(st.integers(1, min(h, w)))
    x = np.array([data.draw(INT32) for _ in range(h * w)]).reshape(1, h, w)
    means = integers.rounded_means(x, bins)
    for i, j in np.ndindex(bins, bins):
        rows = range(floor(Fraction(i * h, bins)), ceil(Fraction((i + 1) * h, bins)))
        cols = range(floor(Fraction(j * w, bins)), ceil(Fraction((j + 1) * w, bins)))
        values = [int(x[0, r, c]) for r in rows for c in cols]
        assert means[0, i, j] == half_up(Fraction(sum(values), len(values)))
