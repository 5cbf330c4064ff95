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
"""Escalation by hand, the ladder that is fitted to answers, budgets, and ladders that are none."""

import json
from dataclasses import replace

import numpy as np
import pytest

from src.cost.ladder import LIKE_TOP, MOST_ROWS, Ladder, Row, climb, fit, margin_of
from src.errors import UserError

BITS, COSTS, AGAIN = (2, 4, 8), (500, 1700, 6500), (400, 1600, 6400)


def answers(images=1000, seed=0):
    """Margins and right answers, (3, N), of nets whose margin tells how likely they are right."""
    rng = np.random.default_rng(seed)
    ease = rng.normal(0, 1, images) + np.array([[0.9], [1.5], [1.7]])
    own = ease + rng.normal(0, 0.4, ease.shape)
    return np.abs(own).astype(np.float32), own > 0


@pytest.fixture(scope="module")
def ladder():
    return fit(BITS, COSTS, AGAIN, *answers())


def test_climbing_is_running_the_rungs_one_after_the_other():
    margins, _ = answers(200)
    thresholds = (0.9, 1.2)
    ends = climb(margins, thresholds)
    for n in range(200):
        rung = 0
        while rung < 2 and margins[rung, n] < thresholds[rung]:
            rung += 1
        assert ends[n] == rung
    assert set(ends.tolist()) == {0, 1, 2}


def test_a_margin_at_the_threshold_is_not_below_it():
    margins = np.array([[4, 5, 6], [0, 0, 0]])
    np.testing.assert_array_equal(climb(margins, (5,)), [1, 0, 0])
    near = np.float32(1) + np.float32(
        2.0**-23
    )  # a threshold between two float32 is not rounded to one
    np.testing.assert_array_equal(climb(np.array([[1, near]], np.float32), (1 + 2.0**-24,)), [1, 0])


def test_margins_of_logits():
    np.testing.assert_array_equal(margin_of(np.array([[1.5, -2, 4], [3, 3, 1]])), [2.5, 0])
    ends = np.array([[-(2**31), 2**31 - 1]], np.int32)
    assert margin_of(ends).tolist() == [2**32 - 1]


def test_rows_are_what_climbing_gives(ladder):
    margins, right = answers()
    assert ladder.top1 == tuple(right.mean(1).tolist())
    assert {len(row.bits) for row in ladder.rows} == {1, 2, 3}
    for row in ladder.rows:
        path = [BITS.index(b) for b in row.bits]
        ends = climb(margins[path], row.margins)
        spent = [COSTS[path[0]] + sum(AGAIN[p] for p in path[1 : end + 1]) for end in ends]
        assert row.bitops == np.mean(spent)
        assert row.top1 == np.mean([right[path[end], n] for n, end in enumerate(ends)])


def test_rows_rise_from_the_cheapest_to_the_best(ladder):
    rows = ladder.rows
    assert rows[0] == Row((2,), (), 500.0, ladder.top1[0])
    assert all(
        a.bitops < b.bitops and a.top1 < b.top1 for a, b in zip(rows, rows[1:], strict=False)
    )
    assert len(rows) <= MOST_ROWS
    assert rows[-1].top1 >= max(ladder.top1)


def test_no_setting_of_two_rungs_beats_the_front():
    margins, right = answers(300)
    rows = fit(BITS[:2], COSTS[:2], AGAIN[:2], margins[:2], right[:2]).rows
    for share in range(2, 100, 2):
        threshold = np.quantile(margins[0], share / 100, method="midpoint")
        up = margins[0] < threshold
        cost, top1 = 500 + 1600 * up.mean(), np.where(up, right[1], right[0]).mean()
        level = max(row.top1 for row in rows if row.bitops <= cost + 16)
        assert level >= top1 - 1 / 300


def test_many_rows_are_spread_over_the_cost():
    margins, right = answers(20_000, seed=3)
    rows = fit(BITS, COSTS, AGAIN, margins, right).rows
    cost = np.log([row.bitops for row in rows])
    assert 20 <= len(rows) <= MOST_ROWS
    assert (rows[0].bits, rows[0].bitops) == (BITS[:1], COSTS[0])  # the cheapest there is
    assert np.diff(cost).max() < (cost[-1] - cost[0]) / 5


def test_what_pays_is_found(ladder):
    """The default row answers as well as the widest rung for all images, at a fraction of its cost."""
    row = ladder.cheapest_like_top()
    assert row.top1 >= ladder.top1[-1] - LIKE_TOP
    assert row.bitops < 0.6 * COSTS[-1]
    cheaper = [other for other in ladder.rows if other.bitops < row.bitops]
    assert all(other.top1 < ladder.top1[-1] - LIKE_TOP for other in cheaper)


