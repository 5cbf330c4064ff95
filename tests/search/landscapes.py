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
"""Made-up networks, the score of each of whose plans is known, so that the best can be found by trying all."""

from itertools import product

import numpy as np

from src.cost.bitops import LayerCost, PlanCost
from src.search.space import Space

WIDTHS = (2, 3, 4)
MACS = (40, 10, 25, 60, 15, 30)


def space(columns: int = 1, macs: tuple[int, ...] = MACS) -> Space:
    layers = [LayerCost(f"layer{s}", m, 1, 1, WIDTHS, WIDTHS, s) for s, m in enumerate(macs)]
    return Space(PlanCost(layers, fixed=100), len(macs), columns, len(WIDTHS))


class Additive:
    """Each place's noise falls with its width, by its own weight; `pairs` > 0 lets neighbours interact.

    Attributes:
        calls: how often a plan was measured.
    """

    def __init__(self, places: int, seed: int = 0, pairs: float = 0.0):
        rng = np.random.default_rng(seed)
        self.weight, self.calls, self.pairs = rng.permutation(places) + 1.0, 0, pairs

    def __call__(self, plan: np.ndarray) -> tuple[float, float]:
        self.calls += 1
        noise = self.weight * 4.0 ** -plan.reshape(-1)
        loss = float(noise.sum() + self.pairs * (noise[1:] * noise[:-1]).sum())
        return loss, 1 / (1 + loss)


def best_by_trying_all(of: Space, measure: Additive, budget: float) -> float:
    """The lowest loss within a budget."""
    plans = np.array(list(product(range(of.choices), repeat=len(of.places))))
    plans = plans.reshape(-1, of.slots, of.columns)
    fitting = plans[of.cost.of_plan(plans) <= budget]
    return min(measure(plan)[0] for plan in fitting)
