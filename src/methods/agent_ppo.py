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
"""An agent learns by PPO (`abn.agent=ppo`, controllers/ppo.py).

Each layer's reward is - lambda times its own cost; the last one also gets the result less the result with
all layers at their largest width, which no choice changes: a baseline that takes away what an image earns
under any plan.
"""

from mindspore import nn, ops

from src.controllers.ppo import Surrogate, advantages, log_probability
from src.methods.agent_episodes import SCALARS, Episodes
from src.methods.agent_options import AgentOptions
from src.methods.base import System


class PpoEpisodes(Episodes):
    """(image, label, noise, budget) -> what `PpoObjective` takes."""

    def __init__(self, options: AgentOptions, system: System):
        super().__init__(options, system)
        self.trace = options.trace

    def construct(self, image, label, noise, budget):
        agent, price = self.agent, self.price(budget)
        logits, state = self.play(image, noise, budget)
        widest = self.widest(image, budget)
        result, baseline = self.result(logits, label, widest), self.result(widest, label, widest)
        _, _, spent, seen, choice_logits, plan = state
        rewards, values, log_p = (), (), ()
        for s in range(agent.slots):
            rewards = rewards + (-price * agent.extra(s, plan[s]),)
            values = values + (agent.critic(s, seen[s]),)
            log_p = log_p + (log_probability(choice_logits[s], plan[s]),)
        rewards = rewards[:-1] + (rewards[-1] + result - baseline,)
        told = self.told(logits, label, state, result - price * spent)
        advantage = advantages(rewards, values, self.trace)
        learned = (agent.plan(state), ops.concat(log_p, 1), advantage, ops.concat(values, 1))
        return seen + learned + told


class PpoObjective(nn.Cell):
    """(seen of each slot, plan, log-probabilities, advantages, values, what is told) -> the `scalars`."""

    scalars = SCALARS

    def __init__(self, options: AgentOptions, system: System, task_loss=None, teacher=None):
        super().__init__(auto_prefix=False)
        self.slots = system.controller.slots
        self.surrogate = Surrogate(system.controller, options.clip, options.bonus)

    def construct(self, *values):
        n = self.slots
        seen, (plan, log_p, advantage, value), told = values[:n], values[n : n + 4], values[n + 4 :]
        loss, doubt = self.surrogate(seen, plan, log_p, advantage, value)
        return (loss,) + told + (doubt,)
