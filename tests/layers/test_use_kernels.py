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
"""Layers on the native kernels give the portable layers' values and gradients."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor, nn

from src import kernels
from src.config import load_config
from src.layers.conv import Conv2d
from src.layers.dynamic import DynamicConv2d
from src.layers.norm import BatchNorm
from src.layers.pool import MaxPool
from src.layers.shortcut import ShortcutA
from src.layers.static import StaticConv2d
from src.layers.use_kernels import use_native
from src.methods import build_system
from src.quantizers import ACTIVATION, WEIGHT
from src.quantizers.dorefa import DorefaWeight
from src.quantizers.lsq import LsqActivation, LsqWeight
from src.quantizers.nested import NestedWeight
from tests.gradients import gradients
from tests.layers.cells import WIDTHS, images, one_hot, tiny_conv
from tests.layers.steps import agree, step
from tests.models.tiny import NAME

pytestmark = pytest.mark.skipif(not kernels.available(), reason="no compiler for the kernels")


def one_step(tiny, overrides, native):
    """Logits, gradients by parameter and running statistics of one training step on fixed data."""
    ms.set_seed(1)
    config = load_config(None, [*tiny, *overrides])
    method, _ = build_system(config, 10, 32, native)
    network = method.network.set_train()
    rng = np.random.default_rng(0)
    images = Tensor(np.abs(rng.normal(size=(6, 3, 32, 32))).astype(np.float32))
    noise = [Tensor(x) for x in method.drawn(np.random.default_rng(1), 6, train=True)]
    upstream = Tensor(rng.normal(size=(6, 10)).astype(np.float32))

    def loss(images, *noise):
        logits = network(images, *noise)["logits"]
        return (logits * upstream).sum(), logits

    weights = network.trainable_params()
    (_, logits), gradients = ms.value_and_grad(loss, None, weights, has_aux=True)(images, *noise)
    named = {p.name: g.asnumpy() for p, g in zip(weights, gradients, strict=True)}
    moving = {p.name: p.asnumpy() for p in network.get_parameters() if "moving" in p.name}
    return logits.asnumpy(), named, moving


@pytest.mark.parametrize(
    "overrides",
    [
        ["method.name=float"],
        ["method.name=static", "quant.quantizer=lsq", "quant.per_channel=true"],
        ["method.name=dqnet", "quant.quantizer=pact"],
        ["method.name=dqnet", "quant.quantizer=nested", "dqnet.candidates=[2, 4, 8]"],
        ["method.name=static", "quant.quantizer=nested", "quant.truncate=true"],
        ["method.name=dqnet", f"model.name={NAME}"],
        pytest.param(["method.name=static", "quant.quantizer=pact", f"model.name={NAME}"], marks=pytest.mark.slow),
    ],
    ids=["float", "lsq", "dqnet", "dqnet nested", "truncated", "mobilenetv2", "mobilenetv2 pact"],
)
@pytest.mark.usefixtures("tiny_mobilenetv2")
def test_a_step_is_the_same(tiny, overrides):
    portable, native = one_step(tiny, overrides, False), one_step(tiny, overrides, True)
    np.testing.assert_allclose(native[0], portable[0], rtol=1e-3, atol=1e-3)
    for which in (1, 2):
        assert portable[which].keys() == native[which].keys()
        for name, expected in portable[which].items():
            # A shift in front of another normalisation has gradient 0: what is left of it is rounding.
            got, size = native[which][name], np.abs(expected).max() + 1e-3
            np.testing.assert_allclose(got / size, expected / size, atol=5e-3, err_msg=name)


@pytest.mark.parametrize("native", [False, True], ids=["operators", "kernels"])
@pytest.mark.parametrize("zero", ["weights", "images"])
@pytest.mark.parametrize("name", ["dorefa", "pact", "lsq", "nested"])
def test_zeros_are_no_danger(name, zero, native, pynative):
    """A dead convolution, a black picture."""
    x = images(3, side=4) * (zero == "weights")
    choice = one_hot(np.array([[0], [1], [2]]))
    for widths in ((4,), WIDTHS):
        layer = layer_of(name, widths, zero == "weights")
        if native:
            use_native(layer)
        inputs = (x, choice) if len(widths) > 1 else (x,)
        out = layer(*map(Tensor, inputs)).asnumpy()
        up = np.random.default_rng(0).normal(size=out.shape)
        dx, named = gradients(layer, inputs, up, layer.trainable_params())
        for number in (out, dx, *named.values()):
            assert np.isfinite(number).all(), widths


def layer_of(name: str, widths: tuple, is_dead: bool):
    """A static layer of one width, a dynamic one of several."""
    conv = tiny_conv()
    conv.weight.set_data(conv.weight * (0 if is_dead else 1))
    pair = WEIGHT[name](widths, conv.weight.asnumpy()), ACTIVATION[name](widths)
    is_static = len(widths) == 1
    layer = StaticConv2d(conv, *pair) if is_static else DynamicConv2d(conv, *pair, 1, True, "mixture")
    for path, parameter in layer.parameters_and_names():
        parameter.name = path
    return layer


@pytest.mark.parametrize(
    "overrides",
    [
        ["method.name=static", "quant.quantizer=lsq", "quant.per_channel=true"],
        ["method.name=dqnet", "quant.quantizer=nested", "dqnet.candidates=[2, 4, 8]"],
    ],
    ids=["lsq", "dqnet nested"],
)
def test_short_gradients_are_close(tiny, overrides):
    floats = one_step(tiny, overrides, True)
    shorts = one_step(tiny, [*overrides, "device.gradient_dtype=int16"], True)
    np.testing.assert_array_equal(shorts[0], floats[0], "the forward pass is the same")
    assert any(not np.array_equal(shorts[1][name], floats[1][name]) for name in floats[1])
    for name, expected in floats[1].items():
        size = np.abs(expected).max() + 1e-6
        np.testing.assert_allclose(shorts[1][name] / size, expected / size, atol=5e-3, err_msg=name)


def test_kernels_are_attached_where_they_can_be(tiny):
    config = load_config(None, [*tiny, "quant.quantizer=lsq", "quant.first_last=8"])
    network = build_system(config, 10, 32, native=True)[0].network
    cells = dict(network.cells_and_names())
    first = cells["conv1"]
    assert isinstance(first, StaticConv2d) and first.fused is None, "signed input stays portable"
    for name, cell in cells.items():
        if isinstance(cell, (DynamicConv2d, BatchNorm)):
            assert cell.fused is not None, name


def test_untied_dynamic_layers_stay_portable(tiny):
    config = load_config(None, [*tiny, "dqnet.tied=false"])
    network = build_system(config, 10, 32, native=False)[0].network
    use_native(network)
    dynamic = [c for _, c in network.cells_and_names() if isinstance(c, DynamicConv2d)]
    assert dynamic and all(cell.fused is None for cell in dynamic)


def test_signed_inputs_of_dynamic_layers_keep_their_low_codes():
    """Values and gradients are those of the mixture, though fused kernels begin at code 0."""
    x = np.random.default_rng(5).normal(size=(6, 4, 5, 5)).astype(np.float32)
    choice = Tensor(np.eye(2, dtype=np.float32)[[0, 1, 1, 0, 1, 0]][:, None])

    def layer():
        conv = Conv2d(4, 6, 3, 1, 1, rng=np.random.default_rng(3))
        weight = LsqWeight((2, 4), conv.weight.asnumpy())
        signed = LsqActivation((2, 4), signed=True)
        return DynamicConv2d(conv, weight, signed, 0, True, "mixture")

    mixture = step(layer(), x, choice, native=False)
    assert (mixture[1][x < 0] != 0).any(), "negative inputs have a gradient"
    agree(mixture, step(layer(), x, choice, native=True))


@pytest.mark.parametrize("kind", [DorefaWeight, LsqWeight, NestedWeight])
def test_weights_have_the_same_codes(kind):
    """Bit for bit: what is trained natively may be exported from a portable network."""
    weight = np.random.default_rng(0).normal(size=(16, 8, 3, 3)).astype(np.float32)
    holder = nn.Cell()
    holder.quantizer = kind((2, 4, 8), weight)
    quantizer, x = holder.quantizer, Tensor(weight)
    portable = [quantizer(x, k) for k in range(3)] + [quantizer.all_slots(x)]
    use_native(holder)
    native = [quantizer(x, k) for k in range(3)] + [quantizer.all_slots(x)]
    for one, other in zip(portable, native, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a.asnumpy(), b.asnumpy())


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("kind", [LsqWeight, NestedWeight])
def test_weights_have_the_same_gradients_at_all_slots(kind, per_channel):
    rng = np.random.default_rng(0)
    weight, dy = (rng.normal(size=size).astype(np.float32) for size in ((6, 4, 3, 3), (3, 6, 4, 3, 3)))
    results = []
    for native in (False, True):
        holder = nn.Cell()
        holder.quantizer = quantizer = kind((2, 4, 8), weight, per_channel)
        if native:
            use_native(holder)
        dw, named = gradients(quantizer.all_slots, [weight], dy, [quantizer.step])
        results.append((dw, *named.values()))
    for portable, native in zip(*results, strict=True):
        np.testing.assert_allclose(native, portable, rtol=1e-4, atol=1e-5)


class Summed(nn.Cell):
    """x -> sum of the cell's output."""

    def __init__(self, cell):
        super().__init__()
        self.cell = cell

    def construct(self, x):
        y = self.cell(x)
        return y.sum()


@pytest.mark.parametrize("name", ["shortcut", "pool"])
def test_layers_without_weights_are_the_same(name):
    x = Tensor(np.abs(np.random.default_rng(0).normal(size=(2, 4, 9, 9))).astype(np.float32))
    results = []
    for native in (False, True):
        cell = ShortcutA(4, 7, 2) if name == "shortcut" else MaxPool()
        summed = Summed(cell)
        if native:
            use_native(summed)
        assert (cell.fused is not None) == native
        value, gradient = ms.value_and_grad(summed)(x)
        results.append((value.asnumpy(), gradient.asnumpy()))
    for portable, native in zip(*results, strict=True):
        np.testing.assert_allclose(native, portable, rtol=1e-5)
