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

"""Dynamic layers: the mixture and its gradients against NumPy, and `selected` against it."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor

from src.layers import dynamic
from src.layers.dynamic import DynamicConv2d
from src.quantizers.nested import NestedActivation, NestedWeight
from tests.layers import reference
from tests.layers.cells import (
    QUANTIZERS,
    WIDTHS,
    dynamic_layer,
    images,
    one_hot,
    tiny_conv,
)

CHOICES = {
    True: np.array([[0], [2], [1], [2]]),
    False: np.array([[0, 1], [2, 2], [1, 0], [2, 1]]),
}


def branches(x, w, quantise_w, quantise_x, tied, m):
    """y of the K-branch mixture, in float64; m (N, columns, K)."""
    w_q = [quantise_w(w, b)[0] for b in WIDTHS]
    x_q = [quantise_x(x, b)[0] for b in WIDTHS]
    column = [m[:, 0, k, None, None, None] for k in range(len(WIDTHS))]
    if not tied:
        mixed = sum(m[:, 1, k, None, None, None] * x_q[k] for k in range(len(WIDTHS)))
        x_q = [mixed] * len(WIDTHS)
    return sum(c * reference.conv(a, b, 1, 1) for c, a, b in zip(column, x_q, w_q, strict=True))


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("name", QUANTIZERS)
def test_mixture_equals_the_branches(name, tied):
    x = images(4)
    layer, w, quantise_w, quantise_x = dynamic_layer(name, tied)
    choice = one_hot(CHOICES[tied])
    expected = branches(x.astype(np.float64), w, quantise_w, quantise_x, tied, choice)
    np.testing.assert_allclose(layer(Tensor(x), Tensor(choice)).asnumpy(), expected, atol=2e-5)


@pytest.mark.parametrize("name", QUANTIZERS)
def test_each_image_gets_what_its_width_gives_alone(name):
    """An image's output does not depend on the widths of the others."""
    x = images(4)
    layer, w, quantise_w, quantise_x = dynamic_layer(name)
    y = layer(Tensor(x), Tensor(one_hot(CHOICES[True]))).asnumpy()
    for n, (k,) in enumerate(CHOICES[True]):
        x_q, _ = quantise_x(x[n : n + 1].astype(np.float64), WIDTHS[k])
        w_q, _ = quantise_w(w, WIDTHS[k])
        np.testing.assert_allclose(y[n], reference.conv(x_q, w_q, 1, 1)[0], atol=2e-5)


def upstream():
    return np.random.default_rng(8).normal(size=(4, 6, 5, 5))


def mindspore_gradients(layer, x, choice, up):
    up = Tensor(up.astype(np.float32))

    def loss(x, choice):
        return (layer(x, choice) * up).sum()

    parameters = layer.trainable_params()
    inputs, weights = ms.grad(loss, (0, 1), parameters)(Tensor(x), Tensor(choice))
    learned = {id(p): g.asnumpy() for p, g in zip(parameters, weights, strict=True)}
    return [g.asnumpy() for g in inputs], learned


@pytest.mark.parametrize("name", QUANTIZERS)
def test_gradients_of_the_tied_mixture(name):
    """Of input, weight, choice and the learned steps or clip value, on one small shape."""
    x = images(4)
    layer, w, quantise_w, quantise_x = dynamic_layer(name, features=x[0].size)
    choice, up = one_hot(CHOICES[True]), upstream()
    (dx, d_choice), d = mindspore_gradients(layer, x, choice, up)

    expected_dx, expected_dw = np.zeros(x.shape), np.zeros(w.shape)
    expected_choice = np.zeros_like(choice)
    w_steps, x_steps = [], []
    for k, bits in enumerate(WIDTHS):
        w_q, w_back = quantise_w(w, bits)
        x_q, x_back = quantise_x(x.astype(np.float64), bits)
        branch = reference.conv(x_q, w_q, 1, 1)
        expected_choice[:, 0, k] = (up * branch).sum((1, 2, 3))
        dx_q, dw_q = reference.conv_back(x_q, w_q, up * choice[:, 0, k, None, None, None], 1, 1)
        expected_dx += x_back(dx_q)[0]
        expected_dw += w_back(dw_q)[0]
        w_steps.append(w_back(dw_q)[1])
        x_steps.append(x_back(dx_q)[1])
    np.testing.assert_allclose(d_choice, expected_choice, atol=2e-4)
    assert np.abs(expected_choice).min() > 1e-3, "every entry was put to the test"
    np.testing.assert_allclose(dx, expected_dx, atol=2e-4)
    np.testing.assert_allclose(d[id(layer.weight)], expected_dw, atol=5e-4)
    if name == "lsq":
        got = d[id(layer.weight_quantizer.step)], d[id(layer.input_quantizer.step)]
        np.testing.assert_allclose(got[0][:, 0], w_steps, rtol=2e-3)
        np.testing.assert_allclose(got[1][:, 0], x_steps, rtol=2e-3)
    if name == "pact":
        got = d[id(layer.input_quantizer.alpha)]
        np.testing.assert_allclose(got, [sum(x_steps)], rtol=1e-3)


