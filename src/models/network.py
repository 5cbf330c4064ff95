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
`logits` (N, classes); `embedding`, what the last link reads: (N, C), where that is the classifier alone;
with a controller also `plan` (N, slots, columns, K), one-hot, and in training `soft`, like the plan but
what the controller thinks of the widths.

The list is walked link by link, a link being a layer or a block between which one value passes: values
kept for a whole network at once make MindSpore take a fifth more memory for a training step.
"""

from mindspore import nn

from src.models.backbone import IMAGE, NORM, Backbone

START, BEFORE = -1, -2  # places: what a link begins with; what the node before wrote


class Network(nn.Cell):
    """(image (N, 3, S, S), *draws) -> outputs by name.

    Args:
        backbone: its nodes; dynamic layers carry their `slot`.
        controller: who picks the widths, or None: no node is dynamic.
        split: how many nodes run before the controller begins, none of them dynamic; what they hand on,
            the features, is what the last of them writes (the image, where there are none).
        from_image: the controller begins with the image and not with the features.

    Attributes:
        nodes: of the backbone. A cell that replaces one's cell goes in by `replace`.

    Raises:
        ValueError: nodes behind the split read others before it than the last.
    """

    def __init__(
        self, backbone: Backbone, controller: nn.Cell | None = None, split: int = 0, from_image=False
    ):
        super().__init__()
        self.backbone, self.nodes = backbone, backbone.nodes
        self.count, self.split, self.from_image = len(self.nodes), split, from_image
        self.links = _links(backbone)
        if split not in [link[0] for link in self.links]:
            raise ValueError(f"nodes behind a split at {split} read more than one value before it")
        self.reads = [place for link in self.links for place in _reads(backbone, *link)]
        held = {i for link in self.links for i in _held(backbone, *link)}
        self.is_held = [i in held for i in range(self.count)]
        self.is_norm = [node.kind == NORM for node in self.nodes]
        self.follows = [_follows(backbone, *link, i) for link in self.links for i in range(*link)]
        self.slots = [getattr(node.cell, "slot", -1) for node in self.nodes]
        for node in self.nodes:
            _hang(self, node.name, node.cell)
        self.steps = nn.CellList([node.cell for node in self.nodes], auto_prefix=False)
        self.controller = controller
        for path, parameter in self.parameters_and_names():
            parameter.name = path

    def construct(self, image, *draws):
        features = self.before(image)
        if self.controller is None:
            embedding, _ = self.embed(features, ())
            return {"logits": self.classify(embedding, ())[0], "embedding": embedding}
        embedding, state = self.embed(features, self.begin(image, features, *draws))
        logits, state = self.classify(embedding, state)
        return self.answer(logits, embedding, state)

    def before(self, image, row=None):
        """The features: what comes of the nodes that no choice concerns; row: of the statistics, or
        None."""
        return self.walk(0, self.split, image, (), row)[0]

    def begin(self, image, features, *draws):
        """The controller's first state."""
        return self.controller.begin(image if self.from_image else features, *draws)

    def after(self, features, state, row=None):
        """(logits, the controller's last state)."""
        embedding, state = self.embed(features, state, row)
        return self.classify(embedding, state, row)

    def embed(self, features, state, row=None):
        """(what the last link reads, the controller's state there)."""
        return self.walk(self.split, self.links[-1][0], features, state, row)

    def classify(self, embedding, state, row=None):
        """(logits, the controller's last state)."""
        return self.walk(self.links[-1][0], self.count, embedding, state, row)

    def walk(self, first, end, start, state, row):
        """(what node end - 1 writes, the controller's state), from what node first - 1 wrote."""
        y = start
        for link in self.links:
            if link[0] >= first and link[1] <= end:
                y, state = self.link(link[0], link[1], y, state, row)
        return y, state

    def link(self, first, end, start, state, row):
        """The same of nodes between which only one value passes on either side, such as a block."""
        # A tuple of one: the order in which MindSpore adds up the gradients that meet in `start`, and
        # with it the last bit of a training, depends on it.
        y, begun, held, choices = start, (start,), (), ()
        for i in range(first, end):
            x = self.value(self.reads[i][0], begun, y, held)
            if self.slots[i] >= 0:
                choice, state = self.controller.choose(self.slots[i], x, state)
                choices = choices + (choice,)
                y = self.steps[i](x, choice)
            elif self.is_norm[i]:
                residual = None
                if len(self.reads[i]) > 1:
                    residual = self.value(self.reads[i][1], begun, y, held)
                if self.follows[i] >= 0:
                    y = self.steps[i](x, residual, _as_row(choices[self.follows[i]]))
                else:
                    y = self.steps[i](x, residual, row)
            else:
                y = self.steps[i](x)
            if self.is_held[i]:
                held = held + (y,)
        return y, state

    def value(self, place, begun, y, held):
        """What stands in a place: what the link begins with, the value before, or one that is held."""
        if place == START:
            return begun[0]
        return y if place == BEFORE else held[place]

    def answer(self, logits, embedding, state):
        """The outputs by name."""
        outputs = {"logits": logits, "embedding": embedding, "plan": self.controller.plan(state)}
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


