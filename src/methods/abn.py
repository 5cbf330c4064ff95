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
"""ABN: one weight-shared super-network that runs at any width of any layer.

    L = L_task(plan 1) + c sum over the other plans p of ((1 - d) L_task(p) + d T^2 KL(plan 1 || p))

Each step runs several plans (`abn.passes`): by default all layers at the largest width, all at the
smallest, and a random width for each layer. All layers between the first and the last are dynamic.
A width has its own step (`quant.quantizer=lsq`) or is the rounded top bits of one stored code
(`nested`), and its own normalisation (`abn.norm=per_width`).
Source: Tang et al., "Arbitrary Bit-width Network", ACM MM 2022, arXiv 2204.09992: the super-network,
its widths {2, 3, 4}, distillation, and that narrow widths are left out until training is stable
(`abn.joins`; told by the same first author's RFQuant). What a step trains (the sandwich of Yu &
Huang, 2019, arXiv 1903.05134), c, d, and the normalisation of each width are our choice.
"""

from dataclasses import dataclass

import numpy as np

from src.controllers.agent import Agent
from src.controllers.given import GivenPlan
from src.cost.bitops import CostModel
from src.errors import UserError
from src.keys import Config, Section, key
from src.layers.dynamic import DynamicConv2d
from src.layers.norm import keep_rows_by_choice
from src.layers.spec import DYNAMIC, LayerSpec, table_rows
from src.methods.abn_agent import agent_stage, measure_spending
from src.methods.agent_options import AgentOptions
from src.methods.base import FLOAT, Draws, FloatNet, Method, Stage, StepDraws, System
from src.methods.budget import BudgetPenalty
from src.methods.counterfactual import is_of_controller
from src.methods.rules import between_ends, count_slots, layer_costs, quantise
from src.methods.widths import check_candidates, check_master, master_of
from src.models.backbone import NORM, Backbone
from src.models.network import Network

LARGEST, SMALLEST, UNIFORM, RANDOM = "largest", "smallest", "uniform", "random"
RISING, IMAGES = "rising", "images"
PASSES = (LARGEST, SMALLEST, UNIFORM, RANDOM, RISING, IMAGES)


@dataclass
class SuperNetOptions(Section):
    candidates: list = key([2, 3, 4], "widths at which every layer can run")
    tied: bool = key(True, "weights and activations of a layer share the choice")
    norm: str = key(
        "per_width",
        "normalisation: per_width (of each choice of the layer before it) | shared (recalibrate for a plan)",
        choices=("per_width", "shared"),
    )
    passes: list = key(
        [LARGEST, SMALLEST, RANDOM],
        "plans of a step: largest | smallest | a width of abn.candidates | uniform (one random width) | "
        "random (one for each layer) | rising (two, the wider from a random layer on) | images (one for each "
        "layer and image; norm=shared)",
    )
    others: float = key(1.0, "weight of the loss of each plan but the first", low=0.0)
    in_place: float = key(
        0.0, "share in it of the distance from the first plan's logits", low=0.0, high=1.0
    )
    joins: list | None = key(
        None,
        "share of the training after which each width joins, rising from the widest's 0, e.g. [0.3, 0.1, 0]; "
        "null: all from the start",
    )

    def check(self) -> None:
        check_candidates("abn.candidates", self.candidates)
        if not self.passes or any(name not in (*PASSES, *self.candidates) for name in self.passes):
            raise UserError(
                f"abn.passes={self.passes}: expected one or more of {', '.join(PASSES)}, or widths of "
                f"abn.candidates={self.candidates}"
            )
        if self.norm == "per_width" and IMAGES in self.passes:
            raise UserError(
                f"abn.passes={self.passes}: images that differ in their widths cannot teach statistics "
                "of each width; use random, or abn.norm=shared"
            )
        joins = self.joins or [0.0] * len(self.candidates)
        rising = all(a >= b for a, b in zip(joins, joins[1:], strict=False))
        inside = all(isinstance(j, (int, float)) and 0 <= j < 1 for j in joins)
        if len(joins) != len(self.candidates) or not inside or not rising or joins[-1] != 0:
            raise UserError(
                f"abn.joins={self.joins}: expected a share in 0..1 for each of abn.candidates="
                f"{self.candidates}, narrow widths last, the widest's 0"
            )

    def trained(self) -> list[int]:
        """Places in `candidates` of the widths that a pass may run at, rising."""
        last = len(self.candidates) - 1
        named = {SMALLEST: 0, LARGEST: last} | {bits: i for i, bits in enumerate(self.candidates)}
        if any(name not in named for name in self.passes):
            return list(range(last + 1))
        return sorted({named[name] for name in self.passes})