def test_gradients_of_the_untied_mixture():
    x = images(4)
    layer, w, quantise_w, quantise_x = dynamic_layer("lsq", tied=False, features=x[0].size)
    choice, up = one_hot(CHOICES[False]), upstream()
    (dx, d_choice), d = mindspore_gradients(layer, x, choice, up)
    w_mask, x_mask = choice[:, 0, :, None, None, None], choice[:, 1, :, None, None, None]
    w_q, w_back = zip(*(quantise_w(w, b) for b in WIDTHS), strict=True)
    x_q, x_back = zip(*(quantise_x(x.astype(np.float64), b) for b in WIDTHS), strict=True)
    mixed = sum(x_mask[:, k] * x_q[k] for k in range(3))
    d_mixed, expected_dw, w_steps = np.zeros(x.shape), np.zeros(w.shape), []
    for k in range(3):
        weight_choice = (up * reference.conv(mixed, w_q[k], 1, 1)).sum((1, 2, 3))
        np.testing.assert_allclose(d_choice[:, 0, k], weight_choice, atol=2e-4)
        dx_k, dw_k = reference.conv_back(mixed, w_q[k], up * w_mask[:, k], 1, 1)
        d_mixed += dx_k
        expected_dw += w_back[k](dw_k)[0]
        w_steps.append(w_back[k](dw_k)[1])
    for k in range(3):
        input_choice = (d_mixed * x_q[k]).sum((1, 2, 3))
        np.testing.assert_allclose(d_choice[:, 1, k], input_choice, atol=2e-4)
    expected_dx = sum(x_back[k](d_mixed * x_mask[:, k])[0] for k in range(3))
    x_steps = [x_back[k](d_mixed * x_mask[:, k])[1] for k in range(3)]
    np.testing.assert_allclose(dx, expected_dx, atol=2e-4)
    np.testing.assert_allclose(d[id(layer.weight)], expected_dw, atol=5e-4)
    np.testing.assert_allclose(d[id(layer.weight_quantizer.step)][:, 0], w_steps, rtol=2e-3)
    np.testing.assert_allclose(d[id(layer.input_quantizer.step)][:, 0], x_steps, rtol=2e-3)


@pytest.mark.parametrize("execution", ["selected", "auto"])
@pytest.mark.parametrize("tied", [True, False])
def test_every_execution_trains_with_the_gradients_of_the_mixture(execution, tied):
    """Of the input, of both choices, of the weight and of the learned steps."""
    x, choice, up = images(4), one_hot(CHOICES[tied]), upstream()
    results = []
    for kind in ("mixture", execution):
        layer, *_ = dynamic_layer("lsq", tied, kind, features=x[0].size)
        results.append(mindspore_gradients(layer.set_train(), x, choice, up))
    for mixture, other in zip(*results, strict=True):
        values = [list(g.values()) if isinstance(g, dict) else g for g in (mixture, other)]
        for expected, got in zip(*values, strict=True):
            assert np.abs(expected).max() > 1e-3, "it was put to the test"
            np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize(
    "name,tied,count",
    [
        ("dorefa", True, 1),
        ("dorefa", False, 3),
        ("pact", True, 3),
        ("lsq", True, 3),
        ("lsq", False, 1),
    ],
)
def test_selected_equals_mixture(name, tied, count):
    x, choice = images(count), one_hot(CHOICES[tied][:count])
    layer, *_ = dynamic_layer(name, tied, "selected", stride=2)
    selected = layer(Tensor(x), Tensor(choice)).asnumpy()
    layer, *_ = dynamic_layer(name, tied, "mixture", stride=2)
    mixture = layer(Tensor(x), Tensor(choice)).asnumpy()
    np.testing.assert_allclose(selected, mixture, atol=1e-5)


@pytest.mark.usefixtures("pynative")
@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("truncate", [False, True])
def test_selected_equals_mixture_for_nested_codes(truncate, tied):
    """Children rounded or cut; the two differ for these images, so the option is put to the test."""
    x, choice = Tensor(images(3)), Tensor(one_hot(CHOICES[tied][:3]))

    def answer(execution, truncate):
        conv = tiny_conv(2)
        weight = NestedWeight(WIDTHS, conv.weight.asnumpy(), truncate=truncate)
        activation = NestedActivation(WIDTHS, truncate=truncate)
        activation.init_from(x.asnumpy())
        return DynamicConv2d(conv, weight, activation, 1, tied, execution)(x, choice).asnumpy()

    selected = answer("selected", truncate)
    np.testing.assert_allclose(selected, answer("mixture", truncate), atol=1e-5)
    assert np.abs(selected - answer("selected", not truncate)).max() > 1e-2


def test_auto_selects_while_the_copies_are_small(monkeypatch):
    layer, *_ = dynamic_layer("dorefa", execution="auto")
    x = Tensor(images(3))
    assert layer.set_train(True)._selects(x) is False
    assert layer.set_train(False)._selects(x) is True
    monkeypatch.setattr(dynamic, "LARGEST_GATHER", 3 * layer.weight.size - 1)
    assert layer._selects(x) is False, "a copy of the weights per image would be too large"
