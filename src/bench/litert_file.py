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
"""An ONNX file of our exporter as a LiteRT flatbuffer, node by node, with the same codes and scales.

LiteRT's own converters start from TensorFlow or PyTorch and quantise by themselves; here a peer is to run the
network that the others run. A pair of Quantize- and DequantizeLinear becomes the type of the tensor before
it (uint8 as int8, 128 lower), an activation part of its operator. Values are NHWC; where a padding is not
what LiteRT calls SAME it is an operator of its own. The schema comes with the package ai-edge-litert.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from src.bench.onnx_graph import Graph, GraphNode, read_graph
from src.errors import UserError

FILE_KIND = b"TFL3"
LOWER = 128  # between uint8 and int8


@dataclass(frozen=True)
class Value:
    """A tensor: its number, its shape (NHWC), and scale and zero point of its codes, or None: float."""

    tensor: int
    shape: tuple[int, ...]
    codes: tuple[float, int] | None


def to_litert(path: Path) -> bytes:
    """The flatbuffer: image (N, S, S, 3) float32 -> logits (N, classes) float32.

    Raises:
        UserError: a node that has no counterpart here.
        ImportError: ai-edge-litert is not installed.
    """
    writer = _Writer(read_graph(path))
    writer.write()
    return writer.packed()


class _Writer:
    def __init__(self, graph: Graph):
        from ai_edge_litert import schema_py_generated as schema

        self.schema, self.graph = schema, graph
        self.tensors, self.operators, self.codes = [], [], []
        self.buffers = [schema.BufferT()]  # by convention the first is empty
        self.values: dict[str, Value] = {}

    def write(self) -> None:
        """All operators, from the image to the logits."""
        n, c, h, w = self.graph.shape
        self.values["image"] = image = self.tensor((n, h, w, c))
        self.inputs = [image.tensor]
        for node in self.graph.nodes:
            if node.output in self.values or node.inputs[0] in self.graph.constants:
                continue
            _WRITE.get(node.kind, _Writer.refuse)(self, node)
        self.outputs = [self.values[self.graph.nodes[-1].output].tensor]

    def packed(self) -> bytes:
        import flatbuffers

        s = self.schema
        graph, model = s.SubGraphT(), s.ModelT()
        graph.tensors, graph.operators = self.tensors, self.operators
        graph.inputs, graph.outputs = self.inputs, self.outputs
        model.version, model.subgraphs, model.buffers = 3, [graph], self.buffers
        model.operatorCodes, model.description = self.codes, b"network"
        builder = flatbuffers.Builder(1 << 20)
        builder.Finish(model.Pack(builder), FILE_KIND)
        return bytes(builder.Output())

    # What is written

    def tensor(self, shape, codes=None, data: np.ndarray | None = None, axis: int = 0, kind: str = "") -> Value:
        """codes: (scale, zero point) or arrays of them, along `axis`; data: of a constant."""
        s, made = self.schema, self.schema.TensorT()
        made.shape, made.name = list(shape), f"t{len(self.tensors)}".encode()
        made.type = getattr(s.TensorType, kind or ("INT8" if codes else "FLOAT32"))
        if codes:
            made.quantization = s.QuantizationParametersT()
            made.quantization.scale = np.atleast_1d(codes[0]).astype(np.float32).tolist()
            made.quantization.zeroPoint = np.broadcast_to(codes[1], np.shape(np.atleast_1d(codes[0]))).tolist()
            made.quantization.quantizedDimension = axis
        if data is not None:
            buffer = s.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(data).tobytes(), np.uint8)
            self.buffers.append(buffer)
            made.buffer = len(self.buffers) - 1
        self.tensors.append(made)
        return Value(len(self.tensors) - 1, tuple(shape), codes)

    def constant(self, data: np.ndarray) -> Value:
        return self.tensor(data.shape, None, data, kind="INT32")

    def operator(
        self, kind: str, version: int, inputs: list[Value], output: Value, options: str, **values
    ) -> Value:
        """Append one; returns its output. options: the schema's table for it, with its `values`."""
        s, code = self.schema, self.schema.OperatorCodeT()
        code.builtinCode = getattr(s.BuiltinOperator, kind)
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)
        code.version = version
        made = s.OperatorT()
        made.opcodeIndex = len(self.codes)
        self.codes.append(code)
        made.inputs, made.outputs = [v.tensor for v in inputs], [output.tensor]
        made.builtinOptionsType = getattr(s.BuiltinOptions, options)
        made.builtinOptions = getattr(s, f"{options}T")()
        for name, value in values.items():
            setattr(made.builtinOptions, name, value)
        self.operators.append(made)
        return output

    # What the graph says

    def result(self, node: GraphNode) -> tuple[list[str], int, tuple | None]:
        """What a runtime fuses behind a node: (names of all values on the way, activation, codes)."""
        act, names, codes = self.schema.ActivationFunctionType.NONE, [node.output], None
        while len(readers := self.graph.readers(names[-1])) == 1 and codes is None:
            (reader,) = readers
            if reader.kind == "Relu" and not act:
                act = self.schema.ActivationFunctionType.RELU
            elif reader.kind == "Clip" and not act and self.bounds(reader) == (0, 6):
                act = self.schema.ActivationFunctionType.RELU6
            elif reader.kind == "QuantizeLinear":
                codes = self.pair(reader)
                names.append(reader.output)
                (reader,) = self.graph.readers(reader.output)
            else:
                break
            names.append(reader.output)
        return names, act, codes

    def bounds(self, clip: GraphNode) -> tuple[float, float]:
        return tuple(float(self.graph.constants[name]) for name in clip.inputs[1:])

    def pair(self, node: GraphNode) -> tuple[float, int]:
        """Scale and int8 zero point of a QuantizeLinear."""
        scale, zero = (self.graph.constants[name] for name in node.inputs[1:])
        return float(scale), -LOWER if zero.dtype == np.uint8 else 0

    def set(self, names: list[str], value: Value) -> None:
        for name in names:
            self.values[name] = value

    def refuse(self, node: GraphNode) -> None:
        raise UserError(f"LiteRT: no counterpart of the ONNX node {node.kind} is known here")

    # Nodes

    def quantize(self, node: GraphNode) -> None:
        """Of the image, or of a value that its operator could not take in."""
        x = self.values[node.inputs[0]]
        y = self.operator("QUANTIZE", 2, [x], self.tensor(x.shape, self.pair(node)), "QuantizeOptions")
        self.set([node.output, *(reader.output for reader in self.graph.readers(node.output))], y)

    def conv(self, node: GraphNode) -> None:
        x, (names, act, codes) = self.values[node.inputs[0]], self.result(node)
        weight, bias = self.weights(node, x)
        stride, sizes = node.attributes["strides"][0], node.attributes["kernel_shape"][0]
        x, padding, side = self.padded(x, node, sizes, stride)
        depthwise = node.attributes["group"] > 1
        y = self.tensor((x.shape[0], side, side, bias.shape[0]), codes)
        kind, more = ("DEPTHWISE_CONV_2D", {"depthMultiplier": 1}) if depthwise else ("CONV_2D", {})
        options = "DepthwiseConv2DOptions" if depthwise else "Conv2DOptions"
        self.operator(kind, 3, [x, weight, bias], y, options, padding=padding, strideH=stride, strideW=stride,
                      fusedActivationFunction=act, **more)  # fmt: skip
        self.set(names, y)

    def weights(self, node: GraphNode, x: Value) -> tuple[Value, Value]:
        depthwise, bias = node.attributes["group"] > 1, self.graph.constants[node.inputs[2]]
        order, axis = ((1, 2, 3, 0), 3) if depthwise else ((0, 2, 3, 1), 0)
        writer = self.graph.writer(node.inputs[1])
        if writer is None:
            weight = self.graph.constants[node.inputs[1]].transpose(order)
            return self.tensor(weight.shape, None, weight), self.tensor(bias.shape, None, bias)
        data, scales = (self.graph.constants[name] for name in writer.inputs[:2])
        if depthwise and data.shape[1] != 1:
            self.refuse(node)
        data, steps = data.transpose(order), scales.astype(np.float64) * x.codes[0]
        whole = np.clip(np.floor(bias / steps + 0.5), -(2**31), 2**31 - 1).astype(np.int32)
        weight = self.tensor(data.shape, (scales, 0), data, axis)
        return weight, self.tensor(bias.shape, (steps, 0), whole, kind="INT32")

    def padded(self, x: Value, node: GraphNode, kernel: int, stride: int) -> tuple[Value, int, int]:
        """(input, LiteRT's padding, side of the output)"""
        p = node.attributes["pads"][0]
        side = (x.shape[1] + 2 * p - kernel) // stride + 1
        if p and stride == 1 and 2 * p == kernel - 1:
            return x, self.schema.Padding.SAME, side
        if p:
            x = self.pad(x, np.array([[0, 0], [p, p], [p, p], [0, 0]], np.int32))
        return x, self.schema.Padding.VALID, side

    def pad(self, x: Value, pads: np.ndarray) -> Value:
        y = self.tensor(np.array(x.shape) + pads.sum(1), x.codes)
        return self.operator("PAD", 2, [x, self.constant(pads)], y, "PadOptions")

    def pad_channels(self, node: GraphNode) -> None:
        pads = self.graph.constants[node.inputs[1]].reshape(2, 4).T[[0, 2, 3, 1]]
        self.keeps(node, self.pad(self.values[node.inputs[0]], pads.astype(np.int32)))

    def keeps(self, node: GraphNode, y: Value) -> None:
        """After an operator that cannot change scales: a pair of the same scale says nothing new."""
        names, _, codes = self.result(node)
        self.set(names if codes == y.codes else names[:1], y)

    def add(self, node: GraphNode) -> None:
        x, other = (self.values[name] for name in node.inputs)
        names, act, codes = self.result(node)
        y = self.operator("ADD", 2, [x, other], self.tensor(x.shape, codes), "AddOptions", fusedActivationFunction=act)
        self.set(names, y)

    def max_pool(self, node: GraphNode) -> None:
        """Its input is not negative, so that padding by zeros is padding by nothing."""
        stride, kernel = node.attributes["strides"][0], node.attributes["kernel_shape"][0]
        x, padding, side = self.padded(self.values[node.inputs[0]], node, kernel, stride)
        y = self.tensor((x.shape[0], side, side, x.shape[3]), x.codes)
        self.operator("MAX_POOL_2D", 2, [x], y, "Pool2DOptions", padding=padding, strideH=stride, strideW=stride,
                      filterHeight=kernel, filterWidth=kernel)  # fmt: skip
        self.keeps(node, y)

    def mean(self, node: GraphNode) -> None:
        x, (names, _, codes) = self.values[node.inputs[0]], self.result(node)
        y = self.tensor((x.shape[0], 1, 1, x.shape[3]), codes)
        axes = self.constant(np.array([1, 2], np.int32))
        self.set(names, self.operator("MEAN", 2, [x, axes], y, "ReducerOptions", keepDims=True))

    def pick(self, node: GraphNode) -> None:
        x, step = self.values[node.inputs[0]], int(self.graph.constants[node.inputs[4]][0])
        n, h, w, c = x.shape
        y = self.tensor((n, -(-h // step), -(-w // step), c), x.codes)
        bounds = [np.zeros(4, np.int32), np.array(x.shape, np.int32), np.array([1, step, step, 1], np.int32)]
        self.operator("STRIDED_SLICE", 2, [x, *map(self.constant, bounds)], y, "StridedSliceOptions")
        self.keeps(node, y)

    def flatten(self, node: GraphNode) -> None:
        x = self.values[node.inputs[0]]
        shape = [x.shape[0], int(np.prod(x.shape[1:]))]
        y = self.tensor(shape, x.codes)
        inputs = [x, self.constant(np.array(shape, np.int32))]
        self.operator("RESHAPE", 1, inputs, y, "ReshapeOptions", newShape=shape)
        if y.codes:
            y = self.operator("DEQUANTIZE", 2, [y], self.tensor(shape), "DequantizeOptions")
        self.values[node.output] = y

    def same(self, node: GraphNode) -> None:
        self.values[node.output] = self.values[node.inputs[0]]


_WRITE = {
    "QuantizeLinear": _Writer.quantize, "Conv": _Writer.conv, "Add": _Writer.add, "MaxPool": _Writer.max_pool,
    "GlobalAveragePool": _Writer.mean, "Slice": _Writer.pick, "Pad": _Writer.pad_channels,
    "Flatten": _Writer.flatten, "Identity": _Writer.same,
}  # fmt: skip
