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
"""A toy method: a network that runs at random widths first, then an agent that picks them."""

from dataclasses import dataclass

from src.controllers.given import GivenPlan
from src.cost.bitops import CostModel
from src.keys import Section, key
from src.layers.spec import DYNAMIC, LayerSpec, table_rows
from src.methods.base import Method, Stage, System
from src.methods.budget import BudgetPenalty
from src.methods.rules import layer_costs, quantise, shared_specs
from src.methods.widths import check_candidates
from src.models.network import Network
from tests.project.toy.controller import ToyAgent


@dataclass
class ToyOptions(Section):
    candidates: list = key([2, 4], "widths that the agent picks from")
    first_epochs: int = key(1, "epochs at random widths", low=1)

    def check(self) -> None:
        check_candidates("toy.candidates", self.candidates)


class Toy(Method):
    options = ToyOptions

    @staticmethod
    def stages(config):
        train, first = config.train, config.toy.first_epochs
        return [
            Stage("supernet", "toy", first, train.lr, leaves="supernet.ckpt", build=build_supernet),
            Stage("agent", "toy", train.epochs, train.lr, train={"schedule": "constant"},
                  learns=is_the_agents, keeps_statistics=True),
        ]  # fmt: skip

    @staticmethod
    def build(config, float_net):
        return _build(config, float_net, lambda inputs, choices: ToyAgent(inputs, 2, choices))


def build_supernet(config, float_net):
    return _build(config, float_net, lambda inputs, choices: GivenPlan(len(inputs), 2, choices))


def is_the_agents(name):
    return name.startswith("controller.")


def _build(config, float_net, controller):
    widths, layers = tuple(config.toy.candidates), float_net.layers
    specs = shared_specs(layers, config.quant)
    free = [layer for layer in layers if layer.name not in specs]
    for slot, layer in enumerate(free):
        specs[layer.name] = LayerSpec(DYNAMIC, "toy", config.quant.quantizer, widths, widths, slot)
    nodes, geometry = float_net.backbone.layers, float_net.geometry
    reads = [geometry.of(nodes[layer.name].inputs[0]) for layer in free]
    quantise(float_net, specs, config.quant, tied=False)
    chooser = controller([(value.channels, value.side) for value in reads], len(widths))
    network = Network(float_net.backbone, chooser)
    cost = CostModel(layer_costs(layers, specs), chooser.macs)
    monitor = BudgetPenalty(cost, widths, 3, 0.1, 0.0, 0.0)
    return System(
        "toy", network, table_rows(layers, specs), cost, widths, monitor, chooser,
        targets={"budget_bits": 3, "budget_bitops": monitor.target_bitops},
    )  # fmt: skip
