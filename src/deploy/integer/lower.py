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
folds into one multiplier and bias per channel; what adds up (residual sums, pools, logits) is int32
with one binary point for the whole network. A layer that stayed float, and the controller, get
weights of up to 30 bits, which loses less than float32 does.

How the residual stream is held is our choice: with 8 bits, as integer runtimes do, the program would
differ from the trained network; with 32 it does not, for methods that know nothing of integers too.
"""

import math
from dataclasses import dataclass

import numpy as np
from mindspore import nn

from src.controllers.base import BEGIN, INPUT, Decision, Purse
from src.deploy.integer.fixed_point import (
    MULTIPLIER_BITS,
    fixed_point,
    fixed_weights,
    round_half_up,
)
from src.engine.integers import INT32, limits
from src.engine.program import (
    Add,
    Affine,
    Budget,
    Choose,
    Conv,
    Input,
    MaxPool,
    Operation,
    Pool,
    Program,
    Quantise,
    Subsample,
    Wide,
)
from src.errors import UserError
from src.layers.activation import NONE, RELU, Activation
from src.layers.conv import Conv2d, Dense
from src.layers.norm import EPSILON, BatchNorm
from src.methods.base import System
from src.models.backbone import CONV, DENSE, IMAGE, MAX_POOL, MEAN, NORM, SUBSAMPLE, Node
from src.models.network import Network
from src.quantizers.integer_form import IntegerInputs, IntegerWeights

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
    lowering = _Lowering(system.network, picture)
    lowering.run()
    notes = notes | {"exponent": lowering.exponent, "layers": lowering.names,
                     "scales": lowering.scales, "widths": list(system.widths)}  # fmt: skip
    if system.controller is not None:
        notes |= {"looks": system.controller.looks, "rows_of_choices": _rows_of_choices(system, lowering.rows)}
    if system.controller is not None and system.controller.spending is not None:
        notes["spending"] = system.controller.spending.as_dict()
    return Program(lowering.operations, lowering.rows, notes)


class _Lowering:
    """Walks the nodes; a convolution takes the normalisation behind it with it."""

    def __init__(self, network: Network, picture: Picture):
        self.network, self.nodes, self.picture = network, network.nodes, picture
        self.rows = max([1, *(_rows(node.cell) for node in self.nodes if node.kind == NORM)])
        self.exponent = _exponent(network, picture)
        self.unit = 2.0**self.exponent
        self.operations: list[Operation] = []
        self.names: dict[int, str] = {}
        self.scales: dict[str, list] = {}
        self.registers: dict[int, int] = {}  # of nodes
        self.normalised: dict[int, int] = {}  # of normalisations that a convolution took with it

    def add(self, op: Operation, name: str) -> int:
        """Append an operation; returns its register."""
        self.operations.append(op)
        self.names[len(self.operations) - 1] = name
        return len(self.operations) - 1

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
                self.decision(decision, self.read(node))

    def decide_for(self, node: Node) -> None:
        """What the controller decides from a dynamic node's input."""
        slot = getattr(node.cell, "slot", -1)
        if slot < 0:
            return
        for decision in self.network.controller.decisions():
            if decision.sees == INPUT and decision.slot == slot:
                self.decision(decision, self.read(node.inputs[0]))

    def decision(self, decision: Decision, x: int) -> None:
        """Choice logits from features, and the choice."""
        controller = self.network.controller
        name = "controller" if decision.sees == BEGIN else f"controller.{decision.slot}"
        x, bins = self.add(Pool(x, decision.bins), f"{name}.pool"), decision.bins
        for i, (weight, bias, relu) in enumerate(decision.dense, 1):
            # The first layer is a convolution over all bins.
            weight = weight.reshape(len(weight), -1, bins, bins)
            bins = 1
            x = self.wide(weight, x, f"{name}.fc{i}")
            if i == 1 and decision.purse is not None:
                x = self.mind(decision.purse, decision.slot, x, f"{name}.budget")
            offset = np.tile(bias.astype(np.float64) * self.unit, (self.rows, 1))
            activation = RELU if relu else NONE
            x = self.affine(x, np.ones_like(offset), offset, f"{name}.fc{i}", activation)
        self.add(
            Choose(
                x, decision.slot, decision.slots, controller.columns, controller.choices,
                int(decision.shared),
            ),  # fmt: skip
            f"{name}.choice",
        )

    def mind(self, purse: Purse, slot: int, x: int, name: str) -> int:
        """Budget and spending added to what a decision's first dense layer makes of its features."""
        real = np.stack([purse.asked, purse.spent]).astype(np.float64) * self.unit / purse.range
        # The sum of two products with numbers up to `range` stays below 2^62.
        most = min(MULTIPLIER_BITS, 60 - int(purse.range).bit_length())
        (asked, spent), _, shift = fixed_point(real, most=most)
        arrays = {"prices": purse.prices, "asked": asked, "spent": spent}
        layers = len(purse.prices)
        op = Budget(x, slot, layers, purse.budget, purse.base, purse.range, shift, arrays=arrays)
        return self.add(op, name)

    def bounds(self, activation: Activation) -> tuple[int, int]:
        """Least and largest value that an operation writes into a wide register."""
        low = INT32.min if activation.low is None else round(activation.low * self.unit)
        high = INT32.max if activation.high is None else round(activation.high * self.unit)
        return low, high

    def read(self, node: int) -> int:
        """The register of a node; of the image, its real values."""
        return self.image(0, None) if node == IMAGE else self.registers[node]

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
            factor, offset = (np.tile(v, (self.rows // len(v), 1)) for v in map(_of_rows, self.fold(i)))
            x = self.read(node.inputs[0])
            own = NONE if residual else activation
            y = self.affine(x, factor, offset * self.unit, node.name, own)
        if residual:
            op = Add(y, self.read(residual[0]), *self.bounds(activation))
            y = self.add(op, node.name.rpartition(".")[0])
        return y

    def dense(self, i: int, node: Node) -> int:
        bias = node.cell.bias.asnumpy().astype(np.float64)
        return self.multiply(node, node.inputs[0], 1.0, bias, NONE)

    def max_pool(self, i: int, node: Node) -> int:
        cell = node.cell
        x = self.read(node.inputs[0])
        return self.add(MaxPool(x, cell.kernel, cell.stride, cell.padding), node.name)

    def subsample(self, i: int, node: Node) -> int:
        cell = node.cell
        x = self.read(node.inputs[0])
        return self.add(Subsample(x, cell.stride, cell.before, cell.after), node.name)

    def mean(self, i: int, node: Node) -> int:
        return self.add(Pool(self.read(node.inputs[0]), 1), node.name)

    def multiply(self, node: Node, source: int, factor, offset, activation: Activation) -> int:
        """A layer and what follows it, y = factor (W x) + offset, both of a shape that broadcasts to
        (R, V, A, C): by row of statistics, choice of weights, choice of inputs, channel."""
        layer = node.cell
        one = np.ones((self.rows, 1, 1, layer.weight.shape[0]))
        factor, offset = factor * one, offset * one
        if isinstance(layer, Conv2d | Dense):
            factor, offset = _of_rows(factor), _of_rows(offset)
            x = self.read(source)
            stride, padding, groups = _geometry(layer)
            weight = layer.weight.asnumpy()
            weight = weight.reshape(weight.shape + (1,) * (4 - weight.ndim))
            y = self.wide(weight, x, node.name, stride, padding, groups)
            return self.affine(y, factor, offset * self.unit, node.name, activation)
        inputs = layer.input_quantizer.integer_form()
        if source == IMAGE and len(inputs.stored_bits) == 1:
            x = self.image(inputs.stored_bits[0], np.float32(inputs.inverses[0]))
        else:
            x = self.quantise(layer, self.read(source), node.name)
        return self.conv_of_codes(layer, x, node.name, factor, offset, activation)

    def image(self, bits: int, inv: np.float32 | None) -> int:
        """Pixels as codes, or, with bits 0, as real values."""
        values, size = self.picture.values, self.picture.size
        if bits:
            scaled = np.clip(values * inv, *limits(bits, True))
            table = round_half_up(scaled)  # in float32, as the network does
        else:
            table = round_half_up(values.astype(np.float64) * self.unit)
        arrays = {"table": table.astype(np.int32)}
        return self.add(Input(size, size, bits, arrays=arrays), "image")

    def wide(self, weight: np.ndarray, x: int, name: str, stride=1, padding=0, groups=1) -> int:
        values, shift = fixed_weights(weight)
        c_out, _, kernel, _ = weight.shape
        op = Wide(x, c_out, kernel, stride, padding, groups, shift, arrays={"weight": values})
        return self.add(op, name)

    def affine(self, x: int, factor, offset, name: str, activation: Activation) -> int:
        multiplier, bias, shift = fixed_point(factor, offset)
        arrays = {"multiplier": multiplier, "bias": bias}
        return self.add(Affine(x, shift, *self.bounds(activation), arrays=arrays), name)

    def quantise(self, layer: nn.Cell, x: int, name: str) -> int:
        """The codes of a layer's input, of the master's where there is one."""
        form = layer.input_quantizer.integer_form()
        multiplier, _, shift = fixed_point(np.array(form.inverses) / self.unit)
        slot, columns = getattr(layer, "slot", -1), getattr(layer, "columns", (0, 0))
        arrays = {"multiplier": multiplier, "bits": np.array(form.stored_bits, np.int64)}
        signed = int(form.signed)
        return self.add(Quantise(x, shift, signed, slot, columns[1], arrays=arrays), name)

    def conv_of_codes(
        self, layer: nn.Cell, x: int, name: str, factor, offset, activation: Activation
    ) -> int:
        """factor, offset (R, V or 1, A or 1, O): what follows the convolution, in real units."""
        weights, inputs = _integer_forms(layer, name)
        tied = getattr(layer, "tied", True)
        scales = _pairs(weights.scales, inputs.scales, tied)  # (V, A, 1 or O)
        self.scales[name] = {"weights": [np.ravel(s).tolist() for s in weights.scales],
                             "inputs": inputs.scales}  # fmt: skip
        real = factor * scales[None] * self.unit
        multiplier, bias, shift = fixed_point(real, offset * self.unit)
        arrays = {"multiplier": multiplier, "bias": bias}
        arrays["bits"] = np.array([weights.bits, inputs.bits], np.int64)
        arrays |= {f"weight.{v}": w for v, w in enumerate(weights.codes)}
        shape, columns = weights.codes[0].shape, getattr(layer, "columns", (0, 0))
        op = Conv(
            x, shape[0], shape[1], shape[2], *_geometry(layer), getattr(layer, "slot", -1),
            *columns, weights.master, int(weights.odd), shift, *self.bounds(activation), arrays=arrays,
        )  # fmt: skip
        return self.add(op, name)

    def fold(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        """Of normalisation i: y = factor x + offset, in float64, of a shape that broadcasts to (R, V, A, C)."""
        norm = self.nodes[i].cell
        mean, variance, gamma, beta = (
            p.asnumpy().astype(np.float64)
            for p in (norm.moving_mean, norm.moving_variance, norm.gamma, norm.beta)
        )
        factor = np.atleast_2d(gamma / np.sqrt(variance + EPSILON))
        offset = beta - mean * factor
        if norm.by_choice:
            columns = self.network.controller.columns
            shape = (1, -1, 1 if columns == 1 else math.isqrt(len(factor)), factor.shape[1])
            return factor.reshape(shape), offset.reshape(shape)
        if i < self.network.split:  # what no choice concerns always uses the first row
            factor, offset = factor[:1], offset[:1]
        return factor[:, None, None], offset[:, None, None]


_LOWER = {
    CONV: _Lowering.conv, DENSE: _Lowering.dense, NORM: _Lowering.norm, MEAN: _Lowering.mean,
    MAX_POOL: _Lowering.max_pool, SUBSAMPLE: _Lowering.subsample,
}  # fmt: skip


def _rows_of_choices(system: System, rows: int) -> list[int]:
    """The row of statistics that belongs to each candidate, where all layers take it."""
    ways = system.ways if rows > 1 else ()
    return [ways.index(k) if k in ways else 0 for k in range(system.controller.choices)]


def _rows(norm: BatchNorm) -> int:
    """Rows of statistics that a normalisation has, those of a layer's choice apart."""
    return norm.moving_mean.shape[0] if norm.moving_mean.ndim == 2 and not norm.by_choice else 1


def _of_rows(values: np.ndarray) -> np.ndarray:
    """(R, C) of (R, 1, 1, C). UserError: they depend on a choice."""
    if values.shape[1:3] != (1, 1):
        raise UserError(
            "statistics that follow a layer's choice fold into that layer alone, and another reads it, too"
        )
    return values[:, 0, 0]


def _geometry(layer: nn.Cell) -> tuple[int, int, int]:
    """Stride, padding and groups; of a dense layer, those of a convolution of one pixel."""
    return tuple(getattr(layer, name, default) for name, default in (("stride", 1), ("padding", 0), ("groups", 1)))


def _exponent(network: nn.Cell, picture: Picture) -> int:
    """Binary point of all sums: int32 with HEADROOM above the largest value that a quantiser keeps."""
    largest = float(np.abs(picture.values).max())
    for _, cell in network.cells_and_names():
        quantizer = getattr(cell, "input_quantizer", None)
        if quantizer is not None:
            largest = max(largest, quantizer.integer_form().largest)
    return 30 - int(np.ceil(np.log2(HEADROOM * largest)))


def _integer_forms(layer: nn.Cell, name: str) -> tuple[IntegerWeights, IntegerInputs]:
    """Of a quantised layer's weights and inputs."""
    weights = layer.weight_quantizer.integer_form(layer.weight)
    inputs = layer.input_quantizer.integer_form()
    if weights.master != inputs.master:
        raise UserError(
            f"layer {name}: weights with a master's code of {weights.master} bits and inputs with one of "
            f"{inputs.master} (0: none); an integer program needs the same for both"
        )
    return weights, inputs


def _pairs(w_scales: list[np.ndarray], a_scales: list[float], tied: bool) -> np.ndarray:
    """Products of scales by weight and input choice, (V, A, 1 or O); tied choices are one."""
    if len(w_scales) == len(a_scales) and tied:
        return np.stack([[w * a] for w, a in zip(w_scales, a_scales, strict=True)])
    return np.stack([[w * a for a in a_scales] for w in w_scales])
