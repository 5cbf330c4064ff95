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
"""What an image would gain from more bits, taught to a one-shot head.

    k*(n) = argmin over k of CE(image n, all layers at width k) + lambda cost_k / cost_K
    L = mean over images and layers of -log p(k*(n))

A stage of its own behind the published training: the network stands still, so that the loss of each
image at each width is known exactly, and the images are held out from its training, since the losses
of images that it has learned by heart tell nothing. Source: our choice; learning a choice from the
exact results of all its outcomes is the full-information form of a contextual bandit.
"""

import dataclasses
from dataclasses import dataclass

import numpy as np
from mindspore import Tensor, nn, ops

from src.keys import Config, Section, key
from src.methods.base import HELD_OUT, Draws, Stage, StepDraws, System
from src.methods.budget import TINY


@dataclass
class CounterfactualKeys(Section):
    """The keys of a method that has this stage."""

    counterfactual_epochs: int = key(
        0, "epochs on held-out images that teach the controller each image's loss at each width; 0: as "
        "published", low=0, resumable=True,
    )  # fmt: skip
    counterfactual_price: float = key(
        0.1, "lambda: what the BitOPs of the widest plan cost, in units of the loss",
        low=0.0, resumable=True,
    )
    counterfactual_lr: float = key(0.01, "peak learning rate of these epochs", low=0.0, resumable=True)


def with_counterfactual(stages: list[Stage], config: Config) -> list[Stage]:
    """The stages of a method, and this one behind them where its options ask for it."""
    name = config.method.name
    options = getattr(config, name)
    if options.counterfactual_epochs == 0:
        return stages
    before = dataclasses.replace(stages[-1], leaves="published.ckpt")
    last = Stage(
        "counterfactual",
        name,
        options.counterfactual_epochs,
        options.counterfactual_lr,
        learns=is_of_controller,
        images=HELD_OUT,
        keeps_statistics=True,
        draws=lambda system: ForcedAndFree(system.draws, len(system.widths)),
        objective=lambda system, task_loss, teacher: Counterfactual(
            system, options.counterfactual_price
        ),
        keys=(f"{name}.counterfactual_epochs", f"{name}.counterfactual_lr"),
    )
    return [*stages[:-1], before, last]


def is_of_controller(name: str) -> bool:
    """Whether a parameter is the controller's."""
    return name.startswith("controller.")


class ForcedAndFree(StepDraws):
    """What the network takes at each width throughout, one after the other, and then what it takes when
    the controller chooses."""

    def __init__(self, draws: Draws, choices: int):
        super().__init__(draws)
        self.choices = choices

    def draw(self, rng: np.random.Generator, images: int, done: float) -> tuple:
        ways = [*range(self.choices), None]
        return tuple(array for way in ways for array in self.draws.still(images, way))

    def passes(self, drawn: tuple) -> list[tuple]:
        each = len(drawn) // (self.choices + 1)
        return [drawn[k * each : (k + 1) * each] for k in range(self.choices + 1)]


class Counterfactual(nn.Cell):
    """(image, label, *draws of `ForcedAndFree`) -> the scalars of train/step.py's `Objective`."""

    scalars = ("loss", "right", "mean_bits", "bitops", "entropy")

    def __init__(self, system: System, price: float):
        super().__init__(auto_prefix=False)
        self.network, self.monitor, self.choices = system.network, system.monitor, len(system.widths)
        costs = np.array([system.cost.uniform(bits) for bits in system.widths], np.float64)
        self.prices = Tensor((price * costs / costs[-1]).astype(np.float32))

    def construct(self, image, label, *draws):
        each = len(draws) // (self.choices + 1)
        features = ops.stop_gradient(self.network.before(image))
        losses, right = [], []
        for k in range(self.choices):
            logits = self.network(image, *draws[k * each : (k + 1) * each])["logits"]
            losses.append(ops.cross_entropy(logits, label, reduction="none"))
            right.append((logits.argmax(1).astype(label.dtype) == label).astype(logits.dtype))
        best = (ops.stop_gradient(ops.stack(losses, 1)) + self.prices).argmin(1)  # (N,)
        controller = self.network.controller
        state = self.network.begin(image, features, *draws[self.choices * each :][: controller.inputs])
        soft, plan = controller.soft(state), controller.plan(state)  # (N, slots, columns, K)
        target = ops.one_hot(best, self.choices).reshape((-1, 1, 1, self.choices))
        # Not ops.log, whose last bit depends on how threads share a tensor out (budget.py).
        loss = -ops.xlogy(target, soft + TINY).sum(-1).mean()
        numbers = self.monitor(plan, soft)
        chosen = plan.mean((1, 2))  # of an image: the share of its layers at each width
        hit = (chosen * ops.stack(right, 1)).sum()
        return loss, hit, numbers["mean_bits"], numbers["bitops"], numbers["entropy"]

    def set_train(self, mode: bool = True):
        """The network always runs as in evaluation."""
        super().set_train(mode)
        self.network.set_train(False)
        return self
