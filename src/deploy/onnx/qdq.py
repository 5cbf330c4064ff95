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
"""The integer program of a static network as an ONNX graph of quantise / dequantise pairs.

Each layer of codes becomes int8 weights with DequantizeLinear and its input QuantizeLinear and
DequantizeLinear, behind a Clip where the width is below 8: runtimes hold the codes in 8 bits. The factor
of a channel that followed the layer goes into the scale of its weights, the offset becomes the bias, so
that a runtime finds a quantised convolution and nothing else. Below 8 bits the offset is added behind instead: ONNX
Runtime rounds the bias of a quantised convolution to a multiple of input scale x weight scale, which is coarse
there, and does not take such layers for its integer kernels, as the Clip is between. Learned levels are a sum of
steps before the pair, and weights among them int8 like others. QuantizeLinear rounds a half to even, this project
up; the two differ on exact halves alone.
"""

from dataclasses import dataclass

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from src.engine.integers import INT32, limits
from src.engine.operations import (
    Add,
    Affine,
    Bucketise,
    Conv,
    Input,
    MaxPool,
    Pool,
    Quantise,
    Subsample,
    Wide,
)
from src.engine.program import Program
from src.errors import UserError
from src.quantizers.fixed_levels import flights

OPSET = 13
IR_VERSION = 8
EIGHT = 127  # largest int8


@dataclass(frozen=True)
class Held:
    """8-bit codes in which a runtime holds what a register holds in 32 bits."""

    scale: float
    signed: bool


def as_qdq(
    program: Program, size: int, classes: int, batch: int = 1, held: dict[int, Held] | None = None
):
    """An onnx.ModelProto: image (batch, 3, size, size) float32 -> logits (batch, classes).

    Args:
        program: of `lower`, or its artefact, without a controller; its notes hold the scales. That of a float network
            becomes a float graph.
        held: by register, those that 8 bits are to hold, as integer runtimes do with sums of
            residuals, and this project does not; what then quantises them again is left out.

    Raises:
        UserError: codes that int8 and one rounding cannot hold.
    """
    graph = _Graph(program, held or {})
    for i, op in enumerate(program.operations):
        graph.add(i, op)
    last = graph.node("Flatten", [graph.maps[-1]])
    graph.node("Identity", [last], name="logits")
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [batch, 3, size, size])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, [batch, classes])
    made = helper.make_graph(graph.nodes, "network", [image], [logits], graph.tensors)
    return helper.make_model(
        made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
    )


