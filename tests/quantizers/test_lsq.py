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
"""LSQ against its equations: values, the three gradients, the gradient scale, the first step."""

import numpy as np
import pytest
from mindspore import Tensor

from src.quantizers.lsq import LsqActivation, LsqWeight, first_step
from tests.gradients import gradients


def step_gradient(x, s, up, low, high):
    """Equation 3 in float64: code - v inside, the clip bound outside."""
    v = x.astype(np.float64) / s
    code = np.floor(np.clip(v, low, high) + 0.5)
    inside = (v > low) & (v < high)
    return (up * np.where(inside, code - v, code)).sum(), np.where(inside, up, 0)


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_weight_values_and_gradients(bits, mode):
    rng = np.random.default_rng(bits)
    w = rng.normal(size=(6, 4, 3, 3)).astype(np.float32)
    up = rng.normal(size=w.shape)
    quantizer = LsqWeight((bits,), w)
    high = 2 ** (bits - 1) - 1
    s = 2 * np.abs(w).mean() / np.sqrt(high)
    assert quantizer.step.asnumpy()[0, 0] == pytest.approx(s, rel=1e-6)
    values, scale = quantizer(Tensor(w), 0)
    expected = np.floor(np.clip(w / s, -high - 1, high) + 0.5) * s
    np.testing.assert_allclose(values.asnumpy(), expected, atol=1e-5)
    assert scale.shape == (1,)
    dw, d = gradients(quantizer, (w, 0), up, [quantizer.step])
    d_step, d_x = step_gradient(w, s, up, -high - 1, high)
    np.testing.assert_allclose(dw, d_x, atol=1e-6)
    factor = 1 / np.sqrt(w.size * high)
    np.testing.assert_allclose(d[quantizer.step.name], [[d_step * factor]], rtol=1e-3)


def test_per_channel_weight_equals_one_quantizer_per_channel():
    rng = np.random.default_rng(0)
    w = (rng.normal(size=(3, 2, 3, 3)) * np.array([1, 5, 0.1])[:, None, None, None]).astype("f4")
    up = rng.normal(size=w.shape)
    whole = LsqWeight((4,), w, per_channel=True)
    values, scale = whole(Tensor(w), 0)
    assert scale.shape == (3,)
    dw, d = gradients(whole, (w, 0), up, [whole.step])
    for c in range(3):
        one = LsqWeight((4,), w[c : c + 1])
        np.testing.assert_allclose(values.asnumpy()[c], one(Tensor(w[c : c + 1]), 0)[0][0], rtol=1e-6)
        dw_c, d_c = gradients(one, (w[c : c + 1], 0), up[c : c + 1], [one.step])
        np.testing.assert_allclose(dw[c : c + 1], dw_c, rtol=1e-6)
        np.testing.assert_allclose(d[whole.step.name][0, c], d_c[one.step.name][0, 0], rtol=1e-4)


@pytest.mark.parametrize("signed", [False, True])
def test_activation_values_gradients_and_first_step(signed):
    rng = np.random.default_rng(5)
    x = rng.normal(size=(2, 3, 4, 4)).astype(np.float32)
    up = rng.normal(size=x.shape)
    quantizer = LsqActivation((3,), signed)
    quantizer.init_from(x)
    low, high = (-4, 3) if signed else (0, 7)
    s = 2 * np.abs(x).mean() / np.sqrt(high)
    assert quantizer.step.asnumpy()[0, 0] == pytest.approx(s, rel=1e-6)
    dx, d = gradients(quantizer, (x, 0), up, [quantizer.step])
    d_step, d_x = step_gradient(x, s, up, low, high)
    np.testing.assert_allclose(dx, d_x, atol=1e-6)
    factor = 1 / np.sqrt(3 * 4 * 4 * high)  # features of one image
    np.testing.assert_allclose(d[quantizer.step.name], [[d_step * factor]], rtol=1e-3)


def test_each_width_has_its_own_step():
    quantizer = LsqActivation((2, 4, 8))
    x = np.random.default_rng(0).random((1, 8)).astype(np.float32)
    quantizer.init_from(x)
    up = np.ones_like(x)
    for slot in range(3):
        _, d = gradients(quantizer, (x, slot), up, [quantizer.step])
        touched = np.flatnonzero(d[quantizer.step.name][:, 0])
        assert list(touched) == [slot]


def test_negative_step_acts_as_a_tiny_one_and_recovers():
    quantizer = LsqActivation((4,))
    quantizer.step.set_data(Tensor(np.array([[-0.5]], np.float32)))
    x = np.array([[0.5, 1.0]], np.float32)
    out = quantizer(Tensor(x), 0).asnumpy()
    assert np.isfinite(out).all() and (out >= 0).all() and out.max() < 1e-4
    _, d = gradients(quantizer, (x, 0), -np.ones_like(x), [quantizer.step])
    assert d[quantizer.step.name][0, 0] < 0, "a falling loss still pulls the step up"


def test_all_zero_input_gives_a_usable_step():
    assert first_step(np.zeros(4), 7) == pytest.approx(1 / 7)


def test_steps_of_narrow_widths_may_learn_more_slowly():
    rng = np.random.default_rng(1)
    w, x = rng.normal(size=(4, 2, 3, 3)).astype(np.float32), rng.random((2, 3, 4, 4)).astype(np.float32)
    for kind, given, arguments in ((LsqWeight, w, (w,)), (LsqActivation, x, ())):
        equal, slower = (kind((2, 3, 4, 6), *arguments, step_rates=rule) for rule in ("equal", "by_width"))
        for slot, rate in enumerate((0.01, 0.05, 0.1, 1)):
            found = [
                gradients(q, (given, slot), np.ones_like(given), [q.step])[1][q.step.name][slot, 0]
                for q in (equal, slower)
            ]
            assert found[1] == pytest.approx(rate * found[0], rel=1e-4), (kind, slot)
