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
"""The agent of ABN learns a made-up environment whose best policy is known, in both forms."""

from types import SimpleNamespace

import numpy as np
import pytest
from mindspore import Tensor

from src.controllers.agent import BUDGETS
from src.controllers.gumbel import forcing_noise
from src.errors import UserError
from src.keys import TrainConfig
from src.methods.abn_agent import agent_stage, measure_spending
from src.methods.agent_counterfactual import SHARP, CounterfactualObjective
from src.methods.agent_options import AgentOptions
from src.runtime import Runtime
from src.train.optimizers import build_optimizer
from src.train.step import build_step, with_experience
from tests.methods.made_up import made_up

IMAGES = 64


def batch(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    image = np.zeros((IMAGES, 2, 2, 2), np.float32)
    label = rng.integers(2, size=IMAGES)
    image[:, 0] = rng.integers(2, size=(IMAGES, 1, 1))
    image[:, 1] = 2 * label[:, None, None] - 1
    return image, label.astype(np.int32)


class Learner:
    """A system with the step that its stage trains it by."""

    def __init__(self, form: str, **options):
        self.system = made_up()
        self.options = AgentOptions(agent=form, horizon=1, price_high=0.5, price_low=0.1, agent_lr=0.02, **options)
        stage = agent_stage(self.options, "abn", None)
        objective = stage.objective(self.system, None, None).set_train(True)
        learned = [p for p in self.system.network.trainable_params() if stage.learns(p.name)]
        train, runtime = TrainConfig(**stage.train), Runtime("CPU", native=False)
        update = build_step(objective, build_optimizer(learned, train, [stage.lr] * 500), train, runtime)
        self.draws = stage.draws(self.system)
        self.experience = stage.experience(self.system).set_train(False)
        self.names = (*objective.scalars, "norm")
        self.step = with_experience(update, self.experience, stage.updates)

    def train(self, rng: np.random.Generator, steps: int) -> dict[str, float]:
        """The scalars of the last step."""
        for _ in range(steps):
            outputs = self.step(*map(Tensor, (*batch(rng), *self.draws.draw(rng, IMAGES, 0.0))))
        return {name: float(y.asnumpy()) for name, y in zip(self.names, outputs, strict=True)}

    def mean_return(self, image, label, budget, choose=None) -> float:
        """By the cost model, of the agent's arg-max, or of the plans (N, 3, 1) that all images are given."""
        noise = forcing_noise(choose, (IMAGES, 3, 1, 3))
        logits, plan = self.system.answer(image, (noise, budget))
        cost = self.system.cost.of_plan(plan.argmax(-1)) - self.system.cost.uniform(2)
        price = self.options.price_high * (self.options.price_low / self.options.price_high) ** budget[:, 0]
        return float(((logits.argmax(1) == label) - price * cost / 1200).mean())


@pytest.fixture
def batches():
    return np.random.default_rng(0)


@pytest.mark.parametrize(("form", "steps", "needed"), [("ppo", 25, [0, 2, 0]), ("counterfactual", 60, [0, 2, 0])])
def test_it_learns_the_best_policy(form, steps, needed, batches):
    """The largest width where a hard image needs it, and nowhere else."""
    learner = Learner(form)
    learner.train(batches, steps)
    image, label = batch(batches)
    budget = batches.random((IMAGES, 1), np.float32)
    hard = image[:, 0, 0, 0].astype(int)
    best = (hard[:, None] * np.array(needed))[..., None]
    reached, most = (learner.mean_return(image, label, budget, plans) for plans in (None, best))
    assert 0.95 * most <= reached <= most + 1e-6
    assert learner.mean_return(image, label, budget, np.full((IMAGES, 3, 1), 1)) < 0.6


def test_an_episode_costs_what_the_cost_model_says(batches):
    learner = Learner("ppo", updates=1)
    image, label = batch(batches)
    noise, budget = learner.system.drawn(batches, IMAGES, True)
    *_, right, _, bitops, _, earned = learner.experience(*map(Tensor, (image, label, noise, budget)))
    logits, plan = learner.system.answer(image, (noise, budget))
    cost = learner.system.cost.of_plan(plan.argmax(-1))
    assert float(bitops.asnumpy()) == pytest.approx(cost.mean())
    assert int(right.asnumpy()) == (logits.argmax(1) == label).sum()
    price = 0.5 * 0.2 ** budget[:, 0]
    p = 1 / (1 + np.exp(-np.where(label == 1, 1, -1) * (logits[:, 1] - logits[:, 0])))
    expected = (p - price * (cost - 400) / 1200).mean()
    assert float(earned.asnumpy()) == pytest.approx(expected, abs=1e-6)


def test_the_logits_of_the_layer_drawn_learn_what_each_width_is_worth(pynative):
    """By hand; what all widths of an image are worth alike says nothing of its choice."""
    system, rng = made_up(), np.random.default_rng(4)
    objective = CounterfactualObjective(None, system)
    seen = [Tensor(rng.normal(size=(5, 4)).astype(np.float32)) for _ in range(3)]
    drawn, worth = np.eye(3, dtype=np.float32)[[0, 1, 1, 2, 0]], rng.normal(size=(5, 3)).astype(np.float32)
    logits = np.stack([system.controller.logits(s, x).asnumpy()[:, 0] for s, x in enumerate(seen)], 1)
    better = worth - worth.mean(1, keepdims=True)
    target = SHARP * better / np.sqrt((better**2).mean())
    error = logits[np.arange(5), drawn.argmax(1)] - target
    for shift in (0, rng.normal(size=(5, 1)).astype(np.float32)):
        loss = objective(*seen, Tensor(drawn), Tensor(worth + shift), *[Tensor(0.0)] * 5)[0]
        assert float(loss.asnumpy()) == pytest.approx((error**2).mean() / 2, rel=1e-4)


def test_what_it_spends_is_measured_at_each_budget_as_a_share_of_the_range():
    system, given = made_up(), []
    agent, own = system.controller, system.controller.share

    def answers():
        given.append(agent.share)
        return SimpleNamespace(bitops=agent.cheapest + agent.range * np.array([agent.share**2, 0.0]))

    measure_spending(system, answers)
    np.testing.assert_array_equal(np.float32(given), BUDGETS)
    np.testing.assert_allclose(agent.spends.asnumpy(), BUDGETS**2 / 2, atol=1e-6)
    assert agent.share == own


def test_a_measurement_that_fails_leaves_the_budget_as_it_was():
    system = made_up()
    own = system.controller.share

    def answers():
        raise UserError("the logits are not finite")

    with pytest.raises(UserError):
        measure_spending(system, answers)
    assert system.controller.share == own


def test_the_layer_that_is_judged_is_drawn_apart_from_the_widths():
    """Else the agent's own pass would lean to some width there, and its numbers with it."""
    draws = Learner("counterfactual").draws
    noise, budget, layer = draws.draw(np.random.default_rng(0), 9000, 0.0)
    assert layer.shape == (9000, 3) and layer.dtype == np.float32
    np.testing.assert_array_equal(layer.sum(1), 1)
    np.testing.assert_allclose(layer.mean(0), 1 / 3, atol=0.02)
    widths = noise[:, :, 0].argmax(-1)[layer.astype(bool)]
    np.testing.assert_allclose(np.bincount(widths) / 9000, 1 / 3, atol=0.02)
    assert abs(np.corrcoef(budget[:, 0], layer.argmax(1))[0, 1]) < 0.03
    (own,) = draws.passes((noise, budget, layer))
    assert own[0] is noise and own[1] is budget and len(own) == 2
    for one, other in zip(draws.draw(np.random.default_rng(0), 9000, 0.0), (noise, budget, layer), strict=True):
        np.testing.assert_array_equal(one, other)
