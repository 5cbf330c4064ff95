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
"""Every plan that was tried, once each, and the best of them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from src.search.space import Space

LOSS, TOP1 = "loss", "top1"


@dataclass(frozen=True, eq=False)  # a plan is measured once, so one entry is one plan
class Tried:
    """A plan and what became of it.

    Attributes:
        plan: int64 (slots, columns).
        bitops: of an image.
        price: of it, in what budgets count (`Space.price`).
        loss, top1: means over the images of the search.
        by: the algorithm that tried it first.
    """

    plan: np.ndarray
    bitops: int
    price: int
    loss: float
    top1: float
    by: str


class Archive:
    """Measures plans and remembers them.

    Args:
        space: of the plans.
        measure: plan -> (loss, top1).
        goal: what makes a plan better: a lower LOSS or a higher TOP1; the other one breaks ties.

    Attributes:
        tried: in the order of trying.
    """

    def __init__(
        self, space: Space, measure: Callable[[np.ndarray], tuple[float, float]], goal: str = LOSS
    ):
        self.space, self.measure, self.goal = space, measure, goal
        self.tried: list[Tried] = []
        self._known: dict[bytes, Tried] = {}

    def __contains__(self, plan: np.ndarray) -> bool:
        return plan.tobytes() in self._known

    def take(self, plan: np.ndarray, by: str) -> Tried:
        """The plan's entry; one that is new is measured."""
        known = self._known.get(plan.tobytes())
        if known is None:
            loss, top1 = self.measure(plan)
            known = Tried(plan.copy(), self.space.bitops(plan), self.space.price(plan), loss, top1, by)
            self._known[plan.tobytes()] = known
            self.tried.append(known)
        return known

    def badness(self, one: Tried) -> tuple[float, float]:
        """Smaller is better."""
        return (one.loss, -one.top1) if self.goal == LOSS else (-one.top1, one.loss)

    def best(self, budget: float, count: int = 1) -> list[Tried]:
        """At most so many within a budget, the best first; of equals the cheaper."""
        fitting = [one for one in self.tried if one.price <= budget]
        return sorted(fitting, key=lambda one: (*self.badness(one), one.price))[:count]

    def front(self) -> list[Tried]:
        """Those that no other beats in cost and in what is sought, rising in both."""
        front = []
        for one in sorted(self.tried, key=lambda one: (one.price, *self.badness(one))):
            if not front or self.badness(one)[0] < self.badness(front[-1])[0]:
                front.append(one)
        return front
