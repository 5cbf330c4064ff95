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
"""Plans from outside: uniform ones, and the greedy cut to a budget."""

import numpy as np
import pytest

from src.cost.bitops import CostModel
from src.engine.count import cost_of
from src.engine.plans import Cap, as_bitops, uniform_plan, within_cap
from src.errors import UserError
from tests.engine.programs import candidates, nested, rows, static, untied


def within_budget(cost: CostModel, plan: np.ndarray, budget: float) -> np.ndarray:
    return within_cap(plan, Cap.in_bitops(budget, cost))


def test_uniform_plan_and_its_row():
    plan, row = uniform_plan(nested(), 4)
    assert (plan.tolist(), row) == ([[[1], [1], [1]]], 0)
    program = rows()
    program.rows = 4  # of mixed widths, and of each of the three candidates
    for op in program.operations:
        for name in ("multiplier", "bias"):
            if name in op.arrays and op.arrays[name].shape[0] == 3:
                op.arrays[name] = op.arrays[name][[0, 1, 2, 2]]
    assert uniform_plan(program, 8)[1] == 3
    assert uniform_plan(untied(), 2)[0].shape == (1, 3, 2)


def test_a_width_that_is_not_there():
    with pytest.raises(UserError, match="--bits 5: .* only 2, 4, 8"):
        uniform_plan(nested(), 5)
    with pytest.raises(UserError, match="--bits 4: .* no controller"):
        uniform_plan(static(), 4)


def test_plans_that_fit_are_kept():
    cost = cost_of(nested())
    plan = np.array([[[2], [2], [2]], [[0], [1], [0]]])
    budget = cost.of_plan(plan)[1]
    lowered = within_budget(cost, plan, budget)
    assert lowered[1].tolist() == plan[1].tolist()
    assert cost.of_plan(lowered).max() <= budget < cost.of_plan(plan)[0]
    assert plan[0].tolist() == [[2], [2], [2]]  # the caller's own is left alone


def test_the_largest_saving_goes_first():
    cost = cost_of(nested())
    macs = [layer.macs for layer in cost.dynamic]
    assert macs[1] == macs[2] > macs[0]
    plan = np.full((1, 3, 1), 2)
    full = int(cost.of_plan(plan)[0])
    # Layers 1 and 2 save the same by the step from 8 to 4 bits: the earlier one takes it.
    assert within_budget(cost, plan, full - 1)[0, :, 0].tolist() == [2, 1, 2]
    step = macs[1] * (64 - 16)
    assert within_budget(cost, plan, full - step - 1)[0, :, 0].tolist() == [2, 1, 1]
    # Now 12 of the large layers' MACs are more than 48 of the small one's.
    assert 12 * macs[1] > 48 * macs[0]
    assert within_budget(cost, plan, full - 2 * step - 1)[0, :, 0].tolist() == [2, 0, 1]
    rest = 2 * macs[1] * (64 - 4)
    assert within_budget(cost, plan, full - rest - 1)[0, :, 0].tolist() == [1, 0, 0]


@pytest.mark.parametrize("make", [nested, untied, candidates])
def test_every_reachable_budget_is_kept(make):
    program = make()
    cost, (layers, columns, choices) = cost_of(program), program.plan_shape
    plan = np.random.default_rng(1).integers(0, choices, (6, layers, columns))
    smallest = min(int(cost.of_plan(np.full((1, layers, columns), k))[0]) for k in range(choices))
    for budget in np.linspace(smallest, cost.of_plan(plan).max(), 7):
        lowered = within_budget(cost, plan, budget)
        assert cost.of_plan(lowered).max() <= budget
        before, after = cost.widths(plan), cost.widths(lowered)
        assert all((b >= a).all() for b, a in zip(before, after, strict=True))
    with pytest.raises(UserError, match="the cheapest plan of this network costs"):
        within_budget(cost, plan, smallest - 1)


class Priced:
    """Two columns of choices, whose prices fall only where both change."""

    tables = (np.array([[10, 12], [12, 9]]), np.array([[10, 12], [12, 5]]), np.array([[6, 6], [7, 6]]))

    def prices(self, slot: int, columns: int) -> np.ndarray:
        return self.tables[slot]

    def fixed(self) -> int:
        return 0

    def of_plan(self, plan: np.ndarray) -> np.ndarray:
        return sum(table[tuple(plan[:, slot].T)] for slot, table in enumerate(self.tables))


@pytest.mark.parametrize(("most", "expected"), [(25, [0, 1, 0]), (20, [1, 1, 0]), (26, [0, 0, 0])])
def test_where_no_step_saves_anything_a_layer_takes_its_cheapest_pair(most, expected):
    plan = np.zeros((1, 3, 2), np.int64)
    lowered = within_cap(plan, Cap(most, Priced(), "--max-ms", "ms", 3))
    assert lowered[0].tolist() == [[choice, choice] for choice in expected]


@pytest.mark.parametrize(
    "text,value", [("300e6", 3e8), ("300M", 3e8), ("1.2G", 1.2e9), ("5k", 5e3), ("7", 7.0)]
)
def test_amounts(text, value):
    assert as_bitops("--budget", text) == value


@pytest.mark.parametrize("text", ["", "M", "3Q", "-1M", "0", "nan", "inf", "1e400"])
def test_what_is_no_amount(text):
    with pytest.raises(UserError, match="--max-bitops"):
        as_bitops("--max-bitops", text)
