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
"""DQNet: a light controller after the first group of blocks picks every layer's width for each image.

    f = stem and first group (static width t)
    m = hard Gumbel-softmax of head(f)                 one-hot over the candidates, per layer
    y = the other groups at the chosen widths
    L = CE + alpha max(0, mean bits - t) + alpha' max(0, BitOPs / BitOPs(t) - 1)
        + gamma (1 - I)                         (ours, see budget.py; gamma: `dqnet.diversity`)

Groups 2.. are dynamic; first group and shortcuts are static at t; stem and classifier are float or
8 bits. Network and controller are trained together.
Source: Liu et al., "Instance-Aware Dynamic Neural Network Quantization", CVPR 2022, and the
authors' current code (per-layer decisions). The BitOPs hinge follows the paper's description of its
constraint; its normalisation is our choice, and so are the term in I and a controller that sees
the image itself in place of f.
"""

from dataclasses import dataclass

from src.controllers.oneshot import OneShotHead
from src.cost.bitops import CostModel
from src.errors import UserError
from src.keys import WIDTHS, Config, key
from src.layers.spec import DYNAMIC, LayerInfo, LayerSpec, table_rows
from src.methods.base import FloatNet, Method, Stage, System
from src.methods.budget import BudgetPenalty
from src.methods.counterfactual import CounterfactualKeys, with_counterfactual
from src.methods.priced import LatencyKeys, price_of
from src.methods.rules import count_slots, layer_costs, quantise, shared_specs, static_spec
from src.methods.widths import check_candidates, check_master, master_of
from src.models.network import Network


@dataclass
class DqnetOptions(LatencyKeys, CounterfactualKeys):
    target: int = key(
        4, "budget in mean bits; also the width of static layers, and the centre of the default candidates",
        low=WIDTHS[0], high=WIDTHS[1],
    )  # fmt: skip
    candidates: list | None = key(
        None, "widths the controller picks from; null: target-1, target, target+1"
    )
    input: str = key(
        "features", "what the controller sees: features (of the first stage) | image",
        choices=("features", "image"),
    )  # fmt: skip
    scope: str = key(
        "layer", "layer: one choice per layer; network: one for the whole net (first release)",
        choices=("layer", "network"),
    )  # fmt: skip
    tied: bool = key(True, "weights and activations of a layer share the choice")
    alpha_bits: float = key(0.05, "weight of max(0, mean bits - target)", low=0.0)
    alpha_bitops: float = key(0.0, "weight of max(0, BitOPs / BitOPs at target - 1)", low=0.0)
    diversity: float = key(
        0.0,
        "weight of 1 - mutual information of image and width: keeps widths dependent on the image",
        low=0.0,
    )
    tau: float = key(1.0, "Gumbel-softmax temperature", low=1e-3)
    pool: int = key(8, "controller input is pooled to pool x pool", low=1, high=64)
    hidden: int = key(64, "units between the controller's two dense layers", low=1)
    dropout: float = key(0.2, "between them, in training", low=0.0, high=0.99)
    head_relu: bool = key(False, "ReLU between them (the authors' code has none)")
    head_lr: float = key(
        1.0,
        "the controller's learning rate as a multiple of train.lr; small ones collapse less",
        low=0.0,
    )
    execution: str = key(
        "auto",
        "evaluation without native kernels: mixture (K branches and a mask) | selected (only the "
        "chosen one) | auto (selected while small); training: always mixture",
        choices=("auto", "mixture", "selected"),
    )
    sample: bool = key(False, "evaluation draws the widths (Gumbel) instead of arg-max")

    def check(self) -> None:
        widths = self.candidates
        if widths is None:
            widths = [self.target - 1, self.target, self.target + 1]
        hint = "; empty: target-1, target, target+1 of dqnet.target"
        check_candidates("dqnet.candidates", widths, hint)
        if not widths[0] <= self.target <= widths[-1]:
            raise UserError(f"dqnet.target={self.target} lies outside dqnet.candidates={widths}")
        self.candidates = widths


class Dqnet(Method):
    options = DqnetOptions

    @staticmethod
    def check(config: Config) -> None:
        widest = {"dqnet.candidates": max(config.dqnet.candidates)}
        check_master(config.quant.quantizer, config.quant, widest)

    @staticmethod
    def stages(config: Config) -> list[Stage]:
        return with_counterfactual(Method.stages(config), config)

    @staticmethod
    def build(config: Config, float_net: FloatNet) -> System:
        options, layers = config.dqnet, float_net.layers
        specs = _specs(layers, config)
        if not count_slots(specs):
            raise UserError(
                f"method.name=dqnet chooses for the layers behind part 1; {config.model.name} has none, "
                "but for its classifier and quant.exceptions; give the model a part 2, or use another method"
            )
        quantise(float_net, specs, config.quant, options.tied, options.execution)
        widths = tuple(options.candidates)
        split, from_image = float_net.split_after(part=1), options.input == "image"
        head = OneShotHead(
            *float_net.seen(split, from_image),
            slots=count_slots(specs),
            columns=1 if options.tied else 2,
            choices=len(widths),
            pool=options.pool,
            hidden=options.hidden,
            dropout=options.dropout,
            relu=options.head_relu,
            shared=options.scope == "network",
            tau=(options.tau, options.tau),
        )
        for parameter in head.trainable_params():
            parameter.lr_scale = options.head_lr
        network = Network(float_net.backbone, head, split, from_image)
        cost = CostModel(layer_costs(layers, specs), head.macs)
        monitor = BudgetPenalty(
            cost, widths, options.target, options.alpha_bits, options.alpha_bitops, options.diversity,
            price_of(cost, "dqnet.latency", options.latency, head.columns),
        )  # fmt: skip
        return System(
            "dqnet", network, table_rows(layers, specs), cost, widths, monitor, head, options.sample,
            {"budget_bits": options.target, "budget_bitops": monitor.target_bitops},
            master=master_of(config.quant.quantizer, config.quant),
            against_collapse="lower dqnet.alpha_bits or dqnet.head_lr, or raise dqnet.diversity",
        )  # fmt: skip


def _specs(layers: list[LayerInfo], config: Config) -> dict[str, LayerSpec]:
    specs = shared_specs(layers, config.quant)
    quantizer, target = config.quant.quantizer, config.dqnet.target
    widths = tuple(config.dqnet.candidates)
    slot = 0
    for layer in layers:
        if layer.name in specs:
            continue
        if layer.part == 1 or layer.is_shortcut:
            why = "shortcut" if layer.is_shortcut else "first stage, before the controller"
            specs[layer.name] = static_spec(quantizer, target, target, why)
        else:
            why = "chosen per image"
            specs[layer.name] = LayerSpec(DYNAMIC, why, quantizer, widths, widths, slot)
            slot += 1
    return specs
