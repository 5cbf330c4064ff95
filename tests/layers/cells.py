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

"""Quantised layers of a tiny convolution, with the NumPy quantisers that they must equal."""

import numpy as np
from mindspore import Tensor

from src.layers.conv import Conv2d
from src.layers.dynamic import DynamicConv2d
from src.quantizers import ACTIVATION, WEIGHT
from tests.layers import reference

WIDTHS = (2, 3, 5)
ALPHA = 1.3
QUANTIZERS = ("dorefa", "pact", "lsq")


def tiny_conv(stride=1, groups=1) -> Conv2d:
    return Conv2d(4, 6, 3, stride, 1, groups, rng=np.random.default_rng(3))


def images(count: int, channels=4, side=5) -> np.ndarray:
    """Inputs on both sides of every clip value, off the ties by construction of the draw."""
    x = np.random.default_rng(count).normal(0.4, 0.8, (count, channels, side, side))
    return x.astype(np.float32)


def quantizers(name: str, conv: Conv2d, widths: tuple, features: int):
    """(weight cell, input cell, NumPy weight quantiser, NumPy input quantiser)."""
    w = conv.weight.asnumpy()
    weight = WEIGHT[name](widths, w)
    if name == "lsq":
        activation = ACTIVATION[name](widths)
        steps = {b: np.float32(0.9 / 2**b + 0.1) for b in widths}
        activation.step.set_data(Tensor(np.array([[steps[b]] for b in widths], np.float32)))
        w_steps = {b: 2 * np.abs(w).mean() / np.sqrt(2 ** (b - 1) - 1) for b in widths}
        return (
            weight,
            activation,
            reference.lsq(True, w_steps, w.size),
            reference.lsq(False, steps, features),
        )
    quantise_w = reference.dorefa_weight
    if name == "pact":
        return weight, ACTIVATION[name](widths, ALPHA), quantise_w, reference.pact(ALPHA)
    return weight, ACTIVATION[name](widths), quantise_w, reference.dorefa_activation


def dynamic_layer(name, tied=True, execution="mixture", stride=1, features=100):
    """(layer with slot 1, its weight as float64, NumPy weight quantiser, NumPy input quantiser)."""
    conv = tiny_conv(stride)
    weight, activation, quantise_w, quantise_x = quantizers(name, conv, WIDTHS, features)
    layer = DynamicConv2d(conv, weight, activation, 1, tied, execution)
    return layer, conv.weight.asnumpy().astype(np.float64), quantise_w, quantise_x


def one_hot(choices: np.ndarray) -> np.ndarray:
    """Candidates (N, columns) -> float32 (N, columns, K)."""
    return np.eye(len(WIDTHS), dtype=np.float32)[choices]
