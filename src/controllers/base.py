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
"""Who picks the widths: a chooser whose state travels with the network's values.

    state = begin(x, *draws)                       x: the image, or the features that it sees
    choice, state = choose(slot, x, state)         before each dynamic node; x: what the node reads
    plan(state), soft(state)                       at the end of a pass

A one-shot head decides everything in `begin` and hands out slices; a step-wise agent decides from x.
Randomness comes from the host as inputs, the draws, so that a training step is a pure function of its
inputs and a resumed run repeats it exactly.
"""

from dataclasses import dataclass

import numpy as np
from mindspore import nn

from src.cost.spending import Spending
from src.errors import UserError

# A decision follows from what the controller begins with, or from what its first slot's node reads.
BEGIN, INPUT = "begin", "input"


@dataclass(frozen=True)
class Purse:
    """An image's budget, and what its choices have cost so far, as two more inputs of a decision's first
    dense layer:

        asked[o] clip((budget - base) / range, 0, 1) + spent[o] (sum over slots j before of prices[j]) / range

    Attributes:
        budget: BitOPs of an image, where a run names no others.
        base: BitOPs of the cheapest plan.
        range: BitOPs between the cheapest and the dearest plan.
        prices: BitOPs above those of a slot's cheapest choice, int64 (all slots, K, 1), or (.., K, K) by
            the weights' and the inputs' choice.
        asked, spent: float32 (O,), weights.
    """

    budget: int
    base: int
    range: int
    prices: np.ndarray
    asked: np.ndarray
    spent: np.ndarray


@dataclass(frozen=True)
class Decision:
    """How choice logits follow from features, in evaluation: what is exported of a controller.

        features (N, C, S, S) -> average-pool to bins x bins -> dense layers -> (N, slots, columns, K)

    Attributes:
        slot, slots: the slots slot .. slot + slots - 1 are decided.
        shared: there is one slot's logits, which serve for all.
        sees: BEGIN or INPUT.
        side: S, in pixels.
        bins: of the pool.
        dense: (weight float32 (O, I), bias (O,), ReLU behind it), one after the other.
        purse: of a controller that minds a budget, else None.
    """

    slot: int
    slots: int
    shared: bool
    sees: str
    side: int
    bins: int
    dense: tuple[tuple[np.ndarray, np.ndarray, bool], ...]
    purse: Purse | None = None


class Controller(nn.Cell):
    """Base of all choosers.

    Args:
        slots: how many layers it chooses for.
        columns: 1 where weights and inputs share a choice, else 2 (weights, inputs).
        choices: K, number of candidate widths.
    """

    looks = True  # False: its widths do not depend on the image, and one plan for all is no collapse
    inputs = 1  # how many arrays `begin` takes beside x
    learns = True  # False: it asks for no gradient of the choices that it hands out

    def __init__(self, slots: int, columns: int, choices: int):
        super().__init__()
        self.slots, self.columns, self.choices = slots, columns, choices

    def begin(self, x, *draws):
        """The first state, a tuple."""
        raise NotImplementedError

    def choose(self, slot, x, state):
        """(one-hot choice (N, columns, K), the next state) for the layer of `slot`, which reads x."""
        raise NotImplementedError

    def plan(self, state):
        """All choices of a pass, (N, slots, columns, K)."""
        raise NotImplementedError

    def soft(self, state):
        """Like the plan: the probabilities of the candidates, without noise."""
        raise NotImplementedError

    def draw(self, rng: np.random.Generator, images: int, done: float) -> tuple[np.ndarray, ...]:
        """What `begin` takes beside x, in training. done: share of the training behind it, 0..1."""
        raise NotImplementedError

    def still(self, images: int, forced: int | np.ndarray | None = None) -> tuple[np.ndarray, ...]:
        """The same in evaluation: nothing random. `forced`: candidates to take in place of its own
        choice, one for all layers, or int of a shape that broadcasts to (images, slots, columns)."""
        raise NotImplementedError

    def keep_to(self, budget: float) -> bool:
        """From now on spend so many BitOPs on an image, in evaluation: whether it can be told to.

        Raises:
            UserError: it can, but not to so few.
        """
        return False

    @property
    def spending(self) -> Spending | None:
        """What it spends at which budget; None: it minds none."""
        return None

    def decisions(self) -> list[Decision]:
        """What is exported, in the order of the slots. UserError: nothing can be."""
        raise UserError(
            f"no file can hold this controller ({type(self).__name__}): its widths do not follow from the image"
        )

    @property
    def macs(self) -> int:
        """Multiply-accumulates that choosing a plan costs, for one image."""
        return 0
