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
"""Sizes of a network's values and costs of its layers, found by walking its nodes."""

from dataclasses import dataclass

from src.errors import UserError
from src.layers.spec import LayerInfo
from src.models.backbone import CONV, DENSE, IMAGE, MAX_POOL, MEAN, NORM, SUBSAMPLE, Backbone, Node


@dataclass(frozen=True)
class Value:
    """What a node writes for one image: channels, side in pixels, and whether it may be negative."""

    channels: int
    side: int
    signed: bool

    @property
    def size(self) -> int:
        return self.channels * self.side**2


@dataclass
class Geometry:
    """A network on square images.

    Attributes:
        layers: its convolutions and dense layers, in order.
        values: of its nodes.
        image: its input.
    """

    layers: list[LayerInfo]
    values: list[Value]
    image: Value

    def of(self, node: int) -> Value:
        """What the node of that number, or IMAGE, holds."""
        return self.image if node == IMAGE else self.values[node]


def describe(backbone: Backbone, image_size: int) -> Geometry:
    """Walk a float network.

    Args:
        backbone: as built, before layers are swapped.
        image_size: side of the square input in pixels.

    Raises:
        UserError: the image is too small for the model, or values do not fit the node that reads them.
    """
    found = Geometry([], [], Value(3, image_size, True))
    for node in backbone.nodes:
        read = [found.of(i) for i in node.inputs]
        value = _WRITES[node.kind](node, *read)
        if value.side < 1:
            raise UserError(
                f"data.image_size={image_size} is too small for this model: nothing is left of it "
                "after the strides; use a larger image or a model with a CIFAR stem"
            )
        found.values.append(value)
        if node.kind in (CONV, DENSE):
            found.layers.append(_layer(node, read[0], value))
    return found


def _layer(node: Node, x: Value, y: Value) -> LayerInfo:
    cell = node.cell
    weights = cell.weight.size
    return LayerInfo(
        node.name, node.kind, weights * y.side**2, weights, x.size, node.part, node.is_shortcut,
        x.signed,
    )  # fmt: skip


def _side(side: int, kernel: int, stride: int, padding: int) -> int:
    return (side + 2 * padding - kernel) // stride + 1


def _fit(node: Node, what: str, has: int, takes: int) -> None:
    """UserError: what a node reads has other channels, or another side, than it takes."""
    if has != takes:
        raise UserError(f"node {node.name} ({node.kind}) takes {takes} {what}; what it reads has {has}")


def _conv(node: Node, x: Value) -> Value:
    cell = node.cell
    _fit(node, "channels", x.channels, cell.c_in)
    return Value(cell.c_out, _side(x.side, cell.kernel, cell.stride, cell.padding), True)


def _dense(node: Node, x: Value) -> Value:
    _fit(node, "channels", x.channels, node.cell.c_in)
    return Value(node.cell.c_out, 1, True)


def _norm(node: Node, x: Value, residual: Value | None = None) -> Value:
    _fit(node, "channels", x.channels, node.cell.gamma.shape[-1])
    if residual is not None:
        _fit(node, "channels of a residual", residual.channels, x.channels)
        _fit(node, "pixels a side of a residual", residual.side, x.side)
    return Value(x.channels, x.side, node.cell.activation.low != 0)


def _max_pool(node: Node, x: Value) -> Value:
    cell = node.cell
    if x.signed:
        raise UserError(
            f"node {node.name} ({node.kind}) pads with zeros: it reads what is not negative, as behind RELU or RELU6"
        )
    return Value(x.channels, _side(x.side, cell.kernel, cell.stride, cell.padding), x.signed)


def _subsample(node: Node, x: Value) -> Value:
    cell = node.cell
    return Value(x.channels + cell.before + cell.after, -(-x.side // cell.stride), x.signed)


def _mean(node: Node, x: Value) -> Value:
    return Value(x.channels, 1, x.signed)


_WRITES = {
    CONV: _conv, DENSE: _dense, NORM: _norm, MAX_POOL: _max_pool, SUBSAMPLE: _subsample, MEAN: _mean,
}  # fmt: skip
