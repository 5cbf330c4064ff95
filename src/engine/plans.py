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
"""Plans from outside: one width everywhere, or the controller's own cut down to a budget.

A plan is int64 (N, layers, columns), the candidate of each layer and column for each image.
"""

from dataclasses import dataclass

import numpy as np

from src.cost.bitops import PlanCost
from src.cost.latency import NS, LatencyCost
from src.engine.program import Program
from src.errors import UserError

SUFFIXES = {"k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12}


def uniform_plan(program: Program, bits: int) -> tuple[np.ndarray, int]:
    """(plan int64 (1, layers, columns) with `bits` everywhere, its row of statistics).

    Raises:
        UserError: no controller, or `bits` is not among its candidates.
    """
    if program.plan_shape is None:
        raise UserError(f"--bits {bits}: this network has no controller, its widths are fixed")
    choices = uniform_choices(program)
    if bits not in choices:
        has = ", ".join(map(str, _widths(program)))
        raise UserError(f"--bits {bits}: this network has only {has}")
    layers, columns, _ = program.plan_shape
    plan = np.full((1, layers, columns), choices[bits], np.int64)
    return plan, row_of(program, choices[bits])


def uniform_choices(program: Program) -> dict[int, int]:
    """The candidate of each width at which all dynamic layers of a network can run, rising."""
    tables = _tables(program)
    if not tables.size:
        return {}
    same = (tables == tables[:1, :1]).all((0, 1))
    found = sorted((int(tables[0, 0, k]), -int(k)) for k in np.flatnonzero(same))
    return {bits: -choice for bits, choice in found}  # of equal ones the first candidate


def row_of(program: Program, choice: int) -> int:
    """The row of statistics for a candidate that all layers take.

    The notes say it; files from before they did have a row of mixed widths, then one per candidate.
    """
    rows = program.notes.get("rows_of_choices")
    if rows is not None:
        return rows[choice]
    return 1 + choice if program.rows > 1 else 0


def _tables(program: Program) -> np.ndarray:
    """Widths of the candidates, (layers, 2, K): of weights and of inputs."""
    return np.array([conv.arrays["bits"] for conv in program.slots.values()])


def _widths(program: Program) -> list[int]:
    return np.unique(_tables(program)).tolist()


@dataclass(frozen=True)
class Cap:
    """What no image may cost.

    Attributes:
        most: in the unit of the prices of `cost`.
        cost: prices plans, in BitOPs or nanoseconds.
        asked: the option of a command line that asked for it.
        unit: in which messages show a million of them, with so many `digits`.
    """

    most: float
    cost: PlanCost
    asked: str
    unit: str
    digits: int

    @classmethod
    def in_bitops(cls, most: float, cost: PlanCost) -> "Cap":
        return cls(most, cost, f"--max-bitops {most:.4g}", "M BitOPs", 1)

    @classmethod
    def in_ms(cls, most: float, cost: LatencyCost) -> "Cap":
        return cls(most * NS, cost, f"--max-ms {most:.4g}", "ms", 3)

    def shown(self, price: float) -> str:
        return f"{price / 1e6:.{self.digits}f} {self.unit}"


def within_cap(plan: np.ndarray, cap: Cap) -> np.ndarray:
    """The plan, with widths lowered where an image costs more than the cap.

    Greedy, one step at a time: of all steps that take one choice of one layer to its next cheaper
    candidate, the one that saves most, among equals the earliest layer, then weights before inputs,
    until the image fits. Where no such step saves anything, a layer takes its cheapest pair of choices at once.
    Images that fit keep their plan.

    Raises:
        UserError: even the cheapest plan costs more.
    """
    prices = [cap.cost.prices(slot, plan.shape[2]) for slot in range(plan.shape[1])]
    cheapest = cap.cost.fixed() + sum(int(table.min()) for table in prices)
    if cheapest > cap.most:
        raise UserError(
            f"{cap.asked}: the cheapest plan of this network costs {cap.shown(cheapest)} per image; allow at least that"
        )
    plan = plan.copy()
    spent = cap.cost.of_plan(plan)
    for n in np.flatnonzero(spent > cap.most):
        _lower(prices, plan[n], int(spent[n]), cap.most)
    return plan


def as_bitops(option: str, text: str) -> float:
    """300e6, 300M or 1.2G as a number. UserError: none, or not above 0; it names the option."""
    factor = SUFFIXES.get(text[-1:].lower(), 1.0)
    try:
        value = float(text if factor == 1 else text[:-1]) * factor
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise UserError(f"{option} {text}: expected a number above 0: 300e6, 300M or 1.2G")
    return value


def _lower(prices: list[np.ndarray], plan: np.ndarray, cost: int, budget: float) -> None:
    """Lower one image's plan (layers, columns), in place, until its cost fits the budget.

    Args:
        prices: of each layer, for every choice (`PlanCost.prices`).
        cost: BitOPs of the plan.
    """
    steps = {place: _step(prices[place[0]], plan, *place) for place in np.ndindex(plan.shape)}
    while cost > budget:
        layer, column = max(steps, key=lambda p: steps[p][0])  # the first of equals
        saving, choice = steps[layer, column]
        if saving:
            plan[layer, column] = choice
        else:
            layer, saving = _to_cheapest(prices, plan)
        cost -= saving
        for column in range(plan.shape[1]):
            steps[layer, column] = _step(prices[layer], plan, layer, column)


def _to_cheapest(prices: list[np.ndarray], plan: np.ndarray) -> tuple[int, int]:
    """Give the layer that saves most by it, in place, all its cheapest choices at once: (layer, what it saves)."""
    savings = [table[tuple(plan[layer])] - table.min() for layer, table in enumerate(prices)]
    layer = int(np.argmax(savings))  # the first of equals
    plan[layer] = np.unravel_index(prices[layer].argmin(), prices[layer].shape)
    return layer, int(savings[layer])


def _step(prices: np.ndarray, plan: np.ndarray, layer: int, column: int) -> tuple[int, int]:
    """(BitOPs saved, candidate) of the next cheaper candidate of a choice; saves 0 if none is."""
    chosen = tuple(plan[layer])
    others = prices[(*chosen[:column], slice(None), *chosen[column + 1 :])]
    savings = prices[chosen] - others
    cheaper = np.flatnonzero(savings > 0)
    if not cheaper.size:
        return 0, int(chosen[column])
    choice = cheaper[savings[cheaper].argmin()]  # the first of equals
    return int(savings[choice]), int(choice)
