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

"""A static layer is quantise, then multiply: against NumPy float64 for each quantiser."""

import numpy as np
import pytest
from mindspore import Tensor

from src.layers.conv import Dense
from src.layers.static import StaticConv2d, StaticDense
from src.quantizers.lsq import LsqActivation, LsqWeight
from tests.gradients import gradients
from tests.layers import reference
from tests.layers.cells import QUANTIZERS, images, quantizers, tiny_conv


@pytest.mark.parametrize("name", QUANTIZERS)
@pytest.mark.parametrize("bits,stride", [(2, 1), (4, 2), (8, 1)])
def test_convolution(name, bits, stride):
    conv, x = tiny_conv(stride), images(2)
    weight, activation, quantise_w, quantise_x = quantizers(name, conv, (bits,), x[0].size)
    layer = StaticConv2d(conv, weight, activation)
    w_q, _ = quantise_w(conv.weight.asnumpy(), bits)
    x_q, _ = quantise_x(x.astype(np.float64), bits)
    expected = reference.conv(x_q, w_q, stride, 1)
    np.testing.assert_allclose(layer(Tensor(x)).asnumpy(), expected, atol=2e-5)


@pytest.mark.parametrize("name", QUANTIZERS)
def test_gradients_of_the_convolution(name):
    """Input, weight and learned number, with the closed forms of tests/layers/reference.py."""
    conv, x = tiny_conv(2), images(2)
    weight, activation, quantise_w, quantise_x = quantizers(name, conv, (3,), x[0].size)
    layer = StaticConv2d(conv, weight, activation)
    w_q, w_back = quantise_w(conv.weight.asnumpy(), 3)
    x_q, x_back = quantise_x(x.astype(np.float64), 3)
    up = np.random.default_rng(5).normal(size=(2, 6, 3, 3))
    dx_q, dw_q = reference.conv_back(x_q, w_q, up, 2, 1)
    parameters = layer.trainable_params()
    dx, d = gradients(layer, (x,), up, parameters)
    np.testing.assert_allclose(dx, x_back(dx_q)[0], atol=1e-4)
    np.testing.assert_allclose(d[conv.weight.name], w_back(dw_q)[0], atol=2e-4)
    learned = {id(p): d[p.name].sum() for p in parameters if p is not conv.weight}
    if name == "pact":
        assert learned[id(activation.alpha)] == pytest.approx(x_back(dx_q)[1], rel=1e-4)
    if name == "lsq":
        assert learned[id(activation.step)] == pytest.approx(x_back(dx_q)[1], rel=1e-3)
        assert learned[id(weight.step)] == pytest.approx(w_back(dw_q)[1], rel=1e-3)


def test_dense_keeps_its_bias_float():
    rng = np.random.default_rng(0)
    dense = Dense(6, 3, rng=rng)
    dense.bias.set_data(Tensor(np.array([0.123, -4, 5], np.float32)))
    x = rng.random((4, 6)).astype(np.float32)
    w = dense.weight.asnumpy()
    activation = LsqActivation((8,))
    activation.init_from(x)
    layer = StaticDense(dense, LsqWeight((8,), w), activation)
    quantise_w = reference.lsq(True, {8: 2 * np.abs(w).mean() / np.sqrt(127)}, w.size)
    quantise_x = reference.lsq(False, {8: 2 * x.mean() / np.sqrt(255)}, 6)
    expected = quantise_x(x, 8)[0] @ quantise_w(w, 8)[0].T + np.array([0.123, -4, 5])
    np.testing.assert_allclose(layer(Tensor(x)).asnumpy(), expected, atol=1e-5)
