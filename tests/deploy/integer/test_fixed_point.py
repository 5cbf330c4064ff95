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
"""Constants as integers: as precise as the room allows, never beyond it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.deploy.integer.fixed_point import (
    LARGEST_BIAS,
    LARGEST_SHIFT,
    MULTIPLIER_BITS,
    fixed_point,
    fixed_weights,
    round_half_up,
)
from src.errors import UserError

REAL = st.floats(-(2.0**20), 2.0**20, width=32)


@settings(deadline=None)
@given(multiplier=st.lists(REAL, min_size=1, max_size=6), bias=st.lists(REAL, max_size=6))
def test_constants_are_rounded_at_the_largest_shift_that_fits(multiplier, bias):
    m, b = np.array(multiplier), np.array([0.0, *bias])
    integers, biases, shift = fixed_point(m, b)
    assert integers.dtype == np.int32 and biases.dtype == np.int64
    assert 1 <= shift <= LARGEST_SHIFT
    np.testing.assert_array_equal(integers, np.floor(m * 2.0**shift + 0.5))
    np.testing.assert_array_equal(biases, np.floor(b * 2.0**shift + 0.5))
    largest = [np.abs(m).max() * 2.0**shift, np.abs(b).max() * 2.0**shift]
    assert largest[0] < 2**MULTIPLIER_BITS and largest[1] < 2**LARGEST_BIAS
    full = largest[0] * 2 >= 2**MULTIPLIER_BITS or largest[1] * 2 >= 2**LARGEST_BIAS
    assert shift == LARGEST_SHIFT or full


def test_by_hand():
    integers, biases, shift = fixed_point([0.75, -0.3], 2.0)
    assert shift == 30  # 0.75 takes 30 bits
    assert integers.tolist() == [3 << 28, round(-0.3 * 2**30)] and int(biases) == 2 << 30
    integers, biases, shift = fixed_point([1.0], [2.0**40])
    assert shift == 19 and integers.tolist() == [1 << 19] and biases.tolist() == [1 << 59]


def test_layers_that_are_dead_get_zeros():
    integers, biases, shift = fixed_point(np.zeros(3))
    assert not integers.any() and not biases.any() and shift == LARGEST_SHIFT
    weights, shift = fixed_weights(np.zeros((2, 3, 1, 1)))
    assert not weights.any() and shift == LARGEST_SHIFT


def test_tiny_constants_do_not_overflow_the_shift():
    integers, _, shift = fixed_point([1e-30, 1e-40])
    assert shift == LARGEST_SHIFT and integers.tolist() == [0, 0]
    weights, shift = fixed_weights(np.float32([[1e-44]]))
    assert shift == LARGEST_SHIFT and weights.tolist() == [[0]]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused(bad):
    for arguments in (([1.0, bad], 0.0), ([1.0], [bad, 0.0])):
        with pytest.raises(UserError, match="not finite"):
            fixed_point(*arguments)


def test_what_is_too_large_is_refused():
    assert fixed_point([2.0**29 - 1])[2] == 1
    with pytest.raises(UserError, match="too large"):
        fixed_point([2.0**29])
    with pytest.raises(UserError, match="too large"):
        fixed_point([1.0], [2.0**59])
    with pytest.raises(UserError, match="too large"):
        fixed_weights(np.full((1, 4, 1, 1), 2.0**29))


@settings(deadline=None)
@given(seed=st.integers(0), exponent=st.integers(-40, 20), fan=st.integers(1, 40))
def test_sums_of_weights_stay_in_int32(seed, exponent, fan):
    weight = np.random.default_rng(seed).normal(size=(3, fan, 2, 2)) * 2.0**exponent
    integers, shift = fixed_weights(weight)
    assert integers.dtype == np.int32 and integers.shape == weight.shape
    sums = np.abs(integers.astype(np.int64)).sum((1, 2, 3))
    assert sums.max() < 2**31
    assert shift == LARGEST_SHIFT or sums.max() > 2**29 - 4 * fan  # no bit is wasted
    np.testing.assert_array_equal(integers, np.floor(weight * 2.0**shift + 0.5))


def test_halves_go_up():
    assert round_half_up(np.array([-1.5, -0.5, 0.5, 1.5])).tolist() == [-1, 0, 1, 2]


def test_a_constant_that_rounds_up_to_the_next_power_loses_a_bit():
    integers, _, shift = fixed_point([1 - 2.0**-40])
    assert shift == 29 and integers.tolist() == [1 << 29]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_refused(value):
    with pytest.raises(UserError, match="not finite"):
        fixed_weights(np.array([[1.0, value]]))
