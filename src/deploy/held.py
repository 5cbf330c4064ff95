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
"""A frozen network held at one plan: what is static in it is a graph without a choice.

Each dynamic layer computes the one candidate that the plan names, and each normalisation is that of
the plan: where its statistics follow a choice, of that choice; where they have rows by the way in
which the whole network runs, of `row`.
"""

import numpy as np
from mindspore import nn

from src.deploy.frozen import FrozenNorm, FrozenNormByChoice, freeze
from src.layers.dynamic import DynamicConv2d
from src.methods.base import System
from src.models.backbone import CONV, DENSE
from src.models.network import Network


class AtWidth(nn.Cell):
    """A dynamic layer held at one candidate of its weights and one of its inputs."""

    def __init__(self, layer: DynamicConv2d, choice: tuple[int, int]):
        super().__init__()
        self.layer = layer
        self.of_weight, self.of_input = choice

    def construct(self, x):
        weight, _ = self.layer.weight_quantizer(self.layer.weight, self.of_weight)
        return self.layer.multiply(self.layer.input_quantizer(x, self.of_input), weight)


class Held(nn.Cell):
    """maps -> what some nodes write, at one plan.

    Args:
        network: frozen.
        group: numbers of the nodes, in order.
        plan: candidates, int (slots, columns), or of a shape that broadcasts to it.
        row: of a bank of statistics; nodes before the split know the first one alone.
        results: numbers of the nodes whose values are returned, by default the last one; of several, a
            tuple.

    Attributes:
        inputs: numbers of the nodes outside that the maps are of, IMAGE for the image.
    """

    def __init__(
        self, network: Network, group: list[int], plan: np.ndarray | int, row: int = 0,
        results: tuple[int, ...] = (),
    ):  # fmt: skip
        super().__init__()
        self.inputs, self.reads = outside_of(network, group)
        self.steps = nn.CellList([_held(network, i, np.asarray(plan), row) for i in group])
        self.adds = [len(places) > 1 for places in self.reads]
        numbers = (*self.inputs, *group)
        self.results = tuple(numbers.index(i) for i in results or group[-1:])

    def construct(self, *maps):
        values = maps
        for i, step in enumerate(self.steps):
            x = values[self.reads[i][0]]
            y = step(x, values[self.reads[i][1]]) if self.adds[i] else step(x)
            values = values + (y,)
        results = ()
        for place in self.results:
            results = results + (values[place],)
        return results if len(results) > 1 else results[0]


def _held(network: Network, i: int, plan: np.ndarray, row: int) -> nn.Cell:
    cell = network.nodes[i].cell
    if isinstance(cell, DynamicConv2d):
        return AtWidth(cell, _choice_of(network, i, plan))
    if isinstance(cell, FrozenNormByChoice):
        layer = network.nodes[i].inputs[0]
        of_weight, of_input = _choice_of(network, layer, plan)
        columns, choices = network.controller.columns, network.controller.choices
        return FrozenNorm(cell, of_weight if columns == 1 else of_weight * choices + of_input)
    if isinstance(cell, FrozenNorm) and i >= network.split and len(cell.folded[0]) > 1:
        return FrozenNorm(cell, row)
    return cell


def _choice_of(network: Network, i: int, plan: np.ndarray) -> tuple[int, int]:
    """Candidates of weights and inputs of dynamic node i."""
    controller = network.controller
    of_slot = np.broadcast_to(plan, (controller.slots, controller.columns))[network.slots[i]]
    return int(of_slot[0]), int(of_slot[-1])


def outside_of(network: Network, group: list[int]) -> tuple[list[int], list[tuple[int, ...]]]:
    """(the nodes outside that a group reads, its layer's input first; for each node, the places of what
    it reads: among those, then the nodes of the group before it)."""
    nodes = network.nodes
    layers = [i for i in group if nodes[i].kind in (CONV, DENSE) and not nodes[i].is_shortcut] or group
    outside: list[int] = []
    for i in (*layers, *group):
        outside += [r for r in nodes[i].inputs if r not in group and r not in outside]
    places = {number: k for k, number in enumerate((*outside, *group))}
    return outside, [tuple(places[r] for r in nodes[i].inputs) for i in group]


class HeldNetwork:
    """The network of a system, frozen: whole at a plan, or cut before the first node that a plan changes.
    It no longer learns.

    Attributes:
        first: number of that node; 0: there is nothing before it.
        kept: numbers of the nodes before it whose values the others read, the image where there are none.
    """

    def __init__(self, system: System):
        self.network, self.ways = system.network, system.ways
        freeze(self.network)
        self.first = _first_changed(self.network)
        self.kept, _ = outside_of(self.network, self._from(self.first))

    def stem(self) -> nn.Cell:
        """image -> the maps that are kept."""
        return Held(self.network, list(range(self.first)), 0, results=tuple(self.kept))

    def tail(self, plan: np.ndarray | int) -> nn.Cell:
        """those maps -> logits; plan: as `System.forced`."""
        return self._held(self.first, plan)

    def whole(self, plan: np.ndarray | int) -> nn.Cell:
        """image -> logits."""
        return self._held(0, plan)

    def _held(self, first: int, plan: np.ndarray | int) -> Held:
        # A bank has a row for each of the ways in which the network runs.
        row = self.ways.index(plan) if isinstance(plan, int) and plan in self.ways else 0
        return Held(self.network, self._from(first), plan, row)

    def _from(self, first: int) -> list[int]:
        return list(range(first, self.network.count))


def _first_changed(network: Network) -> int:
    """Number of the first node of a frozen network that depends on a plan or a row of statistics."""
    for i in range(network.split, network.count):
        folded = getattr(network.nodes[i].cell, "folded", None)
        if network.slots[i] >= 0 or (folded is not None and len(folded[0]) > 1):
            return i
    return network.count - 1
