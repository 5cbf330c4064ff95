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
"""The plans that a search may try, their prices, and how one is brought within a budget."""

from dataclasses import dataclass

import numpy as np

from src.cost.bitops import PlanCost
from src.cost.latency import LatencyCost


@dataclass(frozen=True)
class Space:
    """Every plan of one network: int64 (slots, columns), a candidate in 0..choices - 1 for each place.

    Attributes:
        cost: BitOPs of plans.
        slots, columns, choices: of the network's controller.
        latency: what budgets are in, nanoseconds of a machine; None: BitOPs. The plan of all lowest candidates is
            within every budget.
    """

    cost: PlanCost
    slots: int
    columns: int
    choices: int
    latency: LatencyCost | None = None

    @property
    def places(self) -> list[tuple[int, int]]:
        """(slot, column) of each choice."""
        return list(np.ndindex(self.slots, self.columns))

    def uniform(self, candidate: int) -> np.ndarray:
        """The plan of one candidate."""
        return np.full((self.slots, self.columns), candidate, np.int64)

    def price(self, plan: np.ndarray) -> int:
        """What budgets count of an image under a plan."""
        return int((self.latency or self.cost).of_plan(plan[None])[0])

    def bitops(self, plan: np.ndarray) -> int:
        """BitOPs of an image under a plan."""
        return int(self.cost.of_plan(plan[None])[0])

    def at_random(self, rng: np.random.Generator, budget: float) -> np.ndarray:
        """A plan at the budget: places in random order are raised by a candidate while they fit, from a
        random start that is lowered until it fits. The budget allows the cheapest plan."""
        shares = rng.dirichlet(np.ones(self.choices))
        start = rng.choice(self.choices, (self.slots, self.columns), p=shares)
        return self._filled(rng, self.lowered(rng, start, budget), budget)

    def lowered(self, rng: np.random.Generator, plan: np.ndarray, budget: float) -> np.ndarray:
        """The plan with random places lowered, a candidate at a time, until it fits."""
        plan = plan.copy()
        while self.price(plan) > budget:
            place = rng.choice(np.flatnonzero(plan.reshape(-1)))
            plan.reshape(-1)[place] -= 1
        return plan

    def _filled(self, rng: np.random.Generator, plan: np.ndarray, budget: float) -> np.ndarray:
        plan = plan.copy()
        open_places = set(range(plan.size))
        while open_places:
            place = int(rng.choice(sorted(open_places)))
            raised = plan.copy()
            raised.reshape(-1)[place] += 1
            if raised.max() < self.choices and self.price(raised) <= budget:
                plan = raised
            else:
                open_places.discard(place)
        return plan
