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
"""The walk: float and quantised network side by side, node by node, each node settled before the next.

    layer           step of its inputs, then codes and steps of its weights, on inputs that earlier layers have
                    quantised already
    normalisation   running statistics; dense layer: bias                                          (shifts.py)

Values are kept only as long as a later node reads them. A pure function of networks, images and seed.
"""

import logging

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn

from src.keys import QuantConfig
from src.layers.static import StaticConv2d, StaticDense
from src.models.backbone import DENSE, IMAGE, NORM, Node
from src.models.network import Network
from src.parameters import assign
from src.ptq.moments import Moments, Window
from src.ptq.rounding import keep_output
from src.ptq.shifts import correct_bias, move_statistics, renew_statistics
from src.ptq.steps import sample, search_range

LOG = logging.getLogger("dynquant")
NEAREST = "nearest"  # quant.ptq_codes
MOVED, RENEWED, KEPT = "moved", "renewed", "kept"  # quant.ptq_statistics


def quantise_network(
    float_network: Network, network: Network, images: list[np.ndarray], quant: QuantConfig, seed: int,
) -> None:  # fmt: skip
    """Set steps, weights, statistics and biases of `network`, in place. It has no controller.

    Args:
        float_network: the one that `network` was made of.
        images: batches (N, 3, S, S), float32.
        quant: `start`, `ptq_codes` and `ptq_statistics` say what is done.
    """
    mode = ms.get_context("mode")
    ms.set_context(mode=ms.PYNATIVE_MODE)  # cells run one by one
    try:
        _Walk(float_network, network, images, quant, seed).run()
    finally:
        ms.set_context(mode=mode)


class _Walk:
    def __init__(self, float_network, network, images, quant: QuantConfig, seed: int):
        self.pairs = list(zip(float_network.nodes, network.nodes, strict=True))
        readers = [network.backbone.readers(i) for i in range(IMAGE, len(self.pairs))]
        self.last_read = {i: max([i, *r]) for i, r in enumerate(readers, IMAGE)}
        self.own = {IMAGE: [Tensor(x) for x in images]}
        self.quantised = dict(self.own)
        self.quant, self.seed = quant, seed

    def run(self) -> None:
        for i, (before, node) in enumerate(self.pairs):
            self._settle(before, node)
            self.own[i] = _outputs(before.cell, node.inputs, self.own)
            self.quantised[i] = _outputs(node.cell, node.inputs, self.quantised)
            if node.kind == DENSE and self.quant.ptq_statistics != KEPT:
                correct_bias(node.cell, _arrays(self.own[i]), _arrays(self.quantised[i]))
            for done in [j for j in self.own if self.last_read[j] <= i]:
                del self.own[done], self.quantised[done]

    def _settle(self, before: Node, node: Node) -> None:
        """What of a node is decided before it runs."""
        cell, source = node.cell, node.inputs[0]
        if isinstance(cell, (StaticConv2d, StaticDense)):
            inputs = self.quantised[source]
            self._settle_inputs(cell, _arrays(inputs))
            self._settle_weights(cell, inputs)
        elif node.kind == NORM and self.quant.ptq_statistics == MOVED:
            own, quantised = (_arrays(values[source]) for values in (self.own, self.quantised))
            move_statistics(cell, own, quantised)
        elif node.kind == NORM and self.quant.ptq_statistics == RENEWED:
            renew_statistics(cell, _arrays(self.quantised[source]))

    def _settle_inputs(self, cell: nn.Cell, inputs: list[np.ndarray]) -> None:
        quantizer = cell.input_quantizer
        if self.quant.searches(0) and search_range(quantizer, sample(inputs)):
            return
        if quantizer.learns_from_data:
            quantizer.init_from(inputs[0])

    def _settle_weights(self, cell: nn.Cell, inputs: list[Tensor]) -> None:
        quantizer, weight = cell.weight_quantizer, cell.weight.asnumpy()
        parameter, grids = quantizer.ranges()
        if parameter is None or not self.quant.searches(0):
            return
        if self.quant.ptq_codes == NEAREST:
            search_range(quantizer, weight)
            return
        window = _window(cell)
        moments = Moments(window, self.seed)
        for x in inputs:
            moments.add(cell.input_quantizer(x, 0).asnumpy())
        rows = weight.reshape(window.groups, len(weight) // window.groups, -1)
        codes, step = keep_output(rows, moments.centred(), grids[0][0], parameter.shape[-1])
        assign(parameter, step.reshape(parameter.shape))
        # Weights that are codes times the scale round to these codes.
        scale = quantizer(cell.weight, 0)[1].asnumpy().astype(np.float64)
        assign(cell.weight, codes.reshape(weight.shape) * scale.reshape((-1,) + (1,) * (weight.ndim - 1)))


def _window(cell: nn.Cell) -> Window:
    if isinstance(cell, StaticDense):
        return Window()
    return Window(cell.groups, cell.weight.shape[2], cell.stride, cell.padding)


def _outputs(cell: nn.Cell, inputs: tuple[int, ...], values: dict[int, list[Tensor]]) -> list[Tensor]:
    cell.set_train(False)
    return [cell(*batch) for batch in zip(*(values[i] for i in inputs), strict=True)]


def _arrays(batches: list[Tensor]) -> list[np.ndarray]:
    return [x.asnumpy() for x in batches]
