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
"""An agent learns what each width is worth (`abn.agent=counterfactual`), a supervised form.

With the network frozen, what a choice is worth is known exactly. Of each image one layer is drawn, and the
image runs with that layer, and the `abn.horizon` - 1 behind it, at each width k, the others choosing as they
do; the logits of the layer drawn learn by regression what each width is worth,

    worth_k = result - lambda cost with these layers at width k
    L = 1/2 mean over images and k of (logit_k - sharp (worth_k - mean_k worth_k) / u)^2

u being the deviation over the batch: so it takes the width of the largest worth to be expected, and an
image whose widths are worth the same says little. One layer alone hardly shows in an answer; all that
follow do, and each of them may still choose otherwise: a rollout of the policy "this width from here on".
"""

import numpy as np
from mindspore import Tensor, nn, ops

from src.controllers.ppo import TINY, entropy
from src.methods.agent_episodes import SCALARS, Episodes
from src.methods.agent_options import AgentOptions
from src.methods.base import StepDraws, System

SHARP = 16.0  # logits of a worth that deviates by u; a fraction of it can be foreseen


class WithLayer(StepDraws):
    """What the agent draws, and a layer of each image, one-hot float32 (N, slots).

    Of its own: a layer that followed from the noise would choose otherwise than the agent does.
    """

    def draw(self, rng: np.random.Generator, images: int, done: float) -> tuple:
        noise, budget = self.draws.draw(rng, images, done)
        slots = noise.shape[1]
        return noise, budget, np.eye(slots, dtype=np.float32)[rng.integers(slots, size=images)]

    def passes(self, drawn: tuple) -> list[tuple]:
        return [drawn[:2]]


class Counterfactuals(Episodes):
    """(image, label, noise, budget, one-hot layer drawn (N, slots)) -> what `CounterfactualObjective` takes."""

    def __init__(self, options: AgentOptions, system: System):
        super().__init__(options, system)
        slots = self.agent.slots
        behind = np.arange(slots) - np.arange(slots)[:, None]
        reached = (behind >= 0) & (behind < (options.horizon or slots))
        self.reached = Tensor(reached.astype(np.float32))  # from each layer drawn, the layers judged with it

    def construct(self, image, label, noise, budget, drawn):
        price, worth, widest = self.price(budget), (), self.widest(image, budget)
        there = ops.matmul(drawn, self.reached).reshape((-1, self.agent.slots, 1, 1))
        for k in range(self.agent.choices):
            logits, state = self.play(image, noise + there * self.forced[k], budget)
            worth = worth + (self.result(logits, label, widest) - price * state[2],)
        worth = ops.concat(worth, 1)
        logits, state = self.play(image, noise, budget)
        earned = self.result(logits, label, widest) - price * state[2]
        return state[3] + (drawn, worth) + self.told(logits, label, state, earned)


class CounterfactualObjective(nn.Cell):
    """(seen of each slot, one-hot layer drawn (N, slots), worth (N, K), what is told) -> the `scalars`."""

    scalars = SCALARS

    def __init__(self, options: AgentOptions, system: System, task_loss=None, teacher=None):
        super().__init__(auto_prefix=False)
        self.agent = system.controller

    def construct(self, *values):
        n = self.agent.slots
        seen, (drawn, worth), told = values[:n], values[n : n + 2], values[n + 2 :]
        better = worth - worth.mean(1, keep_dims=True)
        better = SHARP * better / (ops.sqrt((better * better).mean()) + TINY)
        better = better.reshape((-1, 1, self.agent.choices))
        loss, doubt = 0.0, 0.0
        for s in range(n):
            logits = self.agent.logits(s, seen[s])
            error = logits - better
            loss = loss + 0.5 * (drawn[:, s].reshape((-1, 1, 1)) * error * error).mean()
            doubt = doubt + entropy(logits) / n
        return (loss,) + told + (doubt,)
