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
"""PACT against its equations."""

import numpy as np
import pytest
from mindspore import Tensor

from src.quantizers.pact import PactActivation
from tests.gradients import gradients


@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("alpha", [0.7, 3.0])
def test_values(bits, alpha):
    x = np.random.default_rng(1).normal(size=200).astype(np.float32) * 3
    n = 2**bits - 1
    y = 0.5 * (np.abs(x) - np.abs(x - alpha) + alpha)  # eq. 1
    expected = np.floor(y * n / alpha + 0.5) * alpha / n
    got = PactActivation((bits,), alpha)(Tensor(x), 0).asnumpy()
    # A value within float noise of a tie may round either way; one code apart at most, and rarely.
    apart = np.abs(got - expected) > 1e-5
    assert apart.sum() <= 1


def test_gradients_are_those_of_the_paper(mode):
    x = np.array([-1.0, 0.2, 1.1, 1.9, 2.0, 5.0], np.float32)
    up = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    quantizer = PactActivation((3,), 2.0)
    dx, d = gradients(quantizer, (x, 0), up, [quantizer.alpha])
    np.testing.assert_array_equal(dx, [0, 2, 3, 4, 0, 0])
    np.testing.assert_allclose(d[quantizer.alpha.name], [11.0])  # where x >= alpha


def test_signed_codes_and_their_gradients(mode):
    """3 bits: n = 3, codes -4 .. 3, from -4/3 alpha to alpha; the ends move with alpha."""
    x = np.array([-9.0, -2.6, -1.0, 0.2, 1.9, 2.0, 5.0], np.float32)
    up = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0])
    quantizer = PactActivation((3,), 2.0, signed=True)
    step = 2 / 3
    expected = np.array([-4, -4, -1, 0, 3, 3, 3]) * step
    np.testing.assert_allclose(quantizer(Tensor(x), 0).asnumpy(), expected, rtol=1e-6)
    dx, d = gradients(quantizer, (x, 0), up, [quantizer.alpha])
    np.testing.assert_array_equal(dx, [0, 2, 3, 4, 5, 0, 0])
    np.testing.assert_allclose(d[quantizer.alpha.name], [-4 / 3 + 6 + 7], rtol=1e-6)


def test_alpha_is_shared_by_all_widths():
    quantizer = PactActivation((2, 3, 4), 2.0)
    assert [p.shape for p in quantizer.trainable_params()] == [(1,)]
    x = Tensor(np.array([9.0], np.float32))
    for slot in range(3):
        assert quantizer(x, slot).asnumpy()[0] == pytest.approx(2.0)


def test_negative_alpha_acts_as_a_tiny_one_and_recovers():
    quantizer = PactActivation((4,), 2.0)
    quantizer.alpha.set_data(Tensor(np.array([-1.0], np.float32)))
    x = np.array([0.5], np.float32)
    assert 0 < quantizer(Tensor(x), 0).asnumpy()[0] < 1e-5
    _, d = gradients(quantizer, (x, 0), np.array([-3.0]), [quantizer.alpha])
    assert d[quantizer.alpha.name][0] == -3.0, "a falling loss still pulls alpha up"
