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
"""Proximal policy optimisation of a step-wise agent: an episode is an image, a step a layer.

    delta_s = r_s + V_(s+1) - V_s,  A_s = sum over i >= 0 of trace^i delta_(s+i)       V behind the last: 0
    L = - mean min(q A, clip(q, 1 - c, 1 + c) A) + 1/2 mean (V - (A + V_old))^2 - e mean H
    q = p(a | state) / p_old(a | state);  A normalised over images and steps;  H entropy of p

Rewards are not discounted, as an episode is as long as the network. A step has one choice, or one for
weights and one for inputs; its probability is their product.

Source: Schulman et al., 2017, arXiv 1707.06347, eq. 7 and 11; A: Schulman et al., 2015, arXiv 1506.02438.
"""

from mindspore import nn, ops

from src.controllers.agent import Agent

TINY = 1e-6  # keeps the deviation of equal advantages from being divided by


def advantages(rewards: tuple, values: tuple, trace: float):
    """A, (N, steps), of rewards and values (N, 1) of each step."""
    found, ahead, following = (), 0.0, 0.0
    for s in range(len(rewards) - 1, -1, -1):
        ahead = rewards[s] + following - values[s] + trace * ahead
        following = values[s]
        found = (ahead,) + found
    return ops.concat(found, 1)


def log_probability(logits, choice):
    """Of choices (N, columns, K), one-hot: (N, 1)."""
    return (ops.log_softmax(logits, -1) * choice).sum((1, 2)).reshape((-1, 1))


def entropy(logits):
    """Of each choice (N, columns, K) in nats, mean over all."""
    log_p = ops.log_softmax(logits, -1)
    return -(ops.exp(log_p) * log_p).sum(-1).mean()


class Surrogate(nn.Cell):
    """(seen: of each slot (N, C + 2), plan (N, slots, columns, K), old log-probabilities, advantages,
    old values, each (N, slots)) -> (L, mean H of a choice in nats).

    Args:
        clip, bonus: c and e.
    """

    def __init__(self, agent: Agent, clip: float, bonus: float):
        super().__init__(auto_prefix=False)
        self.agent, self.clip, self.bonus = agent, clip, bonus

    def construct(self, seen, plan, old_log_p, advantage, old_values):
        log_p, values, doubt = (), (), 0.0
        for s in range(self.agent.slots):
            logits = self.agent.logits(s, seen[s])
            log_p = log_p + (log_probability(logits, plan[:, s]),)
            values = values + (self.agent.critic(s, seen[s]),)
            doubt = doubt + entropy(logits) / self.agent.slots
        centred = advantage - advantage.mean()
        scaled = centred / (ops.sqrt((centred * centred).mean()) + TINY)
        ratio = ops.exp(ops.concat(log_p, 1) - old_log_p)
        bounded = ops.clamp(ratio, 1.0 - self.clip, 1.0 + self.clip)
        gain = ops.minimum(ratio * scaled, bounded * scaled).mean()
        error = ops.concat(values, 1) - (advantage + old_values)
        return 0.5 * (error * error).mean() - gain - self.bonus * doubt, doubt