@dataclass
class AbnOptions(AgentOptions, SuperNetOptions):
    """Of the super-network, then of the agent, then of both."""

    finetune_epochs: int = key(
        0, "epochs of the super-network under the plans of its agent, behind the agent's",
        low=0, resumable=True,
    )  # fmt: skip
    finetune_lr: float = key(0.002, "peak learning rate of these epochs", low=0.0, resumable=True)

    def check(self) -> None:
        super().check()
        if self.finetune_epochs and not self.agent_epochs:
            raise UserError(
                f"abn.finetune_epochs={self.finetune_epochs} needs an agent: set abn.agent_epochs"
            )


class Abn(Method):
    options = AbnOptions

    @staticmethod
    def check(config: Config) -> None:
        widest = {"abn.candidates": max(config.abn.candidates)}
        check_master(config.quant.quantizer, config.quant, widest)

    @staticmethod
    def build(config: Config, float_net: FloatNet) -> System:
        """What the last stage trains."""
        return _with_agent(config, float_net) if config.abn.agent_epochs else _super(config, float_net)

    @staticmethod
    def stages(config: Config) -> list[Stage]:
        """The super-network, after float epochs where they are asked for; its agent; both."""
        first, own = [s for s in Method.stages(config) if s.builds == FLOAT], config.train
        if not config.abn.agent_epochs:
            return [*first, Stage("supernet", "abn", own.epochs, own.lr)]
        supernet = Stage("supernet", "abn", own.epochs, own.lr, "supernet.ckpt", _super)
        stages = [*first, supernet, agent_stage(config.abn, "abn", _with_agent)]
        return [*stages, _finetune(config.abn)] if config.abn.finetune_epochs else stages


def _finetune(options: AbnOptions) -> Stage:
    """The super-network goes on under the plans that its agent, which stands still, makes at budgets from
    the whole range. Images of a batch differ in their widths, so the statistics stand still, too."""
    return Stage(
        "finetune", "abn", options.finetune_epochs, options.finetune_lr, "finetune.ckpt", _with_agent,
        learns=lambda name: not is_of_controller(name),
        keeps_statistics=True,
        draws=lambda system: AtAnyBudget(system.controller),
        measure=measure_spending,
        keys=("abn.finetune_epochs", "abn.finetune_lr"),
    )  # fmt: skip


def _super(config: Config, float_net: FloatNet) -> System:
    """The super-network."""
    options, specs = config.abn, _quantised(config, float_net)
    widths, split = tuple(options.candidates), float_net.split_after(part=0)
    controller = GivenPlan(
        count_slots(specs), _columns(options), len(widths), float_net.seen(split, from_image=False)
    )
    uniform, trained = tuple(range(len(widths))), options.trained()
    return System(
        "abn",
        SuperNetwork(float_net.backbone, controller, split),
        table_rows(float_net.layers, specs),
        CostModel(layer_costs(float_net.layers, specs), controller.macs),
        widths,
        draws=Plans(controller, options),
        master=_master(config),
        consistency=options.others,
        in_place=options.in_place,
        ways=uniform if options.norm == "per_width" and options.tied else (),
        judged_at=(trained[0], trained[-1]),
    )


