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
"""A small network whose controller decides step by step, for the tests of what is made of one."""

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn, ops

from src.config import load_config
from src.controllers.base import INPUT, Controller, Decision
from src.cost.bitops import CostModel
from src.layers.dynamic import DynamicConv2d
from src.layers.norm import keep_rows_by_choice
from src.layers.spec import DYNAMIC, LayerSpec, table_rows
from src.methods.base import FloatNet, System
from src.methods.budget import BudgetPenalty
from src.methods.rules import layer_costs, quantise, shared_specs
from src.models import build_backbone
from src.models.backbone import NORM, Backbone
from src.models.geometry import describe
from src.models.network import Network
from tests.methods.build import CLASSES, SIDE

WIDTHS = (2, 4, 8)


class StepWise(Controller):
    """Each layer's choice from the mean of what it reads; no draws, no state but the choices."""

    def __init__(self, reads: list[tuple[int, int]], columns: int):
        super().__init__(len(reads), columns, len(WIDTHS))
        self.sides = [side for _, side in reads]
        self.dense = nn.CellList([nn.Dense(channels, columns * self.choices) for channels, _ in reads])

    def begin(self, x):
        return ()

    def choose(self, slot, x, state):
        logits = self.dense[slot](x.mean((2, 3))).reshape((-1, self.columns, self.choices))
        choice = ops.one_hot(logits.argmax(-1), self.choices, Tensor(1.0), Tensor(0.0))
        return choice, state + (choice,)

    def plan(self, state):
        return ops.stack(state, 1)

    def still(self, images, forced=None):
        return ()

    def decisions(self):
        dense = [((d.weight.asnumpy(), d.bias.asnumpy(), False),) for d in self.dense]
        return [Decision(s, 1, False, INPUT, side, 1, dense[s]) for s, side in enumerate(self.sides)]


def stepwise(columns: int = 1, by_choice: bool = False) -> System:
    """resnet8 under nested codes: every layer but the float first and last chooses; by_choice: and has
    statistics of each choice."""
    config = load_config(None, ["model.name=resnet8", "quant.quantizer=nested", "device.native=off"])
    backbone = build_backbone("resnet8", CLASSES)
    float_net = FloatNet(backbone, describe(backbone, SIDE))
    layers, specs = float_net.layers, shared_specs(float_net.layers, config.quant)
    free = [layer.name for layer in layers if layer.name not in specs]
    for slot, name in enumerate(free):
        specs[name] = LayerSpec(DYNAMIC, "test", "nested", WIDTHS, WIDTHS, slot)
    values = [float_net.geometry.of(backbone.node(name).inputs[0]) for name in free]
    quantise(float_net, specs, config.quant, tied=columns == 1)
    if by_choice:
        _scatter_statistics(backbone, len(WIDTHS) ** columns)
    controller = StepWise([(value.channels, value.side) for value in values], columns)
    cost = CostModel(layer_costs(layers, specs))
    return System(
        "step-wise", Network(backbone, controller), table_rows(layers, specs), cost, WIDTHS,
        BudgetPenalty(cost, WIDTHS, 4, 0.0, 0.0, 0.0), controller,
    )  # fmt: skip


def _scatter_statistics(backbone: Backbone, rows: int) -> None:
    """Behind each dynamic layer, rows that differ."""
    rng = np.random.default_rng(2)
    for node in backbone.nodes:
        if node.kind == NORM and isinstance(backbone.nodes[node.inputs[0]].cell, DynamicConv2d):
            keep_rows_by_choice(node.cell, rows)
            for p in (node.cell.gamma, node.cell.moving_variance):
                p.set_data(Tensor(rng.uniform(0.5, 2, p.shape).astype(np.float32)))


def spread_choices(system: System, x: np.ndarray) -> None:
    """Have every choice differ among the images x: random weights, and biases that centre the logits.

    One pass in PyNative mode does it, as each layer's input depends on the choices before it.
    """
    rng, controller, choose = np.random.default_rng(7), system.controller, system.controller.choose
    for dense in controller.dense:
        dense.weight.set_data(Tensor(rng.normal(0, 3, dense.weight.shape).astype(np.float32)))

    def centred(slot, x, state):
        dense = controller.dense[slot]
        logits = dense(x.mean((2, 3))).asnumpy()
        dense.bias.set_data(Tensor(dense.bias.asnumpy() - logits.mean(0)))
        return choose(slot, x, state)

    before = ms.get_context("mode")
    ms.set_context(mode=ms.PYNATIVE_MODE)
    controller.choose = centred
    try:
        system.answer(x, ())
    finally:
        del controller.choose
        ms.set_context(mode=before)
