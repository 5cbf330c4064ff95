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
"""The one walker: runs the nodes of a backbone, and asks the controller before each dynamic one.

    image -> nodes before the choice -> controller begins -> the other nodes, each at its choice -> logits

A controller is a chooser (controllers/base.py); its state travels with the values. Outputs have names:
`logits` (N, classes); with a controller also `plan` (N, slots, columns, K), one-hot, and in training
`soft`, like the plan but what the controller thinks of the widths.
"""

from mindspore import nn

from src.models.backbone import IMAGE, NORM, Backbone


class Network(nn.Cell):
    """(image (N, 3, S, S), *draws) -> outputs by name.

    Args:
        backbone: its nodes; dynamic layers carry their `slot`.
        controller: who picks the widths, or None: no node is dynamic.
        split: how many nodes run before the controller begins; none of them is dynamic.
        sees: number of the node that the controller begins with, or IMAGE.

    Attributes:
        nodes: of the backbone. A cell that replaces one's cell goes in by `replace`.
    """

    def __init__(
        self, backbone: Backbone, controller: nn.Cell | None = None, split: int = 0, sees: int = IMAGE
    ):
        super().__init__()
        self.backbone, self.nodes = backbone, backbone.nodes
        self.count, self.split, self.sees = len(self.nodes), split, sees
        self.places = _places(backbone, split, sees)
        self.reads = [tuple(_place(self.places, i) for i in node.inputs) for node in self.nodes]
        self.seen = sees if sees == IMAGE else self.places[sees]
        self.is_norm = [node.kind == NORM for node in self.nodes]
        self.slots = [getattr(node.cell, "slot", -1) for node in self.nodes]
        for node in self.nodes:
            _hang(self, node.name, node.cell)
        self.steps = nn.CellList([node.cell for node in self.nodes], auto_prefix=False)
        self.controller = controller
        for path, parameter in self.parameters_and_names():
            parameter.name = path

    def construct(self, image, *draws):
        values = self.before(image)
        if self.controller is None:
            return {"logits": self.after(values, ())[0]}
        state = self.begin(image, values, *draws)
        logits, state = self.after(values, state)
        return self.answer(logits, state)

    def before(self, image, row=None):
        """The values that are needed later, after the nodes that no choice concerns; row: of the
        statistics, or None."""
        values = (image,)
        for i in range(self.split):
            x = values[self.reads[i][0]]
            if self.is_norm[i]:
                residual = values[self.reads[i][1]] if len(self.reads[i]) > 1 else None
                y = self.steps[i](x, residual, row)
            else:
                y = self.steps[i](x)
            values = values[: self.places[i]] + (y,) + values[self.places[i] + 1 :]
        return values

    def begin(self, image, values, *draws):
        """The controller's first state."""
        return self.controller.begin(image if self.seen == IMAGE else values[self.seen], *draws)

    def after(self, values, state, row=None):
        """(logits, the controller's last state), from what `before` gives."""
        y = values[0]
        for i in range(self.split, self.count):
            x = values[self.reads[i][0]]
            if self.slots[i] >= 0:
                choice, state = self.controller.choose(self.slots[i], x, state)
                y = self.steps[i](x, choice)
            elif self.is_norm[i]:
                residual = values[self.reads[i][1]] if len(self.reads[i]) > 1 else None
                y = self.steps[i](x, residual, row)
            else:
                y = self.steps[i](x)
            values = values[: self.places[i]] + (y,) + values[self.places[i] + 1 :]
        return y, state

    def answer(self, logits, state):
        """The outputs by name."""
        outputs = {"logits": logits, "plan": self.controller.plan(state)}
        if self.training:
            outputs["soft"] = self.controller.soft(state)
        return outputs

    def cell(self, name: str) -> nn.Cell:
        """Of the node of that name. UserError: there is none."""
        return self.backbone.node(name).cell

    def replace(self, i: int, cell: nn.Cell) -> None:
        """Let another cell run node i."""
        self.nodes[i].cell = self.steps[i] = cell
        _hang(self, self.nodes[i].name, cell)


class Answering(nn.Cell):
    """(image, *draws) -> (logits,) or (logits, plan): a network for callers outside of a graph, whose
    result cannot be a dictionary."""

    def __init__(self, network: nn.Cell):
        super().__init__(auto_prefix=False)
        self.network = network

    def construct(self, *inputs):
        outputs = self.network(*inputs)
        if "plan" in outputs:
            return outputs["logits"], outputs["plan"]
        return (outputs["logits"],)


def _places(backbone: Backbone, split: int, sees: int) -> list[int]:
    """Where each node's value stands among those kept; a place is used again when nobody reads it."""
    last_read = {i: max([i, *backbone.readers(i)]) for i in range(IMAGE, len(backbone.nodes))}
    if sees != IMAGE:
        last_read[sees] = max(last_read[sees], split)  # the controller reads it before that node runs
    held, places = {0: IMAGE}, []
    for i in range(len(backbone.nodes)):
        free = [place for place, holder in held.items() if last_read[holder] <= i]
        places.append(min(free, default=len(held)))
        held[places[-1]] = i
    return places


def _place(places: list[int], node: int) -> int:
    return 0 if node == IMAGE else places[node]


def _hang(root: nn.Cell, name: str, cell: nn.Cell) -> None:
    """Put a cell into the tree under its dotted name, so that paths in the tree are names."""
    *path, leaf = name.split(".")
    for part in path:
        if part not in root.name_cells():
            root.insert_child_to_cell(part, nn.Cell())
        root = root.name_cells()[part]
    setattr(root, leaf, cell)
