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
"""Lowering: a trained network becomes an integer program (engine/program.py).

Quantisers become integer codes and multipliers; batch normalisation, with its running statistics,
folds into one multiplier and bias per channel (folding.py); the controller becomes operations too
(decisions.py). writer.py turns real constants into integers.

How the residual stream is held is our choice: with 8 bits, as integer runtimes do, the program would
differ from the trained network; with 32 it does not, for methods that know nothing of integers too. With
16 it would: all sums 15 bits shorter gave 2.1 % of 2,000 test images of CIFAR-10 another class (a
super-network of 2, 3 and 4 bits), 13 bits shorter as many, where with 32 bits the first 1,000 had the network's.
"""

from dataclasses import dataclass

import numpy as np
from mindspore import nn

from src.controllers.base import BEGIN, INPUT, Decision
from src.deploy.integer.decisions import write_decision
from src.deploy.integer.folding import by_row, fold, rows_of
from src.deploy.integer.level_codes import with_needed_levels
from src.deploy.integer.writer import Place, Writer
from src.engine.operations import Add, MaxPool, Pool, Subsample
from src.engine.program import Program
from src.layers.activation import NONE, Activation
from src.layers.conv import Conv2d, Dense
from src.methods.base import System
from src.models.backbone import CONV, DENSE, IMAGE, MAX_POOL, MEAN, NORM, SUBSAMPLE, Node
from src.models.network import Network
from src.quantizers.integer_form import IntegerInputs

HEADROOM = 32  # sums may exceed the largest value that any quantiser keeps by this factor


@dataclass(frozen=True)
class Picture:
    """The images that a network takes: pixel p of channel c is `values[c, p]` (float32, (3, 256))."""

    size: int
    values: np.ndarray


def lower(system: System, picture: Picture, notes: dict) -> Program:
    """The program of a trained network.

    Raises:
        UserError: something that no integer program can hold (truncated nested codes).
    """
    exponent = _exponent(system.network, picture)
    lowering = _Lowering(system.network, picture, Writer(exponent))
    lowering.run()
    writer = lowering.writer
    notes = notes | {"exponent": exponent, "layers": writer.names,
                     "scales": writer.scales, "widths": list(system.widths)}  # fmt: skip
    if system.controller is not None:
        notes |= {"looks": system.controller.looks, "rows_of_choices": _rows_of_choices(system, lowering.rows)}
    if system.controller is not None and system.controller.spending is not None:
        notes["spending"] = system.controller.spending.as_dict()
    return Program(writer.operations, lowering.rows, notes)


