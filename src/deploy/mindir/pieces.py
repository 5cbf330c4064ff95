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
"""A network cut where widths are chosen: what MINDIR bundles and the one-graph form are made of.

    image -> front -> map 0, choice logits;   then for each piece: maps -> graph of the choice -> map

A device runs static graphs only, so a dynamic layer becomes one graph per candidate and the host
picks one for each image. What follows a convolution (normalisation, residual sum, activation) belongs
to its piece; a piece without a choice has one graph. A controller that makes one choice for the whole
network gives a single piece, the tail, with one graph per candidate. One that decides step by step has
a piece of its own for each decision, and no front: map 0 is the image.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from mindspore import nn

from src.deploy.frozen import freeze
from src.deploy.frozen_controller import FrozenController
from src.deploy.held import Held, outside_of
from src.errors import UserError
from src.layers.dynamic import MIXTURE, DynamicConv2d
from src.methods.base import System
from src.models.backbone import CONV, DENSE, MEAN, SUBSAMPLE
from src.models.network import Network

UNCHOSEN = (0, 0)  # candidates of a piece without a choice


@dataclass(frozen=True)
class Piece:
    """One step from maps to a map, or to choice logits; pieces of maps write map 1, 2, ... in order.

    Attributes:
        name: of its layer; `tail`.
        slot: place of its choice in the plan, -1: it has none.
        inputs: numbers of the maps it reads, one or two.
        cell: candidates (of the weights, of the inputs) -> cell of as many arguments as inputs.
        layers: names of the layers that run at the chosen widths.
        decides: slot whose choice logits it gives, -1: it gives a map.
    """

    name: str
    slot: int
    inputs: tuple[int, ...]
    cell: Callable[[tuple[int, int]], nn.Cell]
    layers: tuple[str, ...] = ()
    decides: int = -1


class Front(nn.Cell):
    """image (1, 3, S, S) -> (map 0, choice logits (1, slots, columns, K)): all before the choice."""

    def __init__(self, network: Network):
        super().__init__()
        self.network = network

    def construct(self, image):
        features = self.network.before(image)
        state = self.network.begin(image, features)
        return features, self.network.controller.logits(state)


class Masked(nn.Cell):
    """image -> (logits, choice logits), every candidate computed and the chosen one kept."""

    def __init__(self, network: Network):
        super().__init__()
        self.network = network

    def construct(self, image):
        features = self.network.before(image)
        logits, state = self.network.after(features, self.network.begin(image, features))
        return logits, self.network.controller.logits(state)


def frozen(system: System) -> Network:
    """Its network with constants for quantisers, normalisation and controller; it no longer learns."""
    network, controller = system.network, system.controller
    freeze(network)
    hold_mixture(network)
    if controller is not None:
        network.controller = FrozenController(
            controller.decisions(), controller.columns, controller.choices
        )
    return network


def hold_mixture(network: nn.Cell) -> None:
    """Have every dynamic layer compute all its candidates, as graphs without a choice must."""
    for _, cell in network.cells_and_names():
        if isinstance(cell, DynamicConv2d):
            cell.execution = MIXTURE


def pieces_of(network: Network) -> list[Piece]:
    """The pieces behind the front of a frozen network with a controller; without a front, all.

    Raises:
        UserError: a controller that decides partly at its begin, or for several layers at one of them.
    """
    controller = network.controller
    later = controller.sizes[controller.at_begin :]
    if later and (controller.at_begin or max(later) > 1):
        raise UserError(
            "a bundle holds controllers that decide everything at once or one layer after the other; "
            "this one does both, export it with --format int or as one MINDIR (without --bundle)"
        )
    groups = _groups(network)
    if any(controller.is_shared):
        groups = {"tail": [i for group in groups.values() for i in group]}
    pieces, maps = [], {_first(network) - 1: 0}  # number of a node, or IMAGE, -> of its map
    for name, group in groups.items():
        dynamic = [i for i in group if network.slots[i] >= 0]
        if dynamic and not controller.at_begin:
            pieces.append(_decision(network, dynamic[0], maps))
        inputs = tuple(maps[i] for i in outside_of(network, group)[0])
        layers = tuple(network.nodes[i].name for i in dynamic)
        slot = min((network.slots[i] for i in dynamic), default=-1)
        pieces.append(Piece(name, slot, inputs, partial(_held, network, group), layers))
        maps[group[-1]] = len({*maps.values()})
    return pieces


def _held(network: Network, group: list[int], choice: tuple[int, int]) -> Held:
    return Held(network, group, choice[: network.controller.columns])


def _decision(network: Network, i: int, maps: dict[int, int]) -> Piece:
    """Of the choice of dynamic node i."""
    slot, source = network.slots[i], network.nodes[i].inputs[0]
    deciding = network.controller.deciding[network.controller.places[slot][0]]

    def cell(choice):
        return deciding

    return Piece(f"controller.{slot}", -1, (maps[source],), cell, decides=slot)


def _first(network: Network) -> int:
    """Number of the first node behind the front, or of all, where there is none."""
    return network.split if network.controller.at_begin else 0


def _groups(network: Network) -> dict[str, list[int]]:
    """Name -> nodes of each piece in order: a layer with what follows it, and with what leads to it
    without a choice from beside (a shortcut, the mean before a classifier)."""
    first, of = _first(network), {}
    for i in range(first, network.count):
        node = network.nodes[i]
        if node.kind in (CONV, DENSE) and (network.slots[i] >= 0 or not node.is_shortcut):
            of[i] = i
        elif node.kind not in (CONV, DENSE, MEAN, SUBSAMPLE) and node.inputs[0] in of:
            of[i] = of[node.inputs[0]]
    for i in reversed(range(first, network.count)):
        if i not in of:
            of[i] = of[network.backbone.readers(i)[0]]
    groups: dict[int, list[int]] = {}
    for i, anchor in sorted(of.items()):
        groups.setdefault(anchor, []).append(i)
    in_order = sorted(groups.items(), key=lambda item: item[1][-1])
    return {network.nodes[anchor].name: group for anchor, group in in_order}
