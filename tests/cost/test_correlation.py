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
import numpy as np
import pytest
from scipy import stats

from src.cost.correlation import rank_correlation


def test_rank_correlation_by_hand():
    assert rank_correlation([1, 2, 3], [10, 20, 4000]) == pytest.approx(1)
    assert rank_correlation([1, 2, 3], [3, 2, 1]) == pytest.approx(-1)
    # Ranks 1, 2.5, 2.5, 4 and 1, 3, 2, 4: covariance 4.5, variances 4.5 and 5.
    assert rank_correlation([0, 7, 7, 9], [1, 3, 2, 4]) == pytest.approx(4.5 / (4.5 * 5) ** 0.5)
    assert rank_correlation([1, 2, 3, 4], np.array([False, True, True, False])) == pytest.approx(0)


@pytest.mark.parametrize("other", [[2, 2, 2], [1, 2, np.nan]])
def test_a_constant_or_a_nan_has_no_rank_correlation(other):
    assert rank_correlation([1, 2, 3], other) is None
    assert rank_correlation(other, [1, 2, 3]) is None
    assert rank_correlation([1], [1]) is None


def test_rank_correlation_shares_ranks_between_equals():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 4, 100), rng.normal(size=100)
    assert rank_correlation(a, b + a) == pytest.approx(stats.spearmanr(a, b + a).statistic)
    assert rank_correlation(np.arange(5), -(np.arange(5.0) ** 3)) == pytest.approx(-1)
