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
"""What holds for costs and plans of any network: sums, order, names, ladders, what agents spend."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.cost.bitops import CostModel, LayerCost
from src.cost.ladder import Ladder, climb, fit
from src.cost.named_plans import to_choices, to_names
from src.cost.spending import Spending, is_spending
from src.cost.widths import mean_bits, plan_use, width_shares
from src.engine.plans import Cap, within_cap
from src.errors import UserError

COUNT = st.integers(0, 10**9)
WIDTHS = st.lists(st.integers(1, 8), min_size=2, max_size=4, unique=True).map(sorted).map(tuple)


@st.composite
def networks(draw) -> CostModel:
    """Static, float and dynamic layers in any order, each slot by a layer or two."""
    widths = draw(WIDTHS)
    slots = list(range(draw(st.integers(1, 4))))
    shared = draw(st.lists(st.sampled_from(slots), max_size=2))
    layers = [LayerCost(f"d{i}", draw(COUNT), 1, 2, widths, widths, s) for i, s in enumerate(slots + shared)]
    for i in range(draw(st.integers(0, 3))):
        own = draw(st.sampled_from([(), (2,), (8,)]))
        layers.append(LayerCost(f"s{i}", draw(COUNT), 3, 4, own, own))
    return CostModel(draw(st.permutations(layers)), draw(COUNT))


@st.composite
def priced_plans(draw) -> tuple[CostModel, np.ndarray]:
    """A network and a few plans of it, of one column or two."""
    cost, columns = draw(networks()), draw(st.integers(1, 2))
    count = len(cost.dynamic[0].w_bits)
    slots = 1 + max(layer.slot for layer in cost.dynamic)
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    return cost, rng.integers(0, count, (draw(st.integers(1, 5)), slots, columns))


@given(priced_plans())
def test_a_plan_costs_what_its_layers_and_its_slots_cost(case):
    cost, plan = case
    w_bits, a_bits = cost.widths(plan)
    columns = plan.shape[2]
    prices = [cost.prices(slot, columns) for slot in range(plan.shape[1])]
    for n, total in enumerate(cost.of_plan(plan)):
        layers = sum(
            layer.macs * int(w) * int(a)
            for layer, w, a in zip(cost.dynamic, w_bits[n], a_bits[n], strict=True)
        )
        assert total == cost.fixed() + layers
        assert total == cost.fixed() + sum(int(p[tuple(c)]) for p, c in zip(prices, plan[n], strict=True))
    assert cost.mean_bits(w_bits, a_bits) == pytest.approx((w_bits.mean() + a_bits.mean()) / 2)


@given(priced_plans())
def test_a_wider_choice_never_costs_less(case):
    cost, plan = case
    before = cost.of_plan(plan)
    top = len(cost.dynamic[0].w_bits) - 1
    for place in np.ndindex(plan.shape[1:]):
        wider = plan.copy()
        wider[(slice(None), *place)] = np.minimum(wider[(slice(None), *place)] + 1, top)
        assert (cost.of_plan(wider) >= before).all()
    ends = [cost.of_plan(np.full_like(plan, choice)) for choice in (0, top)]
    assert (ends[0] <= before).all() and (before <= ends[1]).all()


@given(priced_plans())
def test_a_plan_by_names_comes_back(case):
    cost, plan = case
    for choices in plan:
        names = json.loads(json.dumps(to_names(choices, cost)))
        assert (to_choices(names, cost, plan.shape[2]) == choices).all()


@given(priced_plans(), st.floats(0, 1))
def test_a_cap_is_kept_and_raises_nothing(case, share):
    cost, plan = case
    least = cost.of_plan(np.zeros_like(plan[:1]))[0]
    most = least + share * (cost.of_plan(plan).max() - least)
    lowered = within_cap(plan, Cap.in_bitops(most, cost))
    spent, before = cost.of_plan(lowered), cost.of_plan(plan)
    assert (spent <= most).all() and (lowered <= plan).all()
    assert (lowered[before <= most] == plan[before <= most]).all()
    if least > 0:
        with pytest.raises(UserError, match="allow at least that"):
            within_cap(plan, Cap.in_bitops(least - 1, cost))


@given(priced_plans())
def test_widths_are_counted_whole(case):
    cost, plan = case
    w_bits, a_bits = cost.widths(plan)
    shares = width_shares(w_bits)
    assert sum(shares.values()) == pytest.approx(1) and list(shares) == sorted(shares)
    number, most = plan_use(w_bits, a_bits)
    assert 1 <= number <= len(plan) and 1 / number <= most + 1e-12 <= 1 + 1e-12
    assert mean_bits(w_bits, a_bits, axis=1).mean() == pytest.approx(mean_bits(w_bits, a_bits))
    assert w_bits.min() - 1e-9 <= 2 * mean_bits(w_bits, a_bits) - a_bits.mean() <= w_bits.max() + 1e-9


@st.composite
def ladders(draw) -> tuple[Ladder, np.ndarray, np.ndarray]:
    """A ladder, and the margins and hits of the images that it was made from."""
    bits, images = draw(WIDTHS), draw(st.integers(1, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    costs = np.cumsum(rng.integers(1, 10**6, len(bits)))
    again = costs - rng.integers(0, costs[0] + 1)
    margins = rng.choice([rng.exponential(size=(len(bits), images)), rng.integers(0, 3, (len(bits), images))])
    right = rng.random((len(bits), images)) < np.linspace(0.4, 0.9, len(bits))[:, None]
    return fit(bits, costs, again, margins, right), margins, right


@given(ladders(), st.floats(0, 2))
def test_a_ladder_is_what_climbing_gives_and_keeps_its_budgets(case, share):
    ladder, margins, right = case
    for row in ladder.rows:
        path = [ladder.bits.index(b) for b in row.bits]
        ends = climb(margins[path], row.margins)
        assert row.bitops == pytest.approx(np.array(ladder.totals(row))[ends].mean())
        assert row.top1 == pytest.approx(right[path][ends, np.arange(len(ends))].mean())
    rises = [(a.bitops < b.bitops, a.top1 < b.top1) for a, b in zip(ladder.rows, ladder.rows[1:], strict=False)]
    assert all(map(all, rises))
    assert Ladder.from_dict(json.loads(json.dumps(ladder.as_dict()))) == ladder
    cheapest, budget = ladder.rows[0].bitops, share * ladder.rows[-1].bitops
    if budget < cheapest:
        with pytest.raises(UserError, match="allow at least that"):
            ladder.at(budget)
    else:
        found = ladder.at(budget)
        assert found.bitops <= budget and all(r.bitops > budget for r in ladder.rows if r.top1 > found.top1)
    assert ladder.cheapest_like_top().top1 >= ladder.top1[-1] - 0.0005


@given(
    given_=st.lists(st.integers(0, 2**52), min_size=1, max_size=6, unique=True).map(sorted),
    spent=st.lists(st.floats(0, 2**52), min_size=6, max_size=6), asked=st.floats(0, 2**53),
    more=st.floats(1, 2),
)  # fmt: skip
def test_asking_for_more_gives_no_less(given_, spent, asked, more):
    spending = Spending(tuple(given_), tuple(spent[: len(given_)]))
    assert is_spending(json.loads(json.dumps(spending.as_dict())))
    if asked < spending.spent[0]:
        with pytest.raises(UserError, match="allow at least that"):
            spending.give(asked)
        return
    assert given_[0] <= spending.give(asked) <= spending.give(asked * more) <= given_[-1]
