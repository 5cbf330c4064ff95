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
"""A network and its agent, made up, with a best policy that is known."""

import numpy as np
from mindspore import Tensor, nn, ops

from src.controllers.agent import Agent
from src.cost.bitops import CostModel, LayerCost
from src.methods.base import System
from src.methods.budget import BudgetPenalty

WIDTHS = (2, 3, 4)


class MadeUp(nn.Cell):
    """Three layers that read the image; a hard one (channel 0) is answered as another class unless the
    second layer has its largest width. Channel 1 is the class, -1 or 1."""

    def __init__(self, agent: Agent):
        super().__init__()
        self.controller = agent

    def construct(self, image, noise, budget):
        logits, state = self.after(image, self.begin(image, image, noise, budget))
        return {"logits": logits, "plan": self.controller.plan(state)}

    def before(self, image):
        return image

    def begin(self, image, features, noise, budget):
        return self.controller.begin(features, noise, budget)

    def after(self, features, state):
        for slot in range(3):
            _, state = self.controller.choose(slot, features, state)
        wide_enough = self.controller.plan(state)[:, 1, 0, -1:]
        hard, sign = features[:, 0].mean((1, 2)).reshape((-1, 1)), features[:, 1, 0, :1]
        score = 8 * sign * (1 - 2 * hard * (1 - wide_enough))
        return ops.concat((-score, score), 1), state


def made_up() -> System:
    layers = [LayerCost(f"{s}", macs, 1, 1, WIDTHS, WIDTHS, s) for s, macs in enumerate((30, 20, 50))]
    agent = Agent([(2, 2)] * 3, 1, CostModel(layers), hidden=16, critic=True)
    for seed, parameter in enumerate(agent.trainable_params()):
        values = np.random.default_rng(seed).normal(0, 0.3, parameter.shape)
        parameter.set_data(Tensor(values.astype(np.float32)))
    cost = CostModel(layers, agent.macs)
    return System("made up", MadeUp(agent), [], cost, WIDTHS, BudgetPenalty(cost, WIDTHS, 3, 0, 0, 0), agent)
