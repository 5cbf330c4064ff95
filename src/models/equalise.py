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
"""Channels of a convolution brought to one largest weight, which the normalisation behind takes back.

    w <- k w,   mean <- k mean,   var <- k^2 var,   gamma <- gamma sqrt(k^2 var + eps) / (k sqrt(var + eps))

for each output channel: a normalisation does not see the scale of what it is given, so that the float network
gives the same in evaluation, and but for eps in training. One grid for all weights of a layer then serves the
channels that had small ones, too; in a depthwise layer, whose filters see one channel each, they may be a
hundred times smaller. At inference it costs nothing, as every channel has a multiplier of its own anyhow.

Source: ranges made equal by scales that cancel are Nagel et al., "Data-Free Quantization", ICCV 2019,
arXiv 1906.04721, there from layer to layer through a ReLU; through the normalisation, which ReLU6 allows, is
our choice, and so is the median as the common largest weight.
"""

import numpy as np

from src.layers.norm import EPSILON, BatchNorm
from src.models.backbone import CONV, NORM, Backbone
from src.parameters import assign

_MOST = 1000.0  # k: a channel that all but vanished stays small


def equalise(backbone: Backbone) -> list[str]:
    """Even the channels, in place, of every convolution that one normalisation alone reads; returns their names.

    Args:
        backbone: a float network, with its weights.
    """
    done = []
    for i, node in enumerate(backbone.nodes):
        readers = [backbone.nodes[j] for j in backbone.readers(i)]
        if node.kind == CONV and [(r.kind, r.inputs[0]) for r in readers] == [(NORM, i)]:
            _even(node.cell.weight, readers[0].cell)
            done.append(node.name)
    return done


def _even(weight, norm: BatchNorm) -> None:
    """weight: parameter (C, ...)."""
    w = weight.asnumpy().astype(np.float64)
    peaks = np.abs(w).reshape(len(w), -1).max(1)
    alive = peaks > 0
    if not alive.any():
        return
    k = np.where(alive, np.minimum(np.median(peaks[alive]) / np.where(alive, peaks, 1), _MOST), 1)
    mean, variance, gamma = (
        p.asnumpy().astype(np.float64) for p in (norm.moving_mean, norm.moving_variance, norm.gamma)
    )
    wider = k**2 * variance
    assign(weight, w * k.reshape(-1, *(1,) * (w.ndim - 1)))
    assign(norm.moving_mean, k * mean)
    assign(norm.moving_variance, wider)
    assign(norm.gamma, gamma * np.sqrt((wider + EPSILON) / (variance + EPSILON)) / k)
