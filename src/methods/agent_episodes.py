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
"""What an agent's choices earn.

An episode is an image, at a budget B drawn from the whole range, and a price lambda that follows from B:

    return = result - lambda(B) cost,   lambda(B) = high (low / high)^B
    result: how alike the answer is to that at the largest widths, sum over classes of min(p, p_largest)
            (`abn.result=likeness`); or the probability that the network gives the image's class
            (`probability`); or 1 where it answers it, else 0 (`right`)
    cost: BitOPs above the cheapest plan, as a share of the range to the dearest, by the cost model

Likeness tells most: one layer's width moves every answer a little, but the class of few images, and of
those at random.
"""

import numpy as np
from mindspore import Tensor, nn, ops

from src.controllers.gumbel import forcing_noise
from src.methods.agent_options import PROBABILITY, RIGHT, AgentOptions
from src.methods.base import System

# What is told of a step; its update adds the loss, and how undecided the agent is.
TOLD = ("right", "mean_bits", "bitops", "entropy", "return")
SCALARS = ("loss", *TOLD, "doubt")


class Episodes(nn.Cell):
    """Episodes of the agent on the frozen network, which runs as in evaluation."""

    def __init__(self, options: AgentOptions, system: System):
        super().__init__(auto_prefix=False)
        self.network, self.monitor, self.agent = system.network, system.monitor, system.controller
        self.by = options.result
        self.price_high = options.price_high
        self.fall = float(np.log(options.price_low / options.price_high))
        agent = self.agent
        shape = 1, agent.slots, agent.columns, agent.choices
        self.forced = [Tensor(forcing_noise(k, shape)) for k in range(agent.choices)]

    def play(self, image, noise, budget):
        """(logits, the agent's last state)."""
        features = self.network.before(image)
        return self.network.after(features, self.network.begin(image, features, noise, budget))

    def widest(self, image, budget):
        """Logits with all layers at their largest width."""
        return self.play(image, self.forced[-1], budget)[0]

    def result(self, logits, label, widest):
        """Of each image, (N, 1)."""
        if self.by == RIGHT:
            found = (logits.argmax(1).astype(label.dtype) == label).astype(logits.dtype)
            return found.reshape((-1, 1))
        p = ops.softmax(logits, -1)
        if self.by == PROBABILITY:
            return ops.gather_elements(p, 1, label.reshape((-1, 1)))
        return ops.minimum(p, ops.softmax(widest, -1)).sum(-1, keepdims=True)

    def price(self, budget):
        """lambda, (N, 1)."""
        return self.price_high * ops.exp(self.fall * budget)

    def told(self, logits, label, state, earned):
        """What is `TOLD` of a step."""
        agent = self.agent
        right = (logits.argmax(1).astype(label.dtype) == label).astype(logits.dtype).sum()
        numbers = self.monitor(agent.plan(state), agent.soft(state))
        return right, numbers["mean_bits"], numbers["bitops"], numbers["entropy"], earned.mean()
