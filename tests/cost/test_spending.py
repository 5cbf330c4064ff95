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
"""Which budget to give for a mean that is asked for."""

import pytest

from src.cost.spending import Spending, is_spending
from src.errors import UserError

TABLE = Spending((100, 200, 300, 400), (110.0, 150.0, 140.0, 250.0))


@pytest.mark.parametrize(
    ("asked", "given"), [(110, 100), (130, 150), (150, 200), (151, 301), (200, 350), (250, 400), (9e9, 400)]
)
def test_between_what_was_measured(asked, given):
    """A budget at which less is spent than at a smaller one stands for that one's."""
    assert TABLE.give(asked) == given


def test_less_than_it_ever_spends():
    with pytest.raises(UserError, match="a budget of 5e-05 M BitOPs: the least .* 0.00011 M on average"):
        TABLE.give(50)


def test_one_that_spends_the_same_whatever_it_is_given():
    assert Spending((100, 200), (120.0, 120.0)).give(300) == 100


def test_what_a_file_may_hold():
    assert is_spending(TABLE.as_dict()) and Spending(**TABLE.as_dict()).give(130) == 150
    for wrong in (
        [], {}, {"given": [1]}, {"given": [], "spent": []}, {"given": [1, 1], "spent": [1, 1]},
        {"given": [1.5], "spent": [1]}, {"given": [1], "spent": ["1"]}, {"given": [1, 2], "spent": [1]},
        {"given": [-1], "spent": [1]}, {"given": [1], "spent": [float("inf")]}, {"given": 1, "spent": 1},
    ):  # fmt: skip
        assert not is_spending(wrong)
