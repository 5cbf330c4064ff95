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

"""Hard Gumbel-softmax: how often each width is drawn, the gradient, and the noiseless limit."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor

from src.controllers.gumbel import draw_gumbel, hard_choice


def softmax(z):
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def test_drawn_choices_follow_the_softmax_of_the_logits():
    """Whatever the temperature. Chi-square with 2 degrees of freedom; 13.8 is its 0.1 % point."""
    logits = np.array([0.5, -0.3, 1.2], np.float32)
    n = 20_000
    rows = Tensor(np.tile(logits, (n, 1)))
    expected = n * softmax(logits.astype(np.float64))
    for tau in (0.5, 3.0):
        noise = Tensor(draw_gumbel(np.random.default_rng(4), (n, 3)))
        counts = hard_choice(rows, noise, tau).asnumpy().sum(0)
        assert counts.sum() == n
        assert ((counts - expected) ** 2 / expected).sum() < 13.8


def test_noise_is_standard_gumbel():
    """Mean: Euler's constant; variance: pi^2 / 6."""
    noise = draw_gumbel(np.random.default_rng(0), (200_000,))
    assert noise.dtype == np.float32
    assert noise.mean() == pytest.approx(0.5772, abs=0.01)
    assert noise.var() == pytest.approx(np.pi**2 / 6, rel=0.02)


@pytest.mark.parametrize("tau", [0.7, 2.0])
def test_gradient_is_that_of_the_soft_choice(tau, mode):
    rng = np.random.default_rng(1)
    logits, noise, up = (rng.normal(size=(4, 2, 1, 3)).astype(np.float32) for _ in range(3))

    def loss(logits):
        return (hard_choice(logits, Tensor(noise), tau) * Tensor(up)).sum()

    y = softmax((logits.astype(np.float64) + noise) / tau)
    expected = y * (up - (up * y).sum(-1, keepdims=True)) / tau
    np.testing.assert_allclose(ms.grad(loss)(Tensor(logits)).asnumpy(), expected, atol=1e-6)


def test_forward_is_exactly_one_hot_and_without_noise_the_arg_max():
    logits = np.random.default_rng(2).normal(size=(50, 3, 2, 4)).astype(np.float32)
    got = hard_choice(Tensor(logits), Tensor(np.zeros_like(logits)), 0.3).asnumpy()
    np.testing.assert_array_equal(got, np.eye(4, dtype=np.float32)[logits.argmax(-1)])
    assert set(np.unique(got)) == {0.0, 1.0}


def test_ties_go_to_the_first():
    zero = Tensor(np.zeros((2, 3), np.float32))
    np.testing.assert_array_equal(hard_choice(zero, zero, 1.0).asnumpy(), [[1, 0, 0]] * 2)
