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
"""Search algorithms on landscapes whose best plans are known."""

import numpy as np
import pytest

from src.search.algorithms import EVOLUTION, GREEDY, at_random, evolution, greedy, uniform
from src.search.archive import LOSS, TOP1, Archive
from tests.search.landscapes import WIDTHS, Additive, best_by_trying_all, space

BUDGETS = (900.0, 1300.0, 2100.0)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_uniform_plans_are_all_tried():
    archive = Archive(space(), Additive(6))
    uniform(archive)
    assert [one.plan.ravel().tolist() for one in archive.tried] == [[k] * 6 for k in range(3)]
    assert [one.bitops for one in archive.tried] == [100 + 180 * b * b for b in (2, 3, 4)]


def test_random_plans_use_their_budget_and_differ():
    of = space(columns=2)
    for budget in BUDGETS:
        archive = Archive(of, Additive(12))
        at_random(archive, budget, 20, rng())
        costs = np.array([one.bitops for one in archive.tried])
        assert len(costs) > 10 and (costs <= budget).all()
        assert costs.mean() > budget - 60  # nothing more fits, but for a step of one place
        again = Archive(of, Additive(12))
        at_random(again, budget, 20, rng())
        assert [one.bitops for one in again.tried] == costs.tolist()


@pytest.mark.parametrize("narrow", range(1, 6))
def test_greedy_narrows_what_hurts_least(narrow):
    """Layers of one size, where a layer hurts by its weight for each BitOP it saves."""
    of, weight = space(macs=(20,) * 6), np.array([3, 6, 1, 5, 2, 4])
    bits = np.array(WIDTHS)

    def measure(plan):
        return float((weight * (16 - bits[plan[:, 0]] ** 2)).sum()), 0.5

    archive, best = Archive(of, measure), np.where(weight <= narrow, 0, 2)[:, None]
    budget = of.price(best)
    found = greedy(archive, [budget])[0]
    np.testing.assert_array_equal(found.plan, best)
    assert len(archive.tried) <= 1 + 6 * 2 + 1


def test_greedy_knows_weights_from_inputs():
    """Inputs that may be narrow for nothing are made so before any weights."""
    of = space(columns=2, macs=(20,) * 3)
    archive = Archive(of, lambda plan: (float((2 - plan[:, 0]).sum()), 0.5))
    budget = of.price(np.array([[2, 0]] * 3))
    found = greedy(archive, [budget])[0]
    np.testing.assert_array_equal(found.plan, [[2, 0]] * 3)


@pytest.mark.parametrize("pairs", [0.0, 0.5])
def test_evolution_finds_the_best_plan(pairs):
    of, measure = space(), Additive(6, pairs=pairs)
    archive = Archive(of, measure)
    for budget in BUDGETS:
        best = evolution(archive, budget, rng(), population=16, generations=10)
        assert best.bitops <= budget
        assert best.loss == best_by_trying_all(of, Additive(6, pairs=pairs), budget)
    assert measure.calls == len(archive.tried) <= len(BUDGETS) * 16 * 11
    assert measure.calls < 3**6


def test_evolution_starts_from_what_is_known():
    archive = Archive(space(), Additive(6))
    greedy(archive, [1300.0])
    known = archive.best(1300.0)[0]
    evolution(archive, 1300.0, rng(), population=8, generations=1)
    assert archive.best(1300.0)[0].loss <= known.loss
    assert {one.by for one in archive.tried} == {GREEDY, EVOLUTION}


@pytest.mark.parametrize("goal", [LOSS, TOP1])
def test_the_front_rises_and_nothing_beats_it(goal):
    archive = Archive(space(), Additive(6), goal)
    for budget in BUDGETS:
        at_random(archive, budget, 12, rng())
    front = archive.front()
    pairs = list(zip(front, front[1:], strict=False))
    assert len(front) > 3 and all(a.bitops < b.bitops and a.loss > b.loss for a, b in pairs)
    for one in archive.tried:
        assert any(f.bitops <= one.bitops and f.loss <= one.loss for f in front)


def test_a_goal_decides_what_is_best():
    def measure(plan):
        return (1.0, 0.9) if plan.sum() else (0.5, 0.4)

    for goal, best in ((LOSS, 0), (TOP1, 12)):
        archive = Archive(space(), measure, goal)
        uniform(archive)
        assert archive.best(1e9)[0].plan.sum() in ((0,) if best == 0 else (6, 12))


def test_a_plan_is_measured_once():
    archive = Archive(space(), Additive(6))
    for _ in range(2):
        uniform(archive)
    assert archive.measure.calls == len(archive.tried) == 3
