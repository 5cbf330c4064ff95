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
"""The filters of a layer brought to one size, before one set of levels has to serve them all.

A trained network's filters differ in size, in a depthwise layer a hundredfold, for the normalisation
behind them makes up for it. With one step or one table of levels for the layer the small ones become
zeros, and those that training let die, no longer small against their noise. Here each filter is divided
by s = its root mean square / that of the layer, and the normalisation takes it back:

    mean / s,    variance / s^2,    gamma * sqrt((variance + eps s^2) / (variance + eps))

which computes what the network computed before, whatever the activation, and costs nothing in use: a
lowered layer has a factor for each channel anyway. It is to the integers what a step for each channel
(Krishnamoorthi 2018, arXiv 1806.08342) would be. Nagel et al. 2019, arXiv 1906.04721, equalise from layer
to layer instead, for networks whose normalisation is folded already. In training the factors stay, and
the filters go where they will. Our choice.
"""

import numpy as np

from src.layers.norm import EPSILON, BatchNorm
from src.models.backbone import CONV, NORM, Backbone
from src.parameters import assign

LEAST = 1e-4  # of the layer's: a filter below it is dead, and enlarged no further, so that its variance stays finite

def equalise_filters(backbone: Backbone) -> None:
    """In place: every convolution that a normalisation alone reads has filters of one root mean square."""
    nodes = backbone.nodes
    for i, node in enumerate(nodes):
        readings = [(reader, place) for reader in nodes for place, j in enumerate(reader.inputs) if j == i]
        if node.kind == CONV and [(reader.kind, place) for reader, place in readings] == [(NORM, 0)]:
            _equalise(node.cell.weight, readings[0][0].cell)


def _equalise(weight, norm: BatchNorm) -> None:
    filters = weight.asnumpy().astype(np.float64)
    size = np.sqrt((filters**2).mean((1, 2, 3)))
    whole = np.sqrt((size**2).mean())
    factor = np.maximum(size / whole, LEAST) if whole > 0 else np.ones_like(size)
    variance = norm.moving_variance.asnumpy().astype(np.float64)
    gamma = norm.gamma.asnumpy() * np.sqrt((variance + EPSILON * factor**2) / (variance + EPSILON))
    assign(weight, filters / factor[:, None, None, None])
    assign(norm.gamma, gamma)
    assign(norm.moving_mean, norm.moving_mean.asnumpy() / factor)
    assign(norm.moving_variance, variance / factor**2)
