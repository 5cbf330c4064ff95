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
"""DoReFa against its equations in float64."""

import numpy as np
import pytest
from mindspore import Tensor

from src.errors import UserError
from src.quantizers.dorefa import DorefaActivation, DorefaWeight
from tests.gradients import gradients


def reference_weight(w, bits):
    w = w.astype(np.float64)
    if bits == 1:
        return np.where(w >= 0, 1, -1) * np.abs(w).mean()
    n = 2**bits - 1
    t = np.tanh(w)
    u = t / (2 * np.abs(t).max()) + 0.5
    return 2 * np.floor(u * n + 0.5) / n - 1


@pytest.mark.parametrize("bits", [1, 2, 3, 4, 8])
def test_weight_values(bits):
    w = np.random.default_rng(bits).normal(size=(8, 4, 3, 3)).astype(np.float32)
    w[0, 0] = 0  # on the border between two codes
    values, scale = DorefaWeight((bits,), w)(Tensor(w), 0)
    np.testing.assert_allclose(values.asnumpy(), reference_weight(w, bits), atol=1e-6)
    codes = values.asnumpy() / scale.asnumpy()
    np.testing.assert_allclose(codes, np.round(codes), atol=1e-4)
    if bits > 1:
        assert values.asnumpy().max() == pytest.approx(1) or values.asnumpy().min() == -1
        assert set(np.unique(np.abs(np.round(codes)) % 2)) == {1.0}, "codes are odd"


def test_weight_gradient_is_that_of_the_unrounded_formula(mode):
    """d(2u)/dw with u = tanh(w) / (2 max|tanh w|) + 1/2, the maximum included."""
    rng = np.random.default_rng(3)
    w = rng.normal(size=(4, 5)).astype(np.float32)
    up = rng.normal(size=w.shape)
    got, _ = gradients(DorefaWeight((4,), w), (w, 0), up)
    t = np.tanh(w.astype(np.float64))
    top = np.unravel_index(np.abs(t).argmax(), t.shape)
    m = abs(t[top])
    d_t = up / m
    d_t[top] -= np.sign(t[top]) * (up * t).sum() / m**2
    np.testing.assert_allclose(got, d_t * (1 - t**2), atol=1e-4)


def test_one_bit_weight_passes_the_gradient_unchanged():
    w = np.array([[0.3, -0.2], [0.0, 1.5]], np.float32)
    up = np.array([[1.0, 2.0], [3.0, 4.0]])
    got, _ = gradients(DorefaWeight((1,), w), (w, 0), up)
    np.testing.assert_array_equal(got, up)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_activation_values_and_gradient(bits):
    x = np.array([-0.5, 0.1, 0.33, 0.5, 0.8, 1.7], np.float32)
    n = 2**bits - 1
    quantizer = DorefaActivation((bits,))
    expected = np.floor(np.clip(x.astype(np.float64), 0, 1) * n + 0.5) / n
    np.testing.assert_allclose(quantizer(Tensor(x), 0).asnumpy(), expected, atol=1e-7)
    up = np.arange(1.0, 7.0)
    got, _ = gradients(quantizer, (x, 0), up)
    np.testing.assert_array_equal(got, [0, 2, 3, 4, 5, 0])


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_signed_activations_fill_their_bits(bits):
    x = np.array([-1.9, -1.0, -0.4, 0.1, 0.5, 0.9, 1.7], np.float32)
    n = 2 ** (bits - 1) - 1
    quantizer = DorefaActivation((bits,), signed=True)
    expected = np.clip(np.floor(x.astype(np.float64) * n + 0.5), -n - 1, n) / n
    np.testing.assert_allclose(quantizer(Tensor(x), 0).asnumpy(), expected, atol=1e-6)
    got, _ = gradients(quantizer, (x, 0), np.arange(1.0, 8.0))
    inside = (x * n > -n - 1) & (x < 1)
    np.testing.assert_array_equal(got, np.arange(1.0, 8.0) * inside)


def test_there_are_no_signed_activations_of_one_bit():
    with pytest.raises(UserError, match="may be negative take 2 bits or more"):
        DorefaActivation((1, 2), signed=True)