def _links(backbone: Backbone) -> list[tuple[int, int]]:
    """The network cut wherever a single value passes: (first node, end) of each link. A normalisation
    whose row a choice decides stays with the layer that chose."""
    count = len(backbone.nodes)
    last_read = [max([i, *backbone.readers(i)]) for i in range(IMAGE, count - 1)]  # of node i - 1
    reach, cuts = -1, [0]
    for i in range(1, count):
        reach = max(reach, last_read[i - 1])  # of all before node i - 1
        if reach < i and not getattr(backbone.nodes[i].cell, "by_choice", False):
            cuts.append(i)
    return list(zip(cuts, [*cuts[1:], count], strict=True))


def _held(backbone: Backbone, first: int, end: int) -> list[int]:
    """The nodes of a link whose values another than the next node reads."""
    return [i for i in range(first, end - 1) if set(backbone.readers(i)) != {i + 1}]


def _reads(backbone: Backbone, first: int, end: int) -> list[tuple[int, ...]]:
    """The places of what each node of a link reads."""
    held = _held(backbone, first, end)

    def place(r: int) -> int:
        if r < first:
            return START
        return held.index(r) if r in held else BEFORE

    return [tuple(map(place, backbone.nodes[i].inputs)) for i in range(first, end)]


def _follows(backbone: Backbone, first: int, end: int, i: int) -> int:
    """Which of a link's dynamic layers decides the row of node i, a bank by choice; else -1."""
    node = backbone.nodes[i]
    if not getattr(node.cell, "by_choice", False):
        return -1
    dynamic = [j for j in range(first, end) if getattr(backbone.nodes[j].cell, "slot", -1) >= 0]
    return dynamic.index(node.inputs[0])


def _as_row(choice):
    """One-hot (N, K), or (N, K * K) where weights and inputs choose for themselves, of (N, columns, K)."""
    n, columns, k = choice.shape
    if columns == 1:
        return choice.reshape((n, k))
    # Reshaped, not expanded: what bundles hold runs on MindSpore Lite too (deploy/mindir/compat.py).
    pairs = choice[:, 0].reshape((n, k, 1)) * choice[:, 1].reshape((n, 1, k))
    return pairs.reshape((n, k * k))


def _hang(root: nn.Cell, name: str, cell: nn.Cell) -> None:
    """Put a cell into the tree under its dotted name, so that paths in the tree are names."""
    *path, leaf = name.split(".")
    for part in path:
        if part not in root.name_cells():
            root.insert_child_to_cell(part, nn.Cell())
        root = root.name_cells()[part]
    setattr(root, leaf, cell)