class _Graph:
    """maps: the name of each register's real values; of a Wide whose only reader, an Affine, takes it with
    it, an empty one."""

    def __init__(self, program: Program, held: dict[int, Held]):
        self.operations, self.held = program.operations, held
        # A file's notes have texts as keys.
        self.names = {int(i): name for i, name in program.notes["layers"].items()}
        self.scales = program.notes["scales"]
        # Of each register, the last layer that reads it.
        self.readers = {r: self.names[i] for i, op in enumerate(program.operations) for r in op.reads}
        self.unit = 2.0 ** program.notes["exponent"]
        self.nodes, self.tensors, self.maps = [], [], []

    def node(self, kind: str, inputs: list[str], name: str | None = None, **attributes) -> str:
        """Append a node; returns its output."""
        output = name or f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def tensor(self, values: np.ndarray) -> str:
        name = f"constant_{len(self.tensors)}"
        self.tensors.append(numpy_helper.from_array(np.array(values, order="C"), name))
        return name

    def add(self, i: int, op) -> None:
        build = {
            Input: self._input, Quantise: self._quantise, Conv: self._conv, Wide: self._wide,
            Affine: self._affine, Add: self._add, Pool: self._mean, MaxPool: self._max_pool,
            Subsample: self._subsample, Bucketise: self._bucketise,
        }[type(op)]  # fmt: skip
        self.maps.append(build(op, self.names[i]))
        if i in self.held:
            self.maps[i] = self._codes(self.maps[i], self.held[i].scale, 8, self.held[i].signed)

    def _input(self, op: Input, name: str) -> str:
        if op.bits == 0:
            return "image"
        scale = self.scales[self.readers[len(self.maps)]]["inputs"][0]
        return self._codes("image", scale, op.bits, signed=True)

    def _quantise(self, op: Quantise, name: str) -> str:
        if op.x in self.held:
            return self.maps[op.x]
        inverse = float(op.arrays["multiplier"][0]) * 2.0**-op.shift * self.unit
        return self._codes(self.maps[op.x], 1 / inverse, int(op.arrays["bits"][0]), bool(op.signed))

    def _codes(self, x: str, scale: float, bits: int, signed: bool) -> str:
        """Real values of the codes of x."""
        low, high = limits(bits, signed)
        scale = np.float32(scale)
        if bits < 8:  # 8 bits are clipped by the type of the codes
            ends = [self.tensor(np.float32(code * scale)) for code in (low, high)]
            x = self.node("Clip", [x, *ends])
        zero = self.tensor(np.array(0, np.int8 if signed else np.uint8))
        pair = [self.tensor(scale), zero]
        return self.node("DequantizeLinear", [self.node("QuantizeLinear", [x, *pair]), *pair])

    def _bucketise(self, op: Bucketise, name: str) -> str:
        scale = np.float32(self.scales[name]["inputs"][0])
        u = self._with("Div", self.maps[op.x], scale)
        y = self.tensor(np.float32(op.arrays["levels"][0]))
        for flight in flights(op.arrays["levels"]):
            steps = self._with("Div", self._with("Sub", u, flight.start), flight.width)
            ends = [self.tensor(np.float32(end)) for end in (0, flight.count)]
            steps = self.node("Clip", [self.node("Floor", [steps]), *ends])
            y = self.node("Add", [y, self._with("Mul", steps, flight.step)])
        return self._codes(self._with("Mul", y, scale), scale, 8, bool(op.signed))

    def _with(self, kind: str, x: str, number: float) -> str:
        """An operator on values and a number."""
        return self.node(kind, [x, self.tensor(np.float32(number))])

    def _conv(self, op: Conv, name: str) -> str:
        codes = op.arrays["weight.0"].astype(np.int64)
        codes = 2 * codes + 1 if op.odd else codes
        if op.master and op.master != op.arrays["bits"].max():
            raise UserError(f"--qdq: {name} holds nested codes, which are rounded twice")
        if np.abs(codes + 0.5).max() > EIGHT + 0.5:
            raise UserError(f"--qdq: the weight codes of {name} do not fit int8")
        scales = np.resize(np.float64(self.scales[name]["weights"][0]), op.c_out)
        steps = scales * self.scales[name]["inputs"][0]
        factor = op.arrays["multiplier"][0, 0, 0] * 2.0**-op.shift / self.unit / steps
        offset = op.arrays["bias"][0, 0, 0] * 2.0**-op.shift / self.unit
        turned = codes * np.sign(factor).astype(np.int64)[:, None, None, None]
        if turned.max() > EIGHT:  # -128 has no counterpart
            y = self._convolution(op, self._weight(codes, scales))
            return self._per_channel(op, y, factor, offset)
        weight = self._weight(turned, np.where(factor == 0, 1, np.abs(factor) * scales))
        if op.arrays["bits"].min() == 8:
            return self._bounded(op, self._convolution(op, weight, offset))
        return self._shifted(op, self._convolution(op, weight), offset)

    def _weight(self, codes: np.ndarray, scales: np.ndarray) -> str:
        """Real values of int8 codes, by the scale of each output channel."""
        pair = [self.tensor(scales.astype(np.float32)), self.tensor(np.zeros(len(scales), np.int8))]
        return self.node("DequantizeLinear", [self.tensor(codes.astype(np.int8)), *pair], axis=0)

    def _wide(self, op: Wide, name: str) -> str:
        if self._goes_into_affine(len(self.maps)):
            return ""
        return self._convolution(op, self.tensor(_real(op).astype(np.float32)))

    def _goes_into_affine(self, register: int) -> bool:
        readers = [op for op in self.operations if register in op.reads]
        return isinstance(self.operations[register], Wide) and [type(op) for op in readers] == [Affine]

    def _convolution(self, op: Conv | Wide, weight: str, bias: np.ndarray | None = None) -> str:
        also = [] if bias is None else [self.tensor(bias.astype(np.float32))]
        return self.node(
            "Conv", [self.maps[op.x], weight, *also], kernel_shape=[op.kernel] * 2,
            strides=[op.stride] * 2, pads=[op.padding] * 4, group=op.groups,
        )  # fmt: skip

    def _affine(self, op: Affine, name: str) -> str:
        factor = op.arrays["multiplier"][0] * 2.0**-op.shift
        offset = op.arrays["bias"][0] * 2.0**-op.shift / self.unit
        if self._goes_into_affine(op.x):
            wide = self.operations[op.x]
            weight = _real(wide) * factor[:, None, None, None]
            return self._bounded(op, self._convolution(wide, self.tensor(weight.astype(np.float32)), offset))
        return self._per_channel(op, self.maps[op.x], factor, offset)

    def _per_channel(self, op: Conv | Affine, y: str, factor: np.ndarray, offset: np.ndarray) -> str:
        y = self.node("Mul", [y, self.tensor(factor.astype(np.float32).reshape(1, -1, 1, 1))])
        return self._shifted(op, y, offset)

    def _shifted(self, op: Conv | Affine, y: str, offset: np.ndarray) -> str:
        y = self.node("Add", [y, self.tensor(offset.astype(np.float32).reshape(1, -1, 1, 1))])
        return self._bounded(op, y)

    def _add(self, op: Add, name: str) -> str:
        y = self.node("Add", [self.maps[op.x], self.maps[op.y]])
        return self._bounded(op, y)

    def _bounded(self, op: Conv | Affine | Add, y: str) -> str:
        """The activation."""
        if (op.low, op.high) == (INT32.min, INT32.max):
            return y
        if (op.low, op.high) == (0, INT32.max):
            return self.node("Relu", [y])
        ends = [self.tensor(np.float32(end / self.unit)) for end in (op.low, op.high)]
        return self.node("Clip", [y, *ends])

    def _mean(self, op: Pool, name: str) -> str:
        return self.node("GlobalAveragePool", [self.maps[op.x]])

    def _max_pool(self, op: MaxPool, name: str) -> str:
        return self.node(
            "MaxPool", [self.maps[op.x]], kernel_shape=[op.kernel] * 2, strides=[op.stride] * 2,
            pads=[op.padding] * 4,
        )  # fmt: skip

    def _subsample(self, op: Subsample, name: str) -> str:
        bounds = [np.array(v, np.int64) for v in ([0, 0], [2**31 - 1] * 2, [2, 3], [op.stride] * 2)]
        y = self.node("Slice", [self.maps[op.x], *map(self.tensor, bounds)])
        pads = np.array([0, op.before, 0, 0, 0, op.after, 0, 0], np.int64)
        return self.node("Pad", [y, self.tensor(pads)])


def _real(op: Wide) -> np.ndarray:
    return op.arrays["weight"] * 2.0**-op.shift
