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

import numpy as np

from src.engine.count import Counts
from src.errors import UserError

SUFFIXES = {"k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12}


def uniform_plan(counts: Counts, bits: int) -> tuple[np.ndarray, int]:
    """(plan int64 (1, layers, columns) with `bits` everywhere, its row of statistics).

    A network with a row of statistics per width uses that width's; row 0 is that of mixed widths.

    Raises:
        UserError: no controller, or `bits` is not among its candidates.
    """
    program = counts.program
    if program.plan_shape is None:
        raise UserError(f"--bits {bits}: this network has no controller, its widths are fixed")
    tables = np.stack([conv.arrays["bits"] for conv in counts.convs])  # (layers, 2, K)
    fitting = np.flatnonzero((tables == bits).all((0, 1)))
    if not fitting.size:
        has = ", ".join(map(str, np.unique(tables).tolist()))
        raise UserError(f"--bits {bits}: this network has only {has}")
    choice, (layers, columns, _) = int(fitting[0]), program.plan_shape
    plan = np.full((1, layers, columns), choice, np.int64)
    return plan, 1 + choice if program.rows > 1 else 0


def within_budget(counts: Counts, plan: np.ndarray, budget: float) -> np.ndarray:
    """The plan, with widths lowered where an image costs more than `budget` BitOPs.

    Greedy, one step at a time: of all steps that take one choice of one layer to its next cheaper
    candidate, the one that saves most, among equals the earliest layer, then weights before inputs,
    until the image fits. Images that fit keep their plan.

    Raises:
        UserError: even the cheapest plan costs more.
    """
    cheapest = counts.fixed() + sum(_prices(counts, slot).min() for slot in range(plan.shape[1]))
    if cheapest > budget:
        raise UserError(
            f"--max-bitops {budget:.4g}: the cheapest plan of this network costs "
            f"{cheapest / 1e6:.1f} M BitOPs per image; allow at least that"
        )
    plan = plan.copy()
    for n in np.flatnonzero(counts.bitops(plan) > budget):
        _lower(counts, plan[n], budget)
    return plan


def as_bitops(text: str) -> float:
    """300e6, 300M or 1.2G as a number. UserError: none, or not above 0."""
    factor = SUFFIXES.get(text[-1:].lower(), 1.0)
    try:
        value = float(text if factor == 1 else text[:-1]) * factor
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise UserError(f"--max-bitops {text}: expected a number above 0: 300e6, 300M or 1.2G")
    return value


def _lower(counts: Counts, plan: np.ndarray, budget: float) -> None:
    """Lower one image's plan (layers, columns), in place, until it fits."""
    cost = int(counts.bitops(plan[None])[0])
    steps = {place: _step(counts, plan, *place) for place in np.ndindex(plan.shape)}
    while cost > budget:
        place = max(steps, key=lambda p: steps[p][0])  # the first of equals
        saving, choice = steps[place]
        plan[place] = choice
        cost -= saving
        for column in range(plan.shape[1]):
            steps[place[0], column] = _step(counts, plan, place[0], column)


def _step(counts: Counts, plan: np.ndarray, layer: int, column: int) -> tuple[int, int]:
    """(BitOPs saved, candidate) of the next cheaper candidate of a choice; saves 0 if none is."""
    now = counts.price(layer, plan[layer])
    best = (0, int(plan[layer, column]))
    for choice in range(counts.convs[layer].arrays["bits"].shape[1]):
        trial = plan[layer].copy()
        trial[column] = choice
        saving = now - counts.price(layer, trial)
        if saving > 0 and (best[0] == 0 or saving < best[0]):
            best = saving, choice
    return best


def _prices(counts: Counts, slot: int) -> np.ndarray:
    """BitOPs of a layer for every pair of candidates that a plan can give it, int64 (pairs,)."""
    w_bits, a_bits = counts.convs[slot].arrays["bits"]
    is_tied = counts.convs[slot].w_column == counts.convs[slot].a_column
    products = w_bits * a_bits if is_tied else np.outer(w_bits, a_bits).ravel()
    return counts.dynamic[slot].macs * products
