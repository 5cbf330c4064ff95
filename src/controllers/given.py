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
"""Plans from outside: fixed, random or searched ones, looked up and never computed."""

import numpy as np
from mindspore import ops

from src.controllers.base import BEGIN, Controller, Decision


class GivenPlan(Controller):
    """(x, plan (N, slots, columns, K), one-hot) -> that plan.

    Its draws are uniform plans: of one candidate, or, in training, of a random one for each image and
    layer. A file holds the last candidate, as a decision that no image moves, where nobody gives
    another plan.

    Args:
        slots, columns, choices: see `Controller`.
        seen: channels and side of x, for a file; None: no file is made.
    """

    looks = learns = False

    def __init__(self, slots: int, columns: int, choices: int, seen: tuple[int, int] | None = None):
        super().__init__(slots, columns, choices)
        self.seen = seen

    def begin(self, x, plan):
        """State: the plan, and its slots one by one."""
        return plan, ops.unstack(plan, 1)

    def choose(self, slot, x, state):
        return state[1][slot], state

    def plan(self, state):
        return state[0]

    def soft(self, state):
        return state[0]

    def draw(self, rng: np.random.Generator, images: int, done: float = 0.0) -> tuple:
        chosen = rng.integers(self.choices, size=(images, self.slots, self.columns))
        return (self.one_hot(chosen),)

    def still(self, images: int, forced: int | np.ndarray | None = None) -> tuple:
        """Of the last candidate, where none is forced."""
        chosen = self.choices - 1 if forced is None else forced
        return (self.one_hot(np.broadcast_to(chosen, (images, self.slots, self.columns))),)

    def one_hot(self, choices: np.ndarray) -> np.ndarray:
        """The plan, float32 (N, slots, columns, K), of candidates int (N, slots, columns)."""
        return np.eye(self.choices, dtype=np.float32)[choices]

    def decisions(self) -> list[Decision]:
        if self.seen is None:
            return super().decisions()
        channels, side = self.seen
        weight = np.zeros((self.columns * self.choices, channels), np.float32)
        bias = np.tile(np.eye(self.choices, dtype=np.float32)[-1], self.columns)
        return [Decision(0, self.slots, True, BEGIN, side, 1, ((weight, bias, False),))]

    @property
    def macs(self) -> int:
        """Of that decision."""
        return self.seen[0] * self.columns * self.choices if self.seen else 0
