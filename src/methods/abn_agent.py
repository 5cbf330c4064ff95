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
"""How ABN's agent learns: on the frozen super-network, from images that the network has not learned from.

An episode is an image, at a budget B drawn from the whole range, and a price lambda that follows from B:

    return = result - lambda(B) cost,   lambda(B) = high (low / high)^B
    result: how alike the answer is to that at the largest widths, sum over classes of min(p, p_largest)
            (`abn.result=likeness`); or the probability that the network gives the image's class
            (`probability`); or 1 where it answers it, else 0 (`right`)
    cost: BitOPs above the cheapest plan, as a share of the range to the dearest, by the cost model

`abn.agent=ppo`: each layer's reward is - lambda times its own cost; the last one also gets the result
less the result with all layers at their largest width, which no choice changes: a baseline that takes
away what an image earns under any plan. Likeness tells most: one layer's width moves every answer a
little, but the class of few images, and of those at random.

`abn.agent=counterfactual`, a supervised form: with the network frozen, what a choice is worth is known
exactly. Of each image one layer is drawn, and the image runs with that layer, and the `abn.horizon` - 1
behind it, at each width k, the others choosing as they do; the logits of the layer drawn learn by regression
what each width is worth,

    worth_k = result - lambda cost with these layers at width k
    L = 1/2 mean over images and k of (logit_k - sharp (worth_k - mean_k worth_k) / u)^2

u being the deviation over the batch: so it takes the width of the largest worth to be expected, and an
image whose widths are worth the same says little. One layer alone hardly shows in an answer; all that
follow do, and each of them may still choose otherwise: a rollout of the policy "this width from here on".

ABN's paper publishes neither reward nor algorithm: PPO, price and both forms are our choice (PRANCE, of
the same first author, uses PPO).
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
from mindspore import Tensor, nn, ops

from src.controllers.agent import BUDGETS
from src.controllers.gumbel import forcing_noise
from src.controllers.ppo import TINY, Surrogate, advantages, entropy, log_probability
from src.keys import Section, key
from src.methods.base import HELD_OUT, Stage, System
from src.methods.counterfactual import is_of_controller
from src.parameters import assign

PPO, COUNTERFACTUAL = "ppo", "counterfactual"
LIKENESS, PROBABILITY, RIGHT = "likeness", "probability", "right"
SHARP = 16.0  # logits of a worth that deviates by u; a fraction of it can be foreseen

# A run of the super-network may be resumed to train an agent, then or again.
later = partial(key, resumable=True)


@dataclass
class AgentOptions(Section):
    """The agent's part of the section of a method that trains one."""

    agent: str = later(
        PPO, "how the agent learns: ppo | counterfactual (from each image's result at each width)",
        choices=(PPO, COUNTERFACTUAL)
    )  # fmt: skip
    agent_epochs: int = later(
        0, "epochs of the agent, the network being frozen; 0: no agent", low=0
    )
    agent_lr: float = later(0.005, "its learning rate", low=0.0)
    agent_hidden: int = key(32, "units of the agent at each layer", low=1)
    budget: float = later(
        0.5, "of evaluation, as a share of the way from the cheapest plan to the dearest", low=0.0, high=1.0
    )  # fmt: skip
    result: str = later(
        LIKENESS, "what an answer is worth: likeness (to that at the largest widths) | probability (of the "
        "image's class) | right (1, else 0)", choices=(LIKENESS, PROBABILITY, RIGHT)
    )  # fmt: skip
    price_high: float = later(0.3, "price of the whole range of cost at budget 0 ...", low=1e-6)
    price_low: float = later(0.003, "... and at budget 1, falling geometrically between", low=1e-6)
    updates: int = later(4, "ppo: updates of the agent from each batch of episodes", low=1)
    clip: float = later(0.2, "ppo: how far the probability of a choice may move from batch to batch", low=0.0)
    horizon: int = later(
        0, "counterfactual: layers, from the drawn one on, that run at the width judged; 0: all that follow",
        low=0,
    )  # fmt: skip
    trace: float = later(0.95, "ppo: decay of what a later layer says of an earlier choice", low=0.0, high=1.0)
    bonus: float = later(0.003, "ppo: weight of the entropy of the agent's choices", low=0.0)


