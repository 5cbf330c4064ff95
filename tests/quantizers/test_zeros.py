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
"""Tensors of zeros: a dead layer, a pruned channel, a black picture. Every quantiser stays finite."""

import numpy as np
import pytest
from mindspore import Tensor

from src.quantizers import ACTIVATION, WEIGHT
from tests.gradients import gradients

WIDTHS = (2, 4, 8)
NAMES = sorted(WEIGHT)


def check(quantizer, x, slot, learned):
    """Values near zero, and finite gradients of the input and of what is learned."""
    out = quantizer(Tensor(x), slot)
    values = (out[0] if isinstance(out, tuple) else out).asnumpy()
    scales = [s.asnumpy() for s in out[1:]] if isinstance(out, tuple) else []
    up = np.random.default_rng(1).normal(size=x.shape)
    dx, named = gradients(quantizer, (x, slot), up, learned)
    for number in (values, dx, *scales, *named.values()):
        assert np.isfinite(number).all()
    for scale in scales:
        assert (scale > 0).all(), "integers are read as values / scale"
    assert np.abs(values).max() < 1.0
    assert np.abs(dx).max() <= np.abs(up).max() + 1e-6, "no blow-up"


@pytest.mark.usefixtures("pynative")
@pytest.mark.parametrize("size", [0.0, 1e-40, 1e-12])
@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_weights(name, per_channel, size):
    """Also those that are as good as zero, which float32 cannot divide by."""
    w = np.full((3, 2, 3, 3), size, np.float32)
    options = {"per_channel": per_channel} if "per_channel" in WEIGHT[name].options else {}
    quantizer = WEIGHT[name](WIDTHS, w, **options)
    for slot in range(len(WIDTHS)):
        check(quantizer, w, slot, quantizer.trainable_params())


@pytest.mark.parametrize("name", NAMES)
def test_weights_as_a_graph(name):
    w = np.zeros((3, 2, 3, 3), np.float32)
    quantizer = WEIGHT[name]((4,), w)
    check(quantizer, w, 0, quantizer.trainable_params())


@pytest.mark.usefixtures("pynative")
def test_weights_of_one_bit():
    w = np.zeros((3, 2, 3, 3), np.float32)
    check(WEIGHT["dorefa"]((1,), w), w, 0, [])


@pytest.mark.usefixtures("pynative")
@pytest.mark.parametrize("name", ["lsq", "nested"])
def test_one_channel_of_zeros_leaves_the_others_alone(name):
    w = np.random.default_rng(0).normal(size=(3, 2, 3, 3)).astype(np.float32)
    w[1] = 0
    quantizer = WEIGHT[name]((4,), w, per_channel=True)
    values, scale = quantizer(Tensor(w), 0)
    assert (values.asnumpy()[1] == 0).all() and (scale.asnumpy() > 0).all()
    rest = WEIGHT[name]((4,), w[[0, 2]], per_channel=True)
    expected, _ = rest(Tensor(w[[0, 2]]), 0)
    np.testing.assert_array_equal(values.asnumpy()[[0, 2]], expected.asnumpy())


@pytest.mark.usefixtures("pynative")
@pytest.mark.parametrize("name", NAMES)
def test_activations(name):
    x = np.zeros((2, 3, 4, 4), np.float32)
    quantizer = ACTIVATION[name](WIDTHS)
    if quantizer.learns_from_data:
        quantizer.init_from(x)
    for slot in range(len(WIDTHS)):
        check(quantizer, x, slot, quantizer.trainable_params())
        assert (quantizer(Tensor(x), slot).asnumpy() == 0).all()


@pytest.mark.usefixtures("pynative")
@pytest.mark.parametrize("name", [n for n, kind in ACTIVATION.items() if kind.takes_signed])
def test_signed_activations(name):
    x = np.zeros((2, 3, 4, 4), np.float32)
    quantizer = ACTIVATION[name]((8,), signed=True)
    if quantizer.learns_from_data:
        quantizer.init_from(x)
    check(quantizer, x, 0, quantizer.trainable_params())
