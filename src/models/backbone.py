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
"""A network, described once: a list of nodes in the order in which they run.

Everything that needs the shape of a network walks this list: the forward pass (network.py), sizes and
costs (geometry.py), quantised layers (layers/swap.py), lowering and bundles (deploy/), weights' names.
A backbone is built by what its `Design` says, by functions that add nodes: a block is one.
"""

from dataclasses import dataclass, field

import numpy as np
from mindspore import nn

from src.errors import UserError

# Kinds of nodes, by what their cell takes beside its first input x:
CONV = "conv"  # convolution without bias; a choice of widths where it is dynamic
DENSE = "dense"  # y = x W^T + b on (N, C); likewise
NORM = "norm"  # normalisation, sum with a residual (its second input) and activation; which statistics
MAX_POOL = "max_pool"
SUBSAMPLE = "subsample"  # every stride-th pixel and channels of zeros
MEAN = "mean"  # over all pixels, (N, C, H, W) -> (N, C)

IMAGE = -1  # number of the image among inputs
STEM, HEAD = 0, -1  # parts of a network; 1, 2, ... are its groups of blocks


@dataclass
class Node:
    """One step of a network.

    Attributes:
        name: dotted; names its parameters, too (`layer1.0.conv1` as in torchvision).
        kind: one of the above.
        cell: what runs; a layer may be replaced by its quantised form.
        inputs: numbers of the nodes whose values it reads, IMAGE for the image.
        part: STEM, 1.. (groups of blocks) or HEAD (the classifier).
        is_shortcut: beside a block, not in it.
        elsewhere: what other people's files call it.
    """

    name: str
    kind: str
    cell: nn.Cell
    inputs: tuple[int, ...]
    part: int
    is_shortcut: bool = False
    elsewhere: tuple[str, ...] = ()


@dataclass
class Backbone:
    """Nodes in order; the last one gives the logits."""

    nodes: list[Node] = field(default_factory=list)

    def add(
        self, name: str, kind: str, cell: nn.Cell, *inputs: int, part: int, is_shortcut=False,
        elsewhere: tuple[str, ...] = (),
    ) -> int:
        """Append a node; returns its number."""
        self.nodes.append(Node(name, kind, cell, inputs, part, is_shortcut, elsewhere))
        return len(self.nodes) - 1

    def node(self, name: str) -> Node:
        """UserError: there is no such node."""
        found = [node for node in self.nodes if node.name == name]
        if not found:
            raise UserError(f"no layer {name} in the model; it has {', '.join(self.layers)}")
        return found[0]

    @property
    def layers(self) -> dict[str, Node]:
        """The nodes that multiply, by name."""
        return {node.name: node for node in self.nodes if node.kind in (CONV, DENSE)}

    def end_of(self, part: int) -> int:
        """Number of the last node of a part. ValueError: it has none."""
        return max(i for i, node in enumerate(self.nodes) if node.part == part)

    def readers(self, i: int) -> list[int]:
        """Numbers of the nodes that read node i."""
        return [j for j, node in enumerate(self.nodes) if i in node.inputs]

    def parameters(self) -> dict:
        """Path -> parameter, in order."""
        return {
            f"{node.name}.{path}": parameter
            for node in self.nodes
            for path, parameter in node.cell.parameters_and_names()
        }

    def name_parameters(self) -> None:
        """Name every parameter by its path, so that checkpoints do not depend on how it was built."""
        for path, parameter in self.parameters().items():
            parameter.name = path


class Design:
    """What is built under a name of `models.BACKBONES`.

    Attributes:
        image_size: side in pixels of the images that it is made for, 224 or 32; it takes others, too.
        options: keys of the `model` section that `build` takes.
    """

    image_size: int
    options: tuple[str, ...] = ()

    def build(self, num_classes: int, rng: np.random.Generator, **options) -> Backbone:
        """With fresh weights, drawn from `rng`."""
        raise NotImplementedError