class _Lowering:
    """Walks the nodes; a convolution takes the normalisation behind it with it."""

    def __init__(self, network: Network, picture: Picture, writer: Writer):
        self.network, self.nodes, self.picture = network, network.nodes, picture
        self.rows = max([1, *(rows_of(node.cell) for node in self.nodes if node.kind == NORM)])
        self.writer = writer
        self.registers: dict[int, int] = {}  # of nodes
        self.normalised: dict[int, int] = {}  # of normalisations that a convolution took with it

    def run(self) -> None:
        """All of it; what the controller decides at once comes as soon as what it sees is there."""
        self.decide(IMAGE)
        for i, node in enumerate(self.nodes):
            self.decide_for(node)
            self.registers[i] = _LOWER[node.kind](self, i, node)
            self.decide(i)

    def decide(self, node: int) -> None:
        """What the controller decides at its begin, where it begins with that node."""
        controller, network = self.network.controller, self.network
        if controller is None or node != (IMAGE if network.from_image else network.split - 1):
            return
        for decision in controller.decisions():
            if decision.sees == BEGIN:
                self.decision(decision, node, "controller")

    def decide_for(self, node: Node) -> None:
        """What the controller decides from a dynamic node's input."""
        slot = getattr(node.cell, "slot", -1)
        if slot < 0:
            return
        for decision in self.network.controller.decisions():
            if decision.sees == INPUT and decision.slot == slot:
                self.decision(decision, node.inputs[0], f"controller.{slot}")

    def decision(self, decision: Decision, seen: int, name: str) -> None:
        """From the register of node `seen`."""
        controller = self.network.controller
        x = self.read(seen)
        write_decision(self.writer, decision, x, name, self.rows, controller.columns, controller.choices)

    def read(self, node: int) -> int:
        """The register of a node; of the image, its real values."""
        return self.image(None) if node == IMAGE else self.registers[node]

    def image(self, form: IntegerInputs | None) -> int:
        return self.writer.image(self.picture.values, self.picture.size, form)

    def conv(self, i: int, node: Node) -> int:
        """A convolution and the normalisation that alone reads it."""
        readers = self.network.backbone.readers(i)
        factor, offset, activation, norm = 1.0, 0.0, NONE, None
        reader = self.nodes[readers[0]]
        if len(readers) == 1 and reader.kind == NORM and reader.inputs[0] == i:
            norm = readers[0]
            factor, offset = self.fold(norm)
            if len(reader.inputs) == 1:  # else it follows the sum with the residual
                activation = reader.cell.activation
        y = self.multiply(node, node.inputs[0], factor, offset, activation)
        if norm is not None:
            self.normalised[norm] = y
        return y

    def norm(self, i: int, node: Node) -> int:
        residual, activation = node.inputs[1:], node.cell.activation
        y = self.normalised.get(i)
        if y is None:
            factor, offset = (np.tile(v, (self.rows // len(v), 1)) for v in map(by_row, self.fold(i)))
            x = self.read(node.inputs[0])
            own = NONE if residual else activation
            y = self.writer.affine(x, factor, offset * self.writer.unit, node.name, own)
        if residual:
            op = Add(y, self.read(residual[0]), *self.writer.bounds(activation))
            y = self.writer.add(op, node.name.rpartition(".")[0])
        return y

    def dense(self, i: int, node: Node) -> int:
        bias = node.cell.bias.asnumpy().astype(np.float64)
        return self.multiply(node, node.inputs[0], 1.0, bias, NONE)

    def max_pool(self, i: int, node: Node) -> int:
        cell = node.cell
        x = self.read(node.inputs[0])
        return self.writer.add(MaxPool(x, cell.kernel, cell.stride, cell.padding), node.name)

    def subsample(self, i: int, node: Node) -> int:
        cell = node.cell
        x = self.read(node.inputs[0])
        return self.writer.add(Subsample(x, cell.stride, cell.before, cell.after), node.name)

    def mean(self, i: int, node: Node) -> int:
        return self.writer.add(Pool(self.read(node.inputs[0]), 1), node.name)

    def multiply(self, node: Node, source: int, factor, offset, activation: Activation) -> int:
        """A layer and what follows it, y = factor (W x) + offset, both of a shape that broadcasts to
        (R, V, A, C): by row of statistics, choice of weights, choice of inputs, channel."""
        layer, at = node.cell, _place(node.cell)
        one = np.ones((self.rows, 1, 1, layer.weight.shape[0]))
        factor, offset = factor * one, offset * one
        if isinstance(layer, Conv2d | Dense):
            factor, offset = by_row(factor), by_row(offset)
            x = self.read(source)
            weight = layer.weight.asnumpy()
            weight = weight.reshape(weight.shape + (1,) * (4 - weight.ndim))
            y = self.writer.wide(weight, x, node.name, at)
            return self.writer.affine(y, factor, offset * self.writer.unit, node.name, activation)
        weights = layer.weight_quantizer.integer_form(layer.weight)
        inputs = layer.input_quantizer.integer_form()
        weights = with_needed_levels(weights, True, node.name)
        inputs = with_needed_levels(inputs, inputs.signed, node.name)
        if source == IMAGE and len(inputs.stored_bits) == 1:
            x = self.image(inputs)
        else:
            x = self.writer.quantise(inputs, self.read(source), node.name, at)
        return self.writer.conv(weights, inputs, x, node.name, at, factor, offset, activation)

    def fold(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        """Factor and offset of normalisation i (folding.py)."""
        controller = self.network.controller
        columns = controller.columns if controller is not None else 1
        return fold(self.nodes[i].cell, columns, first_row_only=i < self.network.split)


_LOWER = {
    CONV: _Lowering.conv, DENSE: _Lowering.dense, NORM: _Lowering.norm, MEAN: _Lowering.mean,
    MAX_POOL: _Lowering.max_pool, SUBSAMPLE: _Lowering.subsample,
}  # fmt: skip


def _rows_of_choices(system: System, rows: int) -> list[int]:
    """The row of statistics that belongs to each candidate, where all layers take it."""
    ways = system.ways if rows > 1 else ()
    return [ways.index(k) if k in ways else 0 for k in range(system.controller.choices)]


def _place(layer: nn.Cell) -> Place:
    """Of a dense layer, that of a convolution of one pixel."""
    geometry = (getattr(layer, name, default) for name, default in (("stride", 1), ("padding", 0), ("groups", 1)))
    plan = (getattr(layer, name, default) for name, default in (("slot", -1), ("columns", (0, 0)), ("tied", True)))
    return Place(*geometry, *plan)


def _exponent(network: nn.Cell, picture: Picture) -> int:
    """Binary point of all sums: int32 with HEADROOM above the largest value that a quantiser keeps."""
    largest = float(np.abs(picture.values).max())
    for _, cell in network.cells_and_names():
        quantizer = getattr(cell, "input_quantizer", None)
        if quantizer is not None:
            largest = max(largest, quantizer.integer_form().largest)
    return 30 - int(np.ceil(np.log2(HEADROOM * largest)))