def test_figures_hold_on_other_images(ladder):
    """Thresholds that were fitted to noise would not."""
    margins, right = answers(20_000, seed=9)
    for row in ladder.rows:
        path = [BITS.index(b) for b in row.bits]
        ends = climb(margins[path], row.margins)
        assert np.array(ladder.totals(row))[ends].mean() == pytest.approx(row.bitops, rel=0.15)
        assert right[path][ends, np.arange(20_000)].mean() == pytest.approx(row.top1, abs=0.03)


def test_a_budget_takes_the_dearest_row_that_it_pays(ladder):
    for row in ladder.rows:
        assert ladder.at(row.bitops) == row
    assert ladder.at(1e12) == ladder.rows[-1]
    assert ladder.at(np.nextafter(ladder.rows[3].bitops, 0)) == ladder.rows[2]
    with pytest.raises(UserError, match=r"a budget of 0.0001 M BitOPs.* costs 0.0005 M"):
        ladder.at(100)


def test_totals_count_every_pass(ladder):
    assert ladder.totals(Row((2, 4, 8), (1, 1), 1, 1)) == (500, 2100, 8500)
    assert ladder.totals(Row((4, 8), (1,), 1, 1)) == (1700, 8100)
    assert ladder.totals(Row((8,), (), 1, 1)) == (6500,)


def test_one_width_is_a_ladder_of_one_row():
    margins, right = answers(50)
    assert fit((4,), (10,), (9,), margins[:1], right[:1]).rows == (
        Row((4,), (), 10.0, right[0].mean()),
    )


def test_equal_margins_and_few_images():
    same = np.ones((2, 6), np.float32)
    right = np.array([[1, 1, 0, 0, 1, 0], [1, 1, 1, 1, 1, 1]], bool)
    assert [row.bits for row in fit((2, 4), (5, 20), (4, 19), same, right).rows] == [(2,), (4,)]
    assert fit((2, 4), (5, 20), (4, 19), same[:, :1], right[:, :1]).rows[0].top1 == 1.0
    with pytest.raises(UserError, match="data.val_split"):
        fit((2, 4), (5, 20), (4, 19), same[:, :0], right[:, :0])


def test_json_and_back(ladder):
    assert Ladder.from_dict(json.loads(json.dumps(ladder.as_dict()))) == ladder
    whole = ladder.as_integers(12)
    assert Ladder.from_dict(json.loads(json.dumps(whole.as_dict()))) == whole
    for row, real in zip(whole.rows, ladder.rows, strict=True):
        assert row.margins == tuple(np.floor(m * 4096 + 0.5) for m in real.margins)
        assert all(type(m) is int for m in row.margins)
        assert row == replace(real, margins=row.margins)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda v: v.pop("again"), "KeyError 'again'"),
        (lambda v: v.update(rows=3), "TypeError"),
        (lambda v: v.update(bits=4), "4 is no list"),
        (lambda v: v.update(rows=[]), "rows are missing"),
        (lambda v: v.update(bits=[4, 2, 8]), r"bits must be widths .* not \[4, 2, 8\]"),
        (lambda v: v.update(bits=[]), "bits must be widths"),
        (lambda v: v.update(costs=[1, 2]), "costs must be 3 numbers"),
        (lambda v: v.update(again=[1, 2, -1]), "again must be 3 numbers"),
        (lambda v: v.update(top1=[0.5, 0.6, 1.5]), "top1 must be 3 shares"),
        (lambda v: v.update(top1=[0.5, 0.6, 1]), "rows end below"),
        (lambda v: v["rows"].reverse(), "rows must rise"),
        (lambda v: v["rows"][0].update(bits=[3]), "row 0: bits must be some of"),
        (lambda v: v["rows"][0].update(margins=[1.0]), "row 0: margins must be 0 numbers"),
        (lambda v: v["rows"][0].update(margins="no"), "'no' is no list"),
        (lambda v: v["rows"][-1].update(margins=[float("nan")] * 2), "margins must be"),
        (lambda v: v["rows"][1].update(bitops=True), "row 1: bitops must be"),
        (lambda v: v["rows"][1].update(bitops=float("inf")), "row 1: bitops must be"),
        (lambda v: v["rows"][1].update(top1=None), "row 1: top1 must be"),
    ],
)
def test_what_is_no_ladder(damage, message, ladder):
    values = json.loads(json.dumps(ladder.as_dict()))
    damage(values)
    with pytest.raises(UserError, match=message) as error:
        Ladder.from_dict(values)
    assert "\n" not in str(error.value)


def test_a_list_is_no_ladder():
    with pytest.raises(UserError, match="a ladder holds bits"):
        Ladder.from_dict([1, 2])
