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
"""A toy agent: step by step, from the mean of what each layer reads."""

from mindspore import nn, ops

from src.controllers.base import INPUT, Controller, Decision
from src.controllers.gumbel import draw_gumbel, forcing_noise, hard_choice


class ToyAgent(Controller):
    """begin(x, noise (N, slots, columns, K)); `inputs`: (channels, side) of what each layer reads."""

    def __init__(self, inputs, columns, choices):
        super().__init__(len(inputs), columns, choices)
        self.sides = [side for _, side in inputs]
        self.decide = nn.CellList([nn.Dense(channels, columns * choices) for channels, _ in inputs])

    def begin(self, x, noise):
        return noise, (), ()

    def choose(self, slot, x, state):
        noise, choices, softs = state
        logits = self.decide[slot](x.mean((2, 3))).reshape((-1, self.columns, self.choices))
        choice = hard_choice(logits, noise[:, slot], 1.0)
        return choice, (noise, choices + (choice,), softs + (ops.softmax(logits, -1),))

    def plan(self, state):
        return ops.stack(state[1], 1)

    def soft(self, state):
        return ops.stack(state[2], 1)

    def draw(self, rng, images, done=0.0):
        return (draw_gumbel(rng, (images, self.slots, self.columns, self.choices)),)

    def still(self, images, forced=None):
        return (forcing_noise(forced, (images, self.slots, self.columns, self.choices)),)

    def decisions(self):
        return [
            Decision(slot, 1, False, INPUT, self.sides[slot], 1,
                     ((dense.weight.asnumpy(), dense.bias.asnumpy(), False),))
            for slot, dense in enumerate(self.decide)
        ]  # fmt: skip

    @property
    def macs(self):
        return sum(dense.weight.size for dense in self.decide)