def _with_agent(config: Config, float_net: FloatNet) -> System:
    """The same, with an agent that picks the widths."""
    options, specs = config.abn, _quantised(config, float_net)
    widths, backbone = tuple(options.candidates), float_net.backbone
    layers, split = layer_costs(float_net.layers, specs), float_net.split_after(part=0)
    agent = Agent(
        [float_net.read_by(name) for name, spec in specs.items() if spec.kind == DYNAMIC],
        _columns(options), CostModel(layers),
        hidden=options.agent_hidden, budget=options.budget, critic=True,
    )  # fmt: skip
    cost = CostModel(layers, agent.macs)
    return System(
        "abn", Network(backbone, agent, split), table_rows(float_net.layers, specs), cost, widths,
        BudgetPenalty(cost, widths, widths[-1], 0.0, 0.0, 0.0), agent,
        master=_master(config),
        against_collapse="raise abn.bonus or abn.agent_epochs",
    )  # fmt: skip


def _quantised(config: Config, float_net: FloatNet) -> dict[str, LayerSpec]:
    """What becomes of each layer; the float network is the super-network's then."""
    options, quant = config.abn, config.quant
    widths = tuple(options.candidates)
    specs = between_ends(float_net.layers, config, quant.quantizer, widths, "any width, at run time")
    quantise(float_net, specs, quant, options.tied)
    if options.norm == "per_width":
        _follow_choices(float_net.backbone, len(widths) ** _columns(options))
    return specs


def _master(config: Config) -> int | None:
    return master_of(config.quant.quantizer, config.quant)


def _columns(options: SuperNetOptions) -> int:
    return 1 if options.tied else 2


class SuperNetwork(Network):
    """(image, plans (P, N, slots, columns, K), one-hot) -> outputs by name: those of a network, of the
    first plan, and `others`, the logits of the rest."""

    def construct(self, image, plans):
        features = self.before(image)
        embedding, state = self.embed(features, self.begin(image, features, plans[0]))
        logits, state = self.classify(embedding, state)
        outputs, others = self.answer(logits, embedding, state), ()
        for p in range(1, plans.shape[0]):
            state = self.begin(image, features, plans[p])
            others = others + (self.after(features, state)[0],)
        outputs["others"] = others
        return outputs


class Plans(Draws):
    """The plans of a step; one, of a width throughout, in evaluation."""

    def __init__(self, controller: GivenPlan, options: AbnOptions):
        self.controller, self.passes = controller, options.passes
        self.candidates = options.candidates
        self.joins = np.array(options.joins or [0.0] * len(options.candidates))

    def draw(self, rng: np.random.Generator, images: int, done: float) -> tuple:
        joined = np.flatnonzero(self.joins <= done)
        shape = images, self.controller.slots, self.controller.columns
        chosen = [np.broadcast_to(self._plan(rng, name, joined, shape), shape) for name in self.passes]
        return (self.controller.one_hot(np.stack(chosen)),)

    def still(self, images: int, forced: int | np.ndarray | None = None) -> tuple:
        return (self.controller.still(images, forced)[0][None],)

    def _plan(self, rng: np.random.Generator, name: str | int, joined: np.ndarray, shape: tuple):
        """Candidates, int, of a shape that broadcasts to (images, slots, columns). A width that has not joined
        yet is stood in for by the smallest that has."""
        if name == LARGEST:
            return joined[-1]
        if name == SMALLEST:
            return joined[0]
        if name in self.candidates:
            return max(joined[0], self.candidates.index(name))
        if name == RISING:
            behind = np.arange(shape[1]) >= rng.integers(shape[1] + 1)
            return np.sort(rng.choice(joined, 2))[behind.astype(int)][:, None]
        sizes = {UNIFORM: (1, 1, 1), RANDOM: (1, *shape[1:]), IMAGES: shape}
        return rng.choice(joined, sizes[name])


class AtAnyBudget(StepDraws):
    """The agent's arg-max, at a budget of each image's own."""

    def draw(self, rng: np.random.Generator, images: int, done: float) -> tuple:
        noise, _ = self.draws.still(images)
        return noise, rng.random((images, 1), np.float32)


def _follow_choices(backbone: Backbone, rows: int) -> None:
    """Let every normalisation behind a dynamic layer have a row for each of that layer's choices."""
    for node in backbone.nodes:
        if node.kind == NORM and isinstance(backbone.nodes[node.inputs[0]].cell, DynamicConv2d):
            keep_rows_by_choice(node.cell, rows)
