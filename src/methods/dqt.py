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
"""DQT: nested integer codes, whose width a light controller picks for each image and layer.

    L = L_task + alpha sum over b in K' of L_task(all layers at b) + beta C                (eq. 11)
    C = mean over layers of sum_k p_k d_k,  p = softmax(controller),  d_k the width        (bits)

All layers between the first and the last are dynamic, over nested codes (quantizers/nested.py), so
that a lower width is a shift of the stored 8-bit code. The controller is a two-layer MLP on the
pooled image or the pooled stem features. K' is a random subset of the widths at each step.
Source: Shalby et al., "Dynamic Quantization Training", arXiv 2508.09176, eq. 3, 4 and 11. How the
choice is relaxed (hard Gumbel-softmax, falling temperature), the controller's input, K', C in
BitOPs as an option and tied widths are our choice.
"""

import numpy as np
from mindspore import Tensor, nn, ops

from src.config import Config, DqtConfig
from src.controllers.gumbel import hard_choice
from src.controllers.oneshot import OneShotHead
from src.cost.bitops import CostModel
from src.layers.spec import DYNAMIC, LayerInfo, LayerSpec, table_rows
from src.layers.swap import name_parameters, swap_layers
from src.methods.base import Method
from src.methods.budget import BudgetPenalty
from src.methods.rules import layer_costs, shared_specs


class DqtNetwork(nn.Cell):
    """(image, noise, keep, tau (1,), static (S, K)) -> (logits, plan (N, layers, columns, K)).

    In training also p, like the plan but soft, and, where S > 0, a tuple of S logits: of the whole
    network at the width that each row of `static` chooses.
    """

    def __init__(self, model: nn.Cell, head: OneShotHead, from_image: bool, subset: int):
        super().__init__()
        self.model, self.head = model, head
        self.from_image, self.subset = from_image, subset

    def construct(self, image, noise, keep, tau, static):
        features = self.model.stem(image, None)
        logits = self.head(image if self.from_image else features, keep)
        plan = hard_choice(logits, noise, tau)
        y = self.model.after_stem(features, plan)
        if not self.training:
            return y, plan
        p = ops.softmax(logits, -1)
        if self.subset == 0:
            return y, plan, p
        others = ()
        for s in range(self.subset):
            uniform = ops.tile(static[s].reshape((1, 1, 1, -1)), plan.shape[:3] + (1,))
            others = others + (self.model.after_stem(features, uniform),)
        return y, plan, p, others


class DqtDraws:
    """The host's randomness of a step: the head's, the temperature, and the static widths K'."""

    def __init__(self, head: OneShotHead, options: DqtConfig):
        self.head, self.options = head, options

    def draw(self, rng: np.random.Generator, images: int, progress: float) -> tuple:
        """(noise, keep, tau (1,), static (S, K)); the temperature falls geometrically with
        `progress`, 0..1."""
        noise, keep = self.head.draw(rng, images, progress)
        first, last = self.options.tau_start, self.options.tau_end
        tau = np.array([first * (last / first) ** progress], np.float32)
        count = len(self.options.candidates)
        chosen = np.sort(rng.choice(count, self.options.subset, replace=False))
        return noise, keep, tau, np.eye(count, dtype=np.float32)[chosen]

    def no_noise(self, images: int) -> tuple:
        """What evaluation uses instead."""
        static = np.zeros((self.options.subset, len(self.options.candidates)), np.float32)
        return *self.head.no_noise(images), np.ones(1, np.float32), static


class ExpectedCost(nn.Cell):
    """(plan, p) -> (beta C, mean bits, mean BitOPs, entropy); C of p, the others of the plan.

    Args:
        kind: `bits`: C is the mean width; `bitops`: BitOPs as a share of those at the largest width.
    """

    def __init__(self, cost: CostModel, widths: tuple[int, ...], beta: float, kind: str):
        super().__init__()
        self.monitor = BudgetPenalty(cost, widths, max(widths), 0.0, 0.0)
        self.beta, self.in_bits = beta, kind == "bits"
        self.bits = Tensor(np.array(widths, np.float32))

    def construct(self, plan, p):
        _, bits, bitops, entropy = self.monitor(plan)
        expected = (p * self.bits).sum(-1).mean() if self.in_bits else self.monitor.relative(p)
        return self.beta * expected, bits, bitops, entropy


def build_dqt(config: Config, model: nn.Cell, layers: list[LayerInfo], early_size: int) -> Method:
    """Turn a float model into a DQT network. The stem's features are as large as the first stage's."""
    options, quant = config.dqt, config.quant
    specs = _specs(layers, config)
    swap_layers(
        model,
        specs,
        signed_inputs={layer.name for layer in layers if layer.signed_input},
        per_channel=quant.per_channel,
        master=quant.master,
        truncate=quant.truncate,
        tied=options.tied,
    )
    widths, from_image = tuple(options.candidates), options.input == "image"
    head = OneShotHead(
        3 if from_image else model.design.channels[0],
        round((layers[0].inputs / 3) ** 0.5) if from_image else early_size,
        layers=sum(spec.kind == DYNAMIC for spec in specs.values()),
        columns=1 if options.tied else 2,
        choices=len(widths),
        pool=options.pool,
        hidden=options.hidden,
        dropout=0.0,
        relu=True,
    )
    for parameter in head.trainable_params():
        parameter.lr_scale = options.head_lr
    network = DqtNetwork(model, head, from_image, options.subset)
    name_parameters(network)
    cost = CostModel(layer_costs(layers, specs), head.macs)
    penalty = ExpectedCost(cost, widths, options.beta, options.cost)
    return Method(
        "dqt", network, table_rows(layers, specs), cost, widths, penalty, DqtDraws(head, options),
        targets={"budget_bits": max(widths), "budget_bitops": penalty.monitor.target_bitops},
        consistency=options.alpha if options.subset else 0.0,
    )  # fmt: skip


def _specs(layers: list[LayerInfo], config: Config) -> dict[str, LayerSpec]:
    specs = shared_specs(layers, config.quant)
    widths = tuple(config.dqt.candidates)
    dynamic = [layer for layer in layers if layer.name not in specs]
    for slot, layer in enumerate(dynamic):
        specs[layer.name] = LayerSpec(DYNAMIC, "chosen per image", "nested", widths, widths, slot)
    return specs
