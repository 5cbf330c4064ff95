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
"""Lines that are near: where the fraction is not in doubt, the code is the one by 64-bit arithmetic."""

import numpy as np
import pytest

from src import kernels
from tests.engine.conv_kernels import code_steps, find_line, find_near_line
from tests.engine.test_straight import codes, random_case

pytestmark = pytest.mark.skipif(not kernels.available(), reason="no C++ compiler")


def on(line, sums: np.ndarray) -> np.ndarray:
    """As kernels compute it, in 2^-16 codes: int64."""
    exact = np.longdouble(line.slope) * sums.astype(np.float32).astype(np.longdouble)
    return np.rint((exact + np.longdouble(line.start)).astype(np.float32)).astype(np.int64)


def checked(seed: int, range_of_sums: int, right: int = 0) -> tuple[bool, bool, float] | None:
    """(whether a near line was found, whether an exact one, the share of sums in doubt); every sum is checked."""
    value, output = random_case(np.random.default_rng(seed), range_of_sums, right)
    sums = np.arange(-range_of_sums, range_of_sums + 1)
    exact = find_line(value, output, -range_of_sums, range_of_sums) is not None
    near = find_near_line(value, output, -range_of_sums, range_of_sums)
    if near is None:
        return False, exact, 0
    low, high, middle = code_steps(value, output)
    units = on(near.line, sums)
    assert np.abs(units).max() < 2**31
    sure = (units & near.sure) != 0
    found = np.clip((units >> 16) + middle, low, high)
    np.testing.assert_array_equal(found[sure], codes(value, output, sums)[sure], err_msg=f"{seed}")
    return True, exact, 1 - float(sure.mean())


def test_codes_that_are_not_in_doubt_are_exact():
    results = [checked(seed, 3000) for seed in range(80)]
    results += [checked(seed, 60_000, right=28) for seed in range(100, 130)]
    assert sum(near for near, _, _ in results) > 100
    assert any(near and not exact for near, exact, _ in results), "no case that needs them"
    assert max(doubt for _, _, doubt in results) < 0.01


def test_sums_of_one_code_are_never_in_doubt():
    value, output = random_case(np.random.default_rng(3), 1000)
    near = find_near_line(value, output, 17, 17)
    assert near.line.slope == 0
    assert int(near.line.start) & near.sure


def test_no_line_where_values_are_coarse():
    """The first rounding takes up to 1 off a value: 0.45 codes, too much to be in doubt."""
    value, output = random_case(np.random.default_rng(7), 1000)
    value.multiplier, value.right, value.bias, value.left = 2**20, 20, 0, 0
    output.multiplier, output.shift, output.half = int(0.45 * 2**32), 32, 2**31
    assert find_near_line(value, output, -1000, 1000) is None


def test_no_line_for_sums_that_floats_do_not_hold():
    value, output = random_case(np.random.default_rng(3), 1000)
    assert find_near_line(value, output, -(2**24) - 1, 1000) is None
