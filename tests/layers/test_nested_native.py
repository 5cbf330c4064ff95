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
"""Nested codes in single layers: the kernels against the portable definition, at every width."""

import numpy as np
import pytest
from mindspore import Tensor

from src import kernels
from src.layers.conv import Conv2d, Dense
from src.layers.dynamic import DynamicConv2d
from src.layers.static import StaticConv2d, StaticDense
from src.quantizers.nested import NestedActivation, NestedWeight
from tests.layers.steps import agree, step

pytestmark = pytest.mark.skipif(not kernels.available(), reason="no compiler for the kernels")
RNG = np.random.default_rng(0)
SIGNED = RNG.normal(size=(5, 6, 9, 9)).astype(np.float32)
IMAGES = np.abs(SIGNED)
WIDTHS = (2, 4, 8)


def static_conv(w_bits, a_bits, signed=False):
    conv = Conv2d(6, 4, 3, 1, 1, rng=np.random.default_rng(1))
    weight = NestedWeight((w_bits,), conv.weight.asnumpy())
    return StaticConv2d(conv, weight, NestedActivation((a_bits,), signed))


def static_dense(w_bits, a_bits, signed=False):
    dense = Dense(9, 4, rng=np.random.default_rng(1))
    weight = NestedWeight((w_bits,), dense.weight.asnumpy(), per_channel=True)
    return StaticDense(dense, weight, NestedActivation((a_bits,), signed))


def dynamic_conv(execution, signed=False):
    conv = Conv2d(6, 4, 3, 2, 1, rng=np.random.default_rng(1))
    weight = NestedWeight(WIDTHS, conv.weight.asnumpy())
    return DynamicConv2d(conv, weight, NestedActivation(WIDTHS, signed), 0, True, execution)


@pytest.mark.parametrize("w_bits", [2, 3, 8])
@pytest.mark.parametrize("a_bits", [2, 5, 8])
@pytest.mark.parametrize("build", [static_conv, static_dense])
def test_static_layers(build, w_bits, a_bits):
    x = IMAGES if build is static_conv else IMAGES[:, 0, 0]
    agree(*(step(build(w_bits, a_bits), x, None, native) for native in (False, True)))


@pytest.mark.parametrize("a_bits", [2, 8])
@pytest.mark.parametrize("build", [static_conv, static_dense])
def test_static_layers_of_signed_inputs(build, a_bits):
    x = SIGNED if build is static_conv else SIGNED[:, 0, 0]
    portable, native = (step(build(4, a_bits, True), x, None, native) for native in (False, True))
    assert (portable[1][x < 0] != 0).any(), "negative inputs have a gradient"
    agree(portable, native)


@pytest.mark.parametrize("execution", ["mixture", "selected"])
def test_dynamic_layers_of_signed_inputs(execution):
    choice = np.random.default_rng(3).integers(0, 3, len(SIGNED))
    chosen = Tensor(np.eye(3, dtype=np.float32)[choice][:, None])
    native = step(dynamic_conv("mixture", True), SIGNED, chosen, True)
    if execution == "mixture":
        agree(step(dynamic_conv(execution, True), SIGNED, chosen, False), native)
    else:
        layer = dynamic_conv(execution, True)
        layer.input_quantizer.init_from(SIGNED)
        agree([layer(Tensor(SIGNED), chosen).asnumpy()], native[:1])


@pytest.mark.parametrize("execution", ["mixture", "selected"])
def test_dynamic_layers(execution):
    """Selected has no gradient to the choice, so only its values are compared."""
    choice = np.random.default_rng(3).integers(0, 3, len(IMAGES))
    chosen = Tensor(np.eye(3, dtype=np.float32)[choice][:, None])
    native = step(dynamic_conv("mixture"), IMAGES, chosen, True)
    if execution == "mixture":
        agree(step(dynamic_conv(execution), IMAGES, chosen, False), native)
    else:
        layer = dynamic_conv(execution)
        layer.input_quantizer.init_from(IMAGES)
        agree([layer(Tensor(IMAGES), chosen).asnumpy()], native[:1])
