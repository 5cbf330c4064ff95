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

Each layer of codes becomes int8 weights with DequantizeLinear, its input Clip, QuantizeLinear and
DequantizeLinear, and what followed it a factor and an offset per channel. A width below 8 is the
range of the Clip: runtimes hold the codes in 8 bits. QuantizeLinear rounds a half to even, this
project up; the two differ on exact halves alone.
"""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from src.engine.integers import INT32, limits
from src.engine.operations import Add, Affine, Conv, Input, MaxPool, Pool, Quantise, Subsample, Wide
from src.engine.program import Program
from src.errors import UserError

OPSET = 13
IR_VERSION = 8
EIGHT = 127  # largest int8


def as_qdq(program: Program, size: int, classes: int):
    """An onnx.ModelProto: image (1, 3, size, size) float32 -> logits (1, classes).

    Args:
        program: of `lower`, without a controller; its notes hold the scales.

    Raises:
        UserError: codes that int8 and one rounding cannot hold.
    """
    graph = _Graph(program)
    for i, op in enumerate(program.operations):
        graph.add(i, op)
    last = graph.node("Flatten", [graph.maps[-1]])
    graph.node("Identity", [last], name="logits")
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, size, size])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, classes])
    made = helper.make_graph(graph.nodes, "network", [image], [logits], graph.tensors)
    return helper.make_model(
        made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
    )


class _Graph:
    """maps: the name of each register's real values."""

    def __init__(self, program: Program):
        self.names, self.scales = program.notes["layers"], program.notes["scales"]
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
        self.tensors.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def add(self, i: int, op) -> None:
        build = {
            Input: self._input, Quantise: self._quantise, Conv: self._conv, Wide: self._wide,
            Affine: self._affine, Add: self._add, Pool: self._mean, MaxPool: self._max_pool,
            Subsample: self._subsample,
        }[type(op)]  # fmt: skip
        self.maps.append(build(op, self.names[i]))

    def _input(self, op: Input, name: str) -> str:
        if op.bits == 0:
            return "image"
        scale = self.scales[self.readers[len(self.maps)]]["inputs"][0]
        return self._codes("image", scale, op.bits, signed=True)

    def _quantise(self, op: Quantise, name: str) -> str:
        inverse = float(op.arrays["multiplier"][0]) * 2.0**-op.shift * self.unit
        return self._codes(self.maps[op.x], 1 / inverse, int(op.arrays["bits"][0]), bool(op.signed))

    def _codes(self, x: str, scale: float, bits: int, signed: bool) -> str:
        """Real values of the codes of x."""
        low, high = limits(bits, signed)
        scale = np.float32(scale)
        ends = [self.tensor(np.float32(code * scale)) for code in (low, high)]
        clipped = self.node("Clip", [x, *ends])
        zero = self.tensor(np.array(0, np.int8 if signed else np.uint8))
        pair = [self.tensor(scale), zero]
        return self.node("DequantizeLinear", [self.node("QuantizeLinear", [clipped, *pair]), *pair])

    def _conv(self, op: Conv, name: str) -> str:
        codes = op.arrays["weight.0"].astype(np.int64)
        codes = 2 * codes + 1 if op.odd else codes
        if op.master and op.master != op.arrays["bits"].max():
            raise UserError(f"--qdq: {name} holds nested codes, which are rounded twice")
        if np.abs(codes + 0.5).max() > EIGHT + 0.5:
            raise UserError(f"--qdq: the weight codes of {name} do not fit int8")
        scales = np.float32(self.scales[name]["weights"][0])
        zeros = np.zeros(scales.shape, np.int8)
        one = scales.size == 1
        pair = [self.tensor(v.reshape(()) if one else v) for v in (scales, zeros)]
        weight = self.node("DequantizeLinear", [self.tensor(codes.astype(np.int8)), *pair], axis=0)
        y = self._convolution(op, weight)
        steps = scales.astype(np.float64) * self.scales[name]["inputs"][0]
        factor = op.arrays["multiplier"][0, 0, 0] * 2.0**-op.shift / self.unit / steps
        offset = op.arrays["bias"][0, 0, 0] * 2.0**-op.shift / self.unit
        return self._per_channel(op, y, factor, offset)

    def _wide(self, op: Wide, name: str) -> str:
        weight = op.arrays["weight"] * 2.0**-op.shift
        return self._convolution(op, self.tensor(weight.astype(np.float32)))

    def _convolution(self, op: Conv | Wide, weight: str) -> str:
        return self.node(
            "Conv", [self.maps[op.x], weight], kernel_shape=[op.kernel] * 2,
            strides=[op.stride] * 2, pads=[op.padding] * 4, group=op.groups,
        )  # fmt: skip

    def _affine(self, op: Affine, name: str) -> str:
        factor = op.arrays["multiplier"][0] * 2.0**-op.shift
        offset = op.arrays["bias"][0] * 2.0**-op.shift / self.unit
        return self._per_channel(op, self.maps[op.x], factor, offset)

    def _per_channel(self, op: Conv | Affine, y: str, factor: np.ndarray, offset: np.ndarray) -> str:
        shape = (1, -1, 1, 1)
        y = self.node("Mul", [y, self.tensor(factor.astype(np.float32).reshape(shape))])
        y = self.node("Add", [y, self.tensor(offset.astype(np.float32).reshape(shape))])
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