def agent_stage(options: AgentOptions, builds: str, build) -> Stage:
    """The stage that trains the agent of what `build` makes of a float network; nothing else learns."""
    is_ppo = options.agent == PPO
    return Stage(
        "agent", builds, options.agent_epochs, options.agent_lr, "agent.ckpt", build,
        train={
            "optimizer": "adamw", "weight_decay": 0.0, "clip_norm": 0.5 if is_ppo else 5.0, "distill_weight": 0.0,
        },
        learns=is_of_controller,
        images=HELD_OUT,
        keeps_statistics=True,
        objective=partial(PpoObjective if is_ppo else CounterfactualObjective, options),
        experience=partial(PpoEpisodes if is_ppo else Counterfactuals, options),
        updates=options.updates if is_ppo else 1,
        measure=measure_spending,
    )  # fmt: skip


def measure_spending(system: System, answers) -> None:
    """Note what the agent spends at each budget; answers(): to the images that tell, with their `bitops`."""
    agent, share, spent = system.controller, system.controller.share, []
    for agent.share in BUDGETS.tolist():
        spent.append((answers().bitops.mean() - agent.cheapest) / agent.range)
    agent.share = share
    assign(agent.spends, np.array(spent, np.float32))


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

    def numbers(self, logits, label, state, earned):
        """The scalars of a step, but for what its update gives."""
        agent = self.agent
        right = (logits.argmax(1).astype(label.dtype) == label).astype(logits.dtype).sum()
        told = self.monitor(agent.plan(state), agent.soft(state))
        return right, told["mean_bits"], told["bitops"], told["entropy"], earned.mean()


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
        numbers = self.numbers(logits, label, state, result - price * spent)
        advantage = advantages(rewards, values, self.trace)
        learned = (agent.plan(state), ops.concat(log_p, 1), advantage, ops.concat(values, 1))
        return seen + learned + numbers


class PpoObjective(nn.Cell):
    """(seen of each slot, plan, log-probabilities, advantages, values, numbers) -> the `scalars`."""

    scalars = ("loss", "right", "mean_bits", "bitops", "entropy", "return", "doubt")

    def __init__(self, options: AgentOptions, system: System, task_loss=None, teacher=None):
        super().__init__(auto_prefix=False)
        self.slots = system.controller.slots
        self.surrogate = Surrogate(system.controller, options.clip, options.bonus)

    def construct(self, *values):
        n = self.slots
        loss, doubt = self.surrogate(
            values[:n], values[n], values[n + 1], values[n + 2], values[n + 3]
        )
        return (loss,) + values[n + 4 :] + (doubt,)


class Counterfactuals(Episodes):
    """(image, label, noise, budget) -> what `CounterfactualObjective` takes."""

    def __init__(self, options: AgentOptions, system: System):
        super().__init__(options, system)
        slots = self.agent.slots
        behind = np.arange(slots) - np.arange(slots)[:, None]
        reached = (behind >= 0) & (behind < (options.horizon or slots))
        self.reached = Tensor(reached.astype(np.float32))  # from each layer drawn, the layers judged with it

    def construct(self, image, label, noise, budget):
        price, worth, widest = self.price(budget), (), self.widest(image, budget)
        # The noise draws the layer, too: that of the largest value of its first candidate.
        drawn = ops.one_hot(noise[:, :, 0, 0].argmax(1), self.agent.slots, Tensor(1.0), Tensor(0.0))
        there = ops.matmul(drawn, self.reached).reshape((-1, self.agent.slots, 1, 1))
        for k in range(self.agent.choices):
            logits, state = self.play(image, noise + there * self.forced[k], budget)
            worth = worth + (self.result(logits, label, widest) - price * state[2],)
        worth = ops.concat(worth, 1)
        logits, state = self.play(image, noise, budget)
        earned = self.result(logits, label, widest) - price * state[2]
        return state[3] + (drawn, worth) + self.numbers(logits, label, state, earned)


class CounterfactualObjective(nn.Cell):
    """(seen of each slot, one-hot layer drawn (N, slots), worth (N, K), numbers) -> the `scalars`."""

    scalars = PpoObjective.scalars

    def __init__(self, options: AgentOptions, system: System, task_loss=None, teacher=None):
        super().__init__(auto_prefix=False)
        self.agent = system.controller

    def construct(self, *values):
        n = self.agent.slots
        drawn, worth = values[n], values[n + 1]
        better = worth - worth.mean(1, keep_dims=True)
        better = SHARP * better / (ops.sqrt((better * better).mean()) + TINY)
        better = better.reshape((-1, 1, self.agent.choices))
        loss, doubt = 0.0, 0.0
        for s in range(n):
            logits = self.agent.logits(s, values[s])
            error = logits - better
            loss = loss + 0.5 * (drawn[:, s].reshape((-1, 1, 1)) * error * error).mean()
            doubt = doubt + entropy(logits) / n
        return (loss,) + values[n + 2 :] + (doubt,)
