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
"""The graph of an ONNX file of ours, with constants as arrays: what peers without a reader of ONNX need."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class GraphNode:
    """One node: its kind, the names of what it reads and of what it writes, and its attributes."""

    kind: str
    inputs: list[str]
    output: str
    attributes: dict


@dataclass(frozen=True)
class Graph:
    """nodes in order; constants by name; shape of the image (N, 3, S, S)."""

    nodes: list[GraphNode]
    constants: dict[str, np.ndarray]
    shape: tuple[int, ...]

    def readers(self, name: str) -> list[GraphNode]:
        return [node for node in self.nodes if name in node.inputs]

    def writer(self, name: str) -> GraphNode | None:
        """The node that writes a value; None: the image, or a constant."""
        return next((node for node in self.nodes if node.output == name), None)


def read_graph(path: Path) -> Graph:
    """An ONNX file that `as_qdq` made: every node writes one value."""
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(path).graph
    nodes = [
        GraphNode(
            node.op_type, list(node.input), node.output[0],
            {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute},
        )
        for node in graph.node
    ]  # fmt: skip
    constants = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    shape = tuple(d.dim_value for d in graph.input[0].type.tensor_type.shape.dim)
    return Graph(nodes, constants, shape)
