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
"""Plans from outside: random in training, uniform in evaluation, whole for whoever asks."""

from types import SimpleNamespace

import numpy as np
import pytest
from mindspore import Tensor

from src.controllers.given import GivenPlan
from src.cost.bitops import CostModel
from src.errors import UserError
from src.methods.base import System


def test_random_plans_in_training_repeat_with_the_seed():
    given = GivenPlan(slots=5, columns=2, choices=3)
    one, two, other = (given.draw(np.random.default_rng(s), 200)[0] for s in (1, 1, 2))
    np.testing.assert_array_equal(one, two)
    assert (one != other).any() and one.shape == (200, 5, 2, 3)
    np.testing.assert_array_equal(one.sum(-1), 1)
    shares = one.mean((0, 1, 2))
    assert (abs(shares - 1 / 3) < 0.05).all()


def test_one_candidate_everywhere_in_evaluation():
    given = GivenPlan(2, 1, 3)
    assert (given.still(4)[0].argmax(-1) == 2).all()
    assert (given.still(4, forced=1)[0].argmax(-1) == 1).all()


def test_any_plan_may_be_forced():
    given, plans = GivenPlan(2, 2, 3), np.random.default_rng(0).integers(0, 3, (4, 2, 2))
    np.testing.assert_array_equal(given.still(4, plans)[0].argmax(-1), plans)
    np.testing.assert_array_equal(given.still(4, plans[0])[0].argmax(-1), [plans[0]] * 4)


def test_what_is_chosen_is_looked_up():
    given = GivenPlan(2, 1, 3)
    plan = given.one_hot(np.array([[[0], [2]]]))
    state = given.begin(None, Tensor(plan))
    choice, state = given.choose(1, None, state)
    np.testing.assert_array_equal(choice.asnumpy(), plan[:, 1])
    np.testing.assert_array_equal(given.plan(state).asnumpy(), plan)


def test_it_cannot_be_exported_and_cannot_collapse():
    given = GivenPlan(2, 1, 3)
    with pytest.raises(UserError, match=r"no file can hold this controller \(GivenPlan\)"):
        given.decisions()
    network = SimpleNamespace(controller=given)
    system = System("supernet", network, [], CostModel([]))
    assert not system.chooses and not given.looks
