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
"""The step-wise agent: what it sees, what its choices cost, what it draws; and how PPO sums up rewards."""

import numpy as np
import pytest
from mindspore import Tensor

from src.controllers.agent import Agent
from src.controllers.ppo import Surrogate, advantages, entropy, log_probability
from src.cost.bitops import CostModel, LayerCost

READS, WIDTHS, IMAGES = [(3, 4), (5, 4), (4, 2)], (2, 4, 8), 40
pytestmark = pytest.mark.usefixtures("pynative")


def costs() -> CostModel:
    macs = (700, 900, 150)
    dynamic = [LayerCost(f"{s}", m, 1, 1, WIDTHS, WIDTHS, s) for s, m in enumerate(macs)]
    return CostModel([LayerCost("first", 50, 1, 1, (8,), (8,)), *dynamic])


@pytest.fixture(params=[1, 2], ids=["tied", "apart"])
def agent(request):
    made, rng = Agent(READS, request.param, costs(), hidden=6, budget=0.3, critic=True), np.random.default_rng(1)
    for parameter in made.trainable_params():
        spread = parameter.shape if parameter.ndim > 1 else (1,)  # a bias is one number: choices then differ
        values = np.broadcast_to(rng.normal(size=spread), parameter.shape)
        parameter.set_data(Tensor(values.astype(np.float32)))
    return made


@pytest.fixture
def features():
    rng = np.random.default_rng(2)
    return [rng.normal(size=(IMAGES, c, side, side)).astype(np.float32) for c, side in READS]


def walk(agent, features, draws):
    """The last state of a pass, whose layers read `features`."""
    state = agent.begin(None, *map(Tensor, draws))
    for slot, x in enumerate(features):
        choice, state = agent.choose(slot, Tensor(x), state)
        np.testing.assert_array_equal(choice.asnumpy().sum(-1), 1)
    return state


def test_choices_follow_from_what_is_seen(agent, features):
    """By hand: means, budget and what is spent so far -> ReLU -> one dense layer for all slots."""
    state = walk(agent, features, agent.still(IMAGES))
    plan, cost = agent.plan(state).asnumpy(), costs()
    out = agent.actor.out
    for slot, x in enumerate(features):
        behind = np.zeros_like(plan.argmax(-1))
        behind[:, :slot] = plan.argmax(-1)[:, :slot]
        spent = (cost.of_plan(behind) - cost.with_dynamic_at(2)) / (cost.with_dynamic_at(8) - cost.with_dynamic_at(2))
        seen = np.concatenate([x.mean((2, 3)), np.full((IMAGES, 1), 0.3), spent[:, None]], 1)
        dense = agent.actor.project[slot]
        h = np.maximum(seen @ dense.weight.asnumpy().T + dense.bias.asnumpy(), 0)
        logits = (h @ out.weight.asnumpy().T + out.bias.asnumpy()).reshape(IMAGES, agent.columns, 3)
        np.testing.assert_array_equal(plan[:, slot].argmax(-1), logits.argmax(-1))
        soft = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
        np.testing.assert_allclose(agent.soft(state).asnumpy()[:, slot], soft, atol=1e-5)
    assert len(np.unique(plan.argmax(-1).reshape(IMAGES, -1), axis=0)) > 3


def test_what_is_spent_is_what_the_cost_model_says(agent, features):
    draws = agent.draw(np.random.default_rng(3), IMAGES)
    state = walk(agent, features, draws)
    cost, plan = costs(), agent.plan(state).asnumpy().argmax(-1)
    assert agent.in_bitops(0) == cost.with_dynamic_at(2) and agent.in_bitops(1) == cost.with_dynamic_at(8)
    shares = state[2].asnumpy()[:, 0]
    np.testing.assert_allclose(agent.cheapest + shares * agent.range, cost.of_plan(plan), rtol=1e-5)


def test_a_forced_candidate_wins_and_a_budget_changes_choices(agent, features):
    for k in range(3):
        state = walk(agent, features, agent.still(IMAGES, forced=k))
        assert (agent.plan(state).asnumpy().argmax(-1) == k).all()
    plans = []
    for agent.share in (0.0, 1.0):
        plans.append(agent.plan(walk(agent, features, agent.still(IMAGES))).asnumpy())
    assert (plans[0] != plans[1]).any()


def test_draws_repeat_with_the_seed_and_span_the_budgets(agent):
    (noise, budget), (again, _), (other, _) = (agent.draw(np.random.default_rng(s), 300) for s in (4, 4, 5))
    np.testing.assert_array_equal(noise, again)
    assert (noise != other).any() and noise.shape == (300, 3, agent.columns, 3)
    assert budget.min() < 0.05 and budget.max() > 0.95 and budget.dtype == np.float32
    for one, two in zip(agent.still(5), agent.still(5), strict=True):
        np.testing.assert_array_equal(one, two)


def test_noise_draws_from_the_softmax(agent, features):
    """Shares of one image's choices over many draws."""
    many = [np.repeat(x[:1], 4000, 0) for x in features]
    noise, _ = agent.draw(np.random.default_rng(6), 4000)
    state = walk(agent, many, (noise, np.full((4000, 1), 0.5, np.float32)))
    shares, soft = agent.plan(state).asnumpy()[:, 0].mean(0), agent.soft(state).asnumpy()[0, 0]
    np.testing.assert_allclose(shares, soft, atol=0.03)


def test_its_cost_is_that_of_the_actor_alone(agent):
    actor = sum(p.size for n, p in agent.parameters_and_names() if "actor.project" in n and n.endswith("weight"))
    assert agent.macs == actor + 3 * agent.actor.out.weight.size


def test_advantages_against_the_sum(agent):
    rng = np.random.default_rng(7)
    rewards, values = rng.normal(size=(2, 4, 5))
    delta = rewards + np.append(values[:, 1:], np.zeros((4, 1)), 1) - values
    expected = [sum(0.9 ** (i - s) * delta[:, i] for i in range(s, 5)) for s in range(5)]
    columns = [tuple(Tensor(a[:, s : s + 1].astype(np.float32)) for s in range(5)) for a in (rewards, values)]
    np.testing.assert_allclose(advantages(*columns, 0.9).asnumpy(), np.stack(expected, 1), rtol=1e-4)


def test_the_surrogate_by_hand(agent, features):
    """With the policy that drew, q = 1; after it has moved, q is clipped on the side that gains."""
    state = walk(agent, features, agent.draw(np.random.default_rng(8), IMAGES))
    _, _, _, seen, logits, choices = state
    old = np.concatenate([log_probability(y, c).asnumpy() for y, c in zip(logits, choices, strict=True)], 1)
    values = np.concatenate([agent.critic(s, x).asnumpy() for s, x in enumerate(seen)], 1)
    a = np.random.default_rng(9).normal(size=old.shape).astype(np.float32)
    scaled = (a - a.mean()) / a.std()
    doubt = np.mean([entropy(y).asnumpy() for y in logits])
    for moved in (0.0, 0.5):
        loss, told = Surrogate(agent, 0.2, 0.1)(seen, agent.plan(state), *map(Tensor, (old - moved, a, values)))
        q = np.exp(moved)
        gain = np.minimum(q * scaled, np.clip(q, 0.8, 1.2) * scaled).mean()
        assert float(told.asnumpy()) == pytest.approx(doubt, rel=1e-4)
        assert float(loss.asnumpy()) == pytest.approx(0.5 * (a * a).mean() - gain - 0.1 * doubt, rel=1e-3)
