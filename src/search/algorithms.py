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
"""How a search finds plans under a budget: uniform, random, greedy by sensitivity, evolutionary.

Each takes the archive, which measures what it asks for and keeps it, and returns what it stands for: the
plans of a baseline, or the best that it has for each budget.
"""

import numpy as np

from src.search.archive import Archive, Tried

UNIFORM, RANDOM, GREEDY, EVOLUTION = "uniform", "random", "greedy", "evolution"
ATTEMPTS = 20  # at a child that was not tried before


def uniform(archive: Archive) -> list[Tried]:
    """Every candidate throughout."""
    space = archive.space
    return [archive.take(space.uniform(candidate), UNIFORM) for candidate in range(space.choices)]


def at_random(archive: Archive, budget: float, count: int, rng: np.random.Generator) -> list[Tried]:
    """So many random plans at the budget."""
    return [archive.take(archive.space.at_random(rng, budget), RANDOM) for _ in range(count)]


def greedy(archive: Archive, budgets: list[float]) -> list[Tried]:
    """From the widest plan down, always the step that hurts least for what it saves.

    What a step hurts is measured once, from the widest plan and alone, and taken to add up (as in
    HAWQ-V2, Dong et al., 2020, arXiv 1911.03852, which estimates it by curvature).

    Returns:
        The first plan on the way that fits, for each budget.
    """
    space = archive.space
    hurts = _sensitivities(archive)
    plan = space.uniform(space.choices - 1)
    price, found = space.price(plan), {}
    for budget in sorted(budgets, reverse=True):
        while price > budget:
            plan, price = _least_painful(archive, plan, price, hurts)
        found[budget] = archive.take(plan, GREEDY)
    return [found[budget] for budget in budgets]


def evolution(
    archive: Archive, budget: float, rng: np.random.Generator, population: int = 16,
    generations: int = 8, mutation: float = 0.1,
) -> Tried:  # fmt: skip
    """Mutation and crossover of the best plans within the budget, so many new ones a generation.

    The first parents are the best that the archive holds, of whatever algorithm, and random ones if
    those are too few. After Guo et al., "Single Path One-Shot", ECCV 2020, arXiv 1904.00420, section 3.4.

    Args:
        mutation: how likely a place is drawn anew in a mutated child.
    """
    missing = population - len(archive.best(budget, population))
    for _ in range(missing):
        archive.take(archive.space.at_random(rng, budget), EVOLUTION)
    for _ in range(generations):
        parents = archive.best(budget, population)
        for number in range(population):
            for _ in range(ATTEMPTS):
                child = _child(archive, parents, number, rng, mutation, budget)
                if child not in archive:
                    break
            archive.take(child, EVOLUTION)
    return archive.best(budget)[0]


def _sensitivities(archive: Archive) -> np.ndarray:
    """(slots, columns, choices): how much worse the widest plan gets with one place at a candidate."""
    space, widest = archive.space, archive.space.uniform(archive.space.choices - 1)
    start = archive.badness(archive.take(widest, GREEDY))[0]
    hurts = np.zeros((space.slots, space.columns, space.choices))
    for slot, column in space.places:
        for candidate in range(space.choices - 1):
            plan = widest.copy()
            plan[slot, column] = candidate
            hurts[slot, column, candidate] = archive.badness(archive.take(plan, GREEDY))[0] - start
    return hurts


def _least_painful(
    archive: Archive, plan: np.ndarray, price: int, hurts: np.ndarray
) -> tuple[np.ndarray, int]:
    """(Next plan, its price): one place lowered, where that hurts least for what it saves."""
    steps = []
    for slot, column in archive.space.places:
        now = plan[slot, column]
        for candidate in range(now):
            lower = plan.copy()
            lower[slot, column] = candidate
            lower_price = archive.space.price(lower)
            pain = hurts[slot, column, candidate] - hurts[slot, column, now]
            steps.append((pain / max(1, price - lower_price), len(steps), lower, lower_price))
    return min(steps, key=lambda step: step[:2])[2:]


def _child(
    archive: Archive, parents: list[Tried], number: int, rng: np.random.Generator, mutation: float,
    budget: float,
) -> np.ndarray:  # fmt: skip
    """A plan within the budget: a mutated parent, or every second time a cross of two of them."""
    space = archive.space
    one, other = (parents[rng.integers(len(parents))].plan for _ in range(2))
    if number % 2:
        child = np.where(rng.random((space.slots, 1)) < 0.5, one, other)
    else:
        changes = rng.random(one.shape) < mutation
        changes.reshape(-1)[rng.integers(changes.size)] = True
        child = np.where(changes, rng.integers(space.choices, size=one.shape), one)
    return space.lowered(rng, child, budget)
