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
"""PyTorch as a peer: the nodes of an ONNX file as a module, quantised by PyTorch itself where asked.

Eager FX quantisation (`torch.ao`, engine x86) is what PyTorch ships for integer convolutions on a CPU. It finds
its own ranges of activations, on the images that are timed, and leaves out the pairs in the file.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from src.bench.infer_case import FLOAT, InferCase
from src.bench.onnx_graph import Graph, GraphNode, read_graph


def torch_answer(case: InferCase, images: np.ndarray) -> tuple[Callable, str]:
    """(function that answers the images, version)."""
    import torch

    torch.set_num_threads(case.threads)
    torch.set_grad_enabled(False)
    module = as_module(read_graph(Path(case.file))).eval()
    x = torch.from_numpy(images).contiguous(memory_format=torch.channels_last)
    if case.kind != FLOAT:
        module = _quantised(module, x)
    module = torch.jit.freeze(torch.jit.trace(module, x))
    return lambda: module(x).numpy(), f"torch {torch.__version__}"


def as_module(graph: Graph):
    """A torch.fx.GraphModule of real values: pairs of Quantize- and DequantizeLinear are left out."""
    import torch

    root, made = torch.nn.Module(), torch.fx.Graph()
    values = {"image": made.placeholder("image")}
    constants = dict(graph.constants)
    for place, node in enumerate(graph.nodes):
        if node.kind == "DequantizeLinear" and node.inputs[0] in constants:
            codes, scale = (constants[name] for name in node.inputs[:2])
            constants[node.output] = (codes * scale[:, None, None, None]).astype(np.float32)
        elif node.kind in ("QuantizeLinear", "DequantizeLinear", "Identity"):
            values[node.output] = values[node.inputs[0]]
        else:
            read = tuple(values[name] for name in node.inputs if name in values)
            if node.kind in ("Add", "Slice", "Pad"):
                values[node.output] = made.call_function(_function(node, constants), read)
                continue
            root.add_module(f"node{place}", _module(node, constants))
            values[node.output] = made.call_module(f"node{place}", read)
    made.output(values[graph.nodes[-1].output])
    return torch.fx.GraphModule(root, made).to(memory_format=torch.channels_last)


def _quantised(module, x):
    import warnings

    from torch.ao.quantization import get_default_qconfig_mapping
    from torch.ao.quantization.quantize_fx import convert_fx, prepare_fx

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its being deprecated
        prepared = prepare_fx(module, get_default_qconfig_mapping("x86"), (x,))
        prepared(x)
        return convert_fx(prepared)


def _module(node: GraphNode, constants: dict[str, np.ndarray]):
    from torch import nn

    if node.kind == "Conv":
        return _conv(node, constants)
    if node.kind == "Clip":
        low, high = (float(constants[name]) for name in node.inputs[1:])
        return nn.ReLU6() if (low, high) == (0, 6) else nn.Hardtanh(low, high)
    if node.kind == "MaxPool":
        sizes = (node.attributes[name][0] for name in ("kernel_shape", "strides", "pads"))
        return nn.MaxPool2d(*sizes)
    return {"Relu": nn.ReLU, "GlobalAveragePool": lambda: nn.AdaptiveAvgPool2d(1), "Flatten": nn.Flatten}[node.kind]()


def _function(node: GraphNode, constants: dict[str, np.ndarray]) -> Callable:
    import torch
    from torch.nn import functional

    if node.kind == "Add":
        return torch.add
    if node.kind == "Slice":
        step = int(constants[node.inputs[4]][0])
        return lambda x: x[:, :, ::step, ::step]
    before, after = constants[node.inputs[1]][[1, 5]].tolist()
    return lambda x: functional.pad(x, (0, 0, 0, 0, before, after))


def _conv(node: GraphNode, constants: dict[str, np.ndarray]):
    import torch

    weight, bias = (torch.from_numpy(constants[name].copy()) for name in node.inputs[1:])
    made = torch.nn.Conv2d(
        weight.shape[1] * node.attributes["group"], weight.shape[0], weight.shape[2],
        node.attributes["strides"][0], node.attributes["pads"][0], groups=node.attributes["group"],
    )  # fmt: skip
    made.weight.data, made.bias.data = weight, bias
    return made
