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
"""Escalation of one program: the rungs of a ladder's row (cost/ladder.py), as an engine climbs them."""

from dataclasses import dataclass, replace

import numpy as np

from src.cost.bitops import PlanCost
from src.cost.ladder import Ladder, Row
from src.cost.latency import LatencyCost
from src.engine.count import cost_of, kept_bitops
from src.engine.plans import Cap, row_of, uniform_choices, uniform_plan
from src.engine.program import Program
from src.errors import UserError


@dataclass(frozen=True)
class Rungs:
    """Passes over an image, one after the other while its answer is unsure.

    Attributes:
        bits: R widths; 0 of a plan that has several.
        plans: int64 (R, layers, columns), the candidates of each pass.
        rows: int64 (R,), of the statistics.
        thresholds: int64 (R - 1,): an image whose margin is below goes on to the next rung.
        totals: int64 (R,), BitOPs of an image that ends there, all its passes counted.
    """

    bits: tuple[int, ...]
    plans: np.ndarray
    rows: np.ndarray
    thresholds: np.ndarray
    totals: np.ndarray


def rungs_of(program: Program, bits: tuple[int, ...], thresholds: tuple[int, ...] = ()) -> Rungs:
    """Passes at widths that the whole network runs at. UserError: it does not."""
    plans, rows = zip(*(uniform_plan(program, b) for b in bits), strict=True)
    costs, again = pass_costs(program, bits)
    totals = np.cumsum([costs[0], *again[1:]])
    limits = np.array(thresholds, np.int64)
    return Rungs(tuple(bits), np.concatenate(plans), np.array(rows), limits, totals)


def alone(program: Program, choices: np.ndarray) -> Rungs:
    """One pass at candidates int64 (layers, columns), those of all images."""
    first = int(choices.flat[0])
    row = row_of(program, first) if (choices == first).all() else 0
    total = cost_of(program).of_plan(choices[None])
    return Rungs((0,), choices[None], np.array([row]), np.zeros(0, np.int64), total)


def pass_costs(
    program: Program, bits: tuple[int, ...], cost: PlanCost | None = None
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """What a first pass at each width costs, and a later one, without what is kept; BitOPs, or in the unit of
    another cost."""
    plans = np.concatenate([uniform_plan(program, b)[0] for b in bits])
    costs = (cost or cost_of(program)).of_plan(plans)
    kept = cost.kept if isinstance(cost, LatencyCost) else kept_bitops(program)
    return tuple(costs.tolist()), tuple((costs - kept).tolist())


def ladder_of(program: Program) -> Ladder | None:
    """The ladder in a program's notes, or None.

    Raises:
        ValueError: it is none, or not one of this program.
    """
    if "ladder" not in program.notes:
        return None
    try:
        ladder = Ladder.from_dict(program.notes["ladder"])
    except UserError as error:
        raise ValueError(f"the notes' ladder: {error}") from None
    if missing := sorted(set(ladder.bits) - set(uniform_choices(program))):
        raise ValueError(f"the notes' ladder: the network cannot run at {missing} bits throughout")
    if any(type(margin) is not int for row in ladder.rows for margin in row.margins):
        raise ValueError("the notes' ladder: its margins must be integers, as the logits are")
    own = pass_costs(program, ladder.bits)
    if (ladder.costs, ladder.again) != own:
        raise ValueError(
            f"the notes' ladder is of another network: its passes cost {list(ladder.costs)} BitOPs, "
            f"this one's {list(own[0])} (again {list(ladder.again)}, {list(own[1])})"
        )
    return ladder


def pick(
    ladder: Ladder, budget: float | None, cap: Cap | None = None,
    costs: tuple[tuple[int, ...], tuple[int, ...]] | None = None,
) -> Row:  # fmt: skip
    """The row for a mean budget, or without one the cheapest that answers like the widest rung.

    cap: rungs that would exceed it are cut off; where that leaves one alone, the best row that needs no cut
    takes its place. costs: of the ladder's passes in the cap's unit, see `pass_costs`.

    Raises:
        UserError: nothing is cheap enough.
    """
    row = ladder.cheapest_like_top() if budget is None else ladder.at(budget)
    if cap is None:
        return row
    priced = replace(ladder, costs=costs[0], again=costs[1])
    kept = sum(total <= cap.most for total in priced.totals(row))
    if kept > 1 or kept == len(row.bits):
        return replace(row, bits=row.bits[:kept], margins=row.margins[: kept - 1])
    within = [row for row in ladder.rows if budget is None or row.bitops <= budget]
    uncut = [row for row in within if priced.totals(row)[-1] <= cap.most]
    if not uncut:
        cheapest = min(priced.totals(row)[-1] for row in within)
        raise UserError(
            f"{cap.asked}: the cheapest setting of this network costs an image up to {cap.shown(cheapest)}; "
            "allow at least that"
        )
    return uncut[-1]
