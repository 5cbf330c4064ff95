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
"""Intervals and p against SciPy, which computes them in another way."""

import numpy as np
import pytest
from scipy import stats

from src.data.chance import Paired, at_least, holm, interval, paired


@pytest.mark.parametrize("right, images", [(0, 1), (1, 1), (0, 355), (351, 355), (9118, 10000), (5, 10)])
def test_the_interval_of_an_accuracy_is_wilson_s(right, images):
    expected = stats.binomtest(right, images).proportion_ci(method="wilson")
    assert interval(right, images) == pytest.approx((expected.low, expected.high), abs=1e-12)


@pytest.mark.parametrize("heads, tosses", [(0, 0), (0, 5), (5, 5), (3, 7), (900, 1700)])
def test_heads_of_a_fair_coin(heads, tosses):
    assert at_least(heads, tosses) == pytest.approx(stats.binom.sf(heads - 1, tosses, 0.5), rel=1e-9)


@pytest.mark.parametrize("first, second", [(0, 1), (3, 0), (8, 8), (211, 250), (722, 253), (5, 14), (6, 14)])
def test_mcnemar_and_its_interval(first, second):
    found = Paired(first, second, 1000)
    assert found.p == pytest.approx(min(1, stats.binomtest(second, first + second, 0.5).pvalue), rel=1e-9)
    low, high = found.interval()
    assert low <= found.difference <= high
    if first + second > 100:  # as of a mean of many values
        apart = np.repeat([-1.0, 1.0, 0.0], [first, second, 1000 - first - second])
        assert (low, high) == pytest.approx(stats.norm.interval(0.95, apart.mean(), stats.sem(apart)), abs=1e-3)


@pytest.mark.parametrize(
    "first, second, images", [(0.01, 0.02, 300), (0.05, 0.03, 300), (0.0, 0.02, 1000), (0.0, 0.9, 355)]
)
def test_nineteen_of_twenty_intervals_hold_the_difference(first, second, images):
    rng = np.random.default_rng(0)
    drawn = rng.multinomial(images, [first, second, 1 - first - second], 3000)
    intervals = [Paired(int(a), int(b), images).interval() for a, b, _ in drawn]
    assert np.mean([low <= second - first <= high for low, high in intervals]) > 0.935


def test_equal_answers_differ_by_nothing():
    found = paired(np.array([True, False, True]), np.array([True, False, True]))
    assert (found.p, found.difference) == (1.0, 0.0)
    low, high = found.interval()
    assert low == -high < 0


def test_right_alone_is_counted_on_its_side():
    found = paired(np.array([1, 1, 0, 0, 1], bool), np.array([1, 0, 1, 0, 0], bool))
    assert found == Paired(2, 1, 5) and found.difference == pytest.approx(-0.2)


def test_several_tests_raise_p_as_holm_says():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1.0, 1.0] and holm([0.2]) == [0.2] and holm([]) == []
