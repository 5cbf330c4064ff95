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
"""The step-wise agent: before each dynamic layer it picks that layer's widths, from what it then sees.

    state    p = mean over pixels of the layer's input (C,);  B = the image's budget;  S = spent so far
    logits   W relu(U_s p + u_s B + v_s S + b_s) + c       U, u, v, b of each slot s; W, c of all slots
    choice   arg-max of the logits (in training: plus Gumbel noise, which draws from their softmax)

B and S are shares of the range from the cheapest plan (0) to the dearest (1), by the cost model's prices:
what is left is B - S. B is an input of a pass, so that one agent serves all budgets. It is what the agent
aims at on average over images and no cap of any of them: a hard image may take what easy ones leave, and
no choice is masked. The rest of a layer's description (its place, its MACs) is the same for every image
and so part of b_s.

The critic, which training alone needs, is as the actor with one output: what is still to be earned.

Source: ABN (Tang et al., ACM MM 2022) has an agent that decides layer by layer at run time; its state, its
network and how it minds a budget are not published. All of the above is our choice.
"""

import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from src.controllers.base import INPUT, Controller, Decision, Purse
from src.controllers.gumbel import draw_gumbel, forcing_noise
from src.cost.bitops import PlanCost
from src.cost.spending import Spending

BUDGETS = np.linspace(0, 1, 17, dtype=np.float32)  # shares at which its spending is measured


class Steps(nn.Cell):
    """(slot, seen (N, C of the slot + 2)) -> (N, outputs): a dense layer of each slot, then one of all."""

    def __init__(self, channels: list[int], hidden: int, outputs: int):
        super().__init__()
        self.project = nn.CellList([nn.Dense(c + 2, hidden) for c in channels])
        self.out = nn.Dense(hidden, outputs)

    def construct(self, slot, seen):
        return self.out(ops.relu(self.project[slot](seen)))


class Agent(Controller):
    """(features, noise (N, slots, columns, K), budget (N, 1)) -> choices, one slot after the other.

    Args:
        reads: channels and side of what the layer of each slot reads.
        columns: see `Controller`.
        cost: prices its choices.
        hidden: units of each slot.
        budget: of evaluation, as a share of the range, 0..1.
        critic: it has one, to be trained.

    Attributes:
        share: the budget of evaluation; may be changed.
        spends: of each of BUDGETS, the share that is spent on average; stored with what it has learned.
    """

    inputs = 2
    learns = False

    def __init__(
        self, reads: list[tuple[int, int]], columns: int, cost: PlanCost, *,
        hidden: int = 32, budget: float = 0.5, critic: bool = False,
    ):  # fmt: skip
        super().__init__(len(reads), columns, len(cost.dynamic[0].w_bits))
        self.reads, self.hidden, self.share = reads, hidden, budget
        prices = [cost.prices(slot, columns) for slot in range(self.slots)]
        self.extras = [price - price.min() for price in prices]  # BitOPs, K along each column
        self.cheapest = cost.fixed() + sum(int(price.min()) for price in prices)
        self.range = sum(int(extra.max()) for extra in self.extras)
        self.shares = [Tensor((e / self.range).astype(np.float32)) for e in self.extras]
        self.spends = Parameter(Tensor(BUDGETS), requires_grad=False)
        channels = [c for c, _ in reads]
        self.actor = Steps(channels, hidden, columns * self.choices)
        self.critic = Steps(channels, hidden, 1) if critic else None

    def begin(self, x, noise, budget):
        """State: noise, budget, what is spent (N, 1); of each slot so far what was seen, logits, choice."""
        return noise, budget, ops.zeros_like(budget), (), (), ()

    def choose(self, slot, x, state):
        noise, budget, spent, seen, logits, plan = state
        own_seen = ops.concat((x.mean((2, 3)), budget, spent), 1)
        own = self.logits(slot, own_seen)
        largest = (own + noise[:, slot]).argmax(-1)
        choice = ops.one_hot(largest, self.choices, Tensor(1.0), Tensor(0.0))
        spent = spent + self.extra(slot, choice)
        return choice, (noise, budget, spent, seen + (own_seen,), logits + (own,), plan + (choice,))

    def plan(self, state):
        return ops.stack(state[5], 1)

    def soft(self, state):
        return ops.softmax(ops.stack(state[4], 1), -1)

    def logits(self, slot, seen):
        """(N, columns, K) from what is seen at a slot."""
        return self.actor(slot, seen).reshape((-1, self.columns, self.choices))

    def extra(self, slot, choice):
        """What a choice (N, columns, K) costs above the cheapest one, as a share of the range: (N, 1)."""
        extra = ops.matmul(choice[:, 0], self.shares[slot])  # (N,), or (N, K) by the inputs' choice
        if self.columns > 1:
            extra = (extra * choice[:, 1]).sum(-1)
        return extra.reshape((-1, 1))

    @property
    def macs(self) -> int:
        return sum(self.hidden * (c + 2 + self.columns * self.choices) for c, _ in self.reads)

    def draw(self, rng: np.random.Generator, images: int, done: float = 0.0) -> tuple:
        """Gumbel noise, and for each image a budget from the whole range."""
        noise = draw_gumbel(rng, (images, self.slots, self.columns, self.choices))
        return noise, rng.random((images, 1), np.float32)

    def still(self, images: int, forced: int | np.ndarray | None = None) -> tuple:
        """Arg-max at the budget of evaluation; forced candidates win every arg-max."""
        noise = forcing_noise(forced, (images, self.slots, self.columns, self.choices))
        return noise, np.full((images, 1), self.share, np.float32)

    def in_bitops(self, share: float) -> int:
        """A budget as BitOPs of an image."""
        return self.cheapest + int(np.floor(share * self.range + 0.5))

    def keep_to(self, budget: float) -> bool:
        """From now on spend so many BitOPs on an image, on average over images like those held out.

        Raises:
            UserError: less than it ever spends.
        """
        self.share = (self.spending.give(budget) - self.cheapest) / self.range
        return True

    @property
    def spending(self) -> Spending:
        """As it was measured after training."""
        spent = self.cheapest + self.spends.asnumpy().astype(np.float64) * self.range
        return Spending(tuple(self.in_bitops(float(b)) for b in BUDGETS), tuple(spent.tolist()))

    def decisions(self) -> list[Decision]:
        prices = np.stack([e.reshape(self.choices, -1) for e in self.extras])
        out = self.actor.out.weight.asnumpy(), self.actor.out.bias.asnumpy(), False
        found = []
        for slot, dense in enumerate(self.actor.project):
            weight, bias = dense.weight.asnumpy(), dense.bias.asnumpy()
            budget = self.in_bitops(self.share)
            purse = Purse(budget, self.cheapest, self.range, prices, weight[:, -2], weight[:, -1])
            layers = ((weight[:, :-2].copy(), bias, True), out)
            found.append(Decision(slot, 1, False, INPUT, self.reads[slot][1], 1, layers, purse))
        return found
