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
"""A trained network whose quantisers are constants: the form that compiles to static graphs.

In training the quantised weights are computed from the stored ones in every pass. Here each width's
weights are computed once and kept as parameters, and batch normalisation, with its running
statistics, is one factor and one offset per channel: device compilers need constant weights
(MindSpore Lite 2.0 keeps the first call's weights where they are not constant). Values stay real
numbers on the low-width grid: a device without low-width arithmetic simulates the widths.
"""

import mindspore as ms
import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from src.layers.activation import Activate
from src.layers.norm import EPSILON, BatchNorm
from src.models.network import Network
from src.quantizers.base import ActivationQuantizer, WeightQuantizer


class FrozenWeights(nn.Cell):
    """(weight, slot) -> (values of the slot, None); what `weight` holds no longer matters."""

    def __init__(self, quantizer: WeightQuantizer, weight: Parameter):
        super().__init__()
        for slot in range(len(quantizer.widths)):
            values = quantizer(weight, slot)[0].asnumpy()
            setattr(self, f"values{slot}", Parameter(Tensor(values), requires_grad=False))

    def construct(self, weight, slot):
        return getattr(self, f"values{slot}"), None


class FrozenInputs(nn.Cell):
    """(x, slot) -> values of x on the grid of the slot."""

    def __init__(self, quantizer: ActivationQuantizer):
        super().__init__()
        self.slots = nn.CellList([quantizer.fixed(k) for k in range(len(quantizer.widths))])

    def construct(self, x, slot):
        return self.slots[slot](x)


class FrozenNorm(nn.Cell):
    """activation( factor x + offset [+ residual] ), of one row of statistics.

    Args:
        norm: of training, or frozen.
        row: which one; the first is that of mixed widths.

    Attributes:
        folded: factors and offsets, float32 (R, C) each.
    """

    def __init__(self, norm: nn.Cell, row: int = 0):
        super().__init__()
        self.activation, self.folded = norm.activation, _folded(norm)
        self.activate = Activate(self.activation)
        self.factor, self.offset = (Tensor(v[row].reshape(1, -1, 1, 1)) for v in self.folded)

    def construct(self, x, residual=None, row=None):
        y = x * self.factor + self.offset
        if residual is not None:
            y = y + residual
        return self.activate(y)


class FrozenNormByChoice(nn.Cell):
    """The same of the row that each image's choice names: row (N, R), one-hot."""

    def __init__(self, norm: BatchNorm):
        super().__init__()
        self.activation, self.folded = norm.activation, _folded(norm)
        self.activate = Activate(self.activation)
        self.factors, self.offsets = map(Tensor, self.folded)
        self.multiply = ops.MatMul()

    def construct(self, x, residual, row):
        shape = (-1, x.shape[1], 1, 1)
        factor, offset = self.multiply(row, self.factors), self.multiply(row, self.offsets)
        y = x * factor.reshape(shape) + offset.reshape(shape)
        if residual is not None:
            y = y + residual
        return self.activate(y)


def _folded(norm: nn.Cell) -> tuple[np.ndarray, np.ndarray]:
    """Factors and offsets, float32 (R, C) each, of a normalisation of training or a frozen one."""
    if not isinstance(norm, BatchNorm):
        return norm.folded
    gamma, beta, mean, variance = (
        np.atleast_2d(p.asnumpy().astype(np.float64))
        for p in (norm.gamma, norm.beta, norm.moving_mean, norm.moving_variance)
    )
    factors = gamma / np.sqrt(variance + EPSILON)
    return factors.astype(np.float32), (beta - mean * factors).astype(np.float32)


def freeze(network: Network) -> None:
    """Replace, in place, every quantiser and normalisation of a network; it can no longer learn."""
    mode = ms.get_context("mode")
    ms.set_context(mode=ms.PYNATIVE_MODE)  # each width of a layer would be a graph to compile, for one run
    try:
        _freeze(network)
    finally:
        ms.set_context(mode=mode)


def _freeze(network: Network) -> None:
    for i, node in enumerate(network.nodes):
        cell = node.cell
        if isinstance(getattr(cell, "weight_quantizer", None), WeightQuantizer):
            cell.weight_quantizer = FrozenWeights(cell.weight_quantizer, cell.weight)
            cell.input_quantizer = FrozenInputs(cell.input_quantizer)
            cell.weight = Parameter(Tensor(np.zeros(1, np.float32)))  # else files would hold it too
        elif isinstance(cell, BatchNorm):
            network.replace(i, FrozenNormByChoice(cell) if cell.by_choice else FrozenNorm(cell))
    for path, parameter in network.parameters_and_names():
        parameter.name = path  # a graph cannot hold two of one name
