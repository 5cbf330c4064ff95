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
"""Codes straight from sums: where a line is found, it is the long way's codes at every sum there can be."""

import numpy as np
import pytest

from src import kernels
from src.engine import integers
from tests.engine.conv_kernels import CodeOutput, Value, find_line

pytestmark = pytest.mark.skipif(not kernels.available(), reason="no C++ compiler")
INT32 = (integers.INT32.min, integers.INT32.max)


def codes(value: Value, output: CodeOutput, sums: np.ndarray) -> np.ndarray:
    """By 64-bit arithmetic; of a value below 2^31 and a multiplier below 2^31."""
    v = (sums * 2**value.left * value.multiplier + value.bias) >> value.right
    v = np.clip(v, value.low, value.high)
    return np.clip((v * output.multiplier + output.half) >> output.shift, output.low, output.high)


def by_line(line, steps, sums: np.ndarray) -> np.ndarray:
    """One rounding to single precision for slope sum + start: float64 holds it, but for ties."""
    low, high, middle = steps
    exact = np.longdouble(line.slope) * sums.astype(np.float32).astype(np.longdouble)
    position = (exact + np.longdouble(line.start)).astype(np.float32)
    return np.clip(np.rint(position).astype(np.int64) + middle, low, high)


def random_case(rng, range_of_sums: int, right: int = 0) -> tuple[Value, CodeOutput]:
    """A value whose codes take all or part of their width within the range of sums, as layers have it."""
    bits, signed = int(rng.integers(1, 9)), bool(rng.random() < 0.3)
    low, high = integers.limits(bits, signed)
    right = right or int(rng.integers(14, 26))
    multiplier = int(rng.integers(2**27, 2**30)) * (-1 if rng.random() < 0.3 else 1)
    shift = int(rng.integers(34, 50))
    per_sum = abs(multiplier) / 2**right
    scale = (high - low + 1) * float(rng.uniform(0.3, 3)) / (2 * range_of_sums * per_sum)
    code_multiplier = min(max(1, round(scale * 2**shift)), 2**31 - 1)
    bounds = [(0, INT32[1]), INT32, tuple(sorted(rng.integers(*INT32, 2) // 2**10))][rng.integers(3)]
    bias = int(rng.integers(-(2**30), 2**30) * range_of_sums // 4)
    value = Value(multiplier, bias, int(rng.integers(0, 3) == 2), right, *map(int, bounds))
    return value, CodeOutput(CodeOutput().to, code_multiplier, 2 ** (shift - 1), shift, low, high)


def found_lines(seeds, range_of_sums: int) -> int:
    """Checks each at every sum; how many there were."""
    found = 0
    for seed in seeds:
        value, output = random_case(np.random.default_rng(seed), range_of_sums)
        sums = np.arange(-range_of_sums, range_of_sums + 1)
        line = find_line(value, output, -range_of_sums, range_of_sums)
        if line:
            found += 1
            np.testing.assert_array_equal(by_line(*line, sums), codes(value, output, sums), err_msg=f"{seed}")
    return found


def test_a_line_is_exact_at_every_sum():
    assert found_lines(range(120), 3000) > 100
    assert found_lines(range(20), 60_000) > 10


def test_sums_of_one_code_need_no_slope():
    value, output = random_case(np.random.default_rng(3), 1000)
    line, steps = find_line(value, output, 17, 17)
    assert line.slope == 0
    assert by_line(line, steps, np.array([17])) == codes(value, output, np.array([17]))


def test_no_line_where_values_are_coarser_than_sums():
    """A value that stays the same for 1,024 sums puts the steps of its codes where no line has them."""
    value = Value(2**20, 0, 0, 30, 0, INT32[1])
    output = CodeOutput(CodeOutput().to, int(0.45 * 2**32), 2**31, 32, 0, 255)
    assert find_line(value, output, 0, 279_999) is None


def test_shifts_beyond_64_bits_are_left_alone():
    value, output = random_case(np.random.default_rng(5), 1000, right=31)
    assert find_line(value, output, -1000, 1000) is None
