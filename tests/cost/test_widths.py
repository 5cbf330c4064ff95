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
"""Mean widths, shares, plans in use and collapse, by hand."""

import numpy as np
import pytest

from src.cost.widths import is_collapsed, mean_bits, plan_use, width_shares

W_BITS = np.array([[2, 4, 8], [4, 4, 4], [2, 4, 8], [2, 4, 8]], np.uint8)
A_BITS = np.array([[2, 4, 8], [4, 4, 4], [2, 4, 8], [8, 4, 8]], np.uint8)


def test_mean_bits_of_all_and_of_each_image():
    assert mean_bits(W_BITS, A_BITS) == (54 + 60) / 24
    np.testing.assert_array_equal(mean_bits(W_BITS, A_BITS, axis=1), [14 / 3, 4, 14 / 3, 34 / 6])


def test_mean_bits_do_not_depend_on_which_side_has_the_bits():
    """One division of one exact sum: equal sums are equal means, so that images can be ordered."""
    rng = np.random.default_rng(0)
    both = rng.integers(2, 9, (500, 14)).astype(np.uint8)
    means = mean_bits(both[:, :7], both[:, 7:], axis=1)
    np.testing.assert_array_equal(means, both.sum(1) / 14)


def test_shares_of_the_widths():
    assert width_shares(W_BITS) == {2: 0.25, 4: 0.5, 8: 0.25}
    assert width_shares(np.stack([W_BITS, A_BITS])) == {2: 5 / 24, 4: 12 / 24, 8: 7 / 24}


def test_plans_differ_where_a_side_differs():
    assert plan_use(W_BITS, W_BITS) == (2, 0.75)
    assert plan_use(W_BITS, A_BITS) == (3, 0.5)


@pytest.mark.parametrize("images", [100, 200, 700, 10_000])
def test_collapse_is_one_plan_for_99_percent_of_the_images(images):
    plans = np.full((images, 3), 4, np.uint8)
    assert is_collapsed(plans, plans)
    plans[: images // 100, 1] = 5
    assert is_collapsed(plans, plans)
    plans[images // 100, 1] = 5
    assert not is_collapsed(plans, plans)
    assert not is_collapsed(plans[:, :0], plans[:, :0])
