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

"""Float layers against NumPy: strides, padding, groups; the first weights' distribution."""

import numpy as np
import pytest
from mindspore import Tensor

from src.layers.conv import Conv2d, Dense
from tests.layers import reference


@pytest.mark.parametrize("stride,padding,groups", [(1, 1, 1), (2, 1, 1), (2, 0, 2), (1, 0, 4)])
def test_convolution_equals_numpy(stride, padding, groups):
    rng = np.random.default_rng(0)
    conv = Conv2d(4, 8, 3, stride, padding, groups, rng=rng)
    x = rng.normal(size=(2, 4, 7, 7)).astype(np.float32)
    expected = reference.conv(x, conv.weight.asnumpy(), stride, padding, groups)
    np.testing.assert_allclose(conv(Tensor(x)).asnumpy(), expected, atol=1e-5)


def test_dense_equals_numpy():
    dense = Dense(5, 3, rng=np.random.default_rng(1))
    dense.bias.set_data(Tensor(np.array([1, 2, 3], np.float32)))
    x = np.random.default_rng(2).normal(size=(4, 5)).astype(np.float32)
    expected = x.astype(np.float64) @ dense.weight.asnumpy().T + [1, 2, 3]
    np.testing.assert_allclose(dense(Tensor(x)).asnumpy(), expected, atol=1e-6)


def test_first_weights():
    """He-normal of the fan-out: variance 2 / (64 x 9); dense uniform in +-1/sqrt(256)."""
    conv = Conv2d(32, 64, 3, rng=np.random.default_rng(0)).weight.asnumpy()
    assert conv.std() == pytest.approx(np.sqrt(2 / (64 * 9)), rel=0.03)
    dense = Dense(256, 100, rng=np.random.default_rng(0)).weight.asnumpy()
    assert np.abs(dense).max() <= 1 / 16
    assert dense.std() == pytest.approx(1 / 16 / np.sqrt(3), rel=0.03)


def test_same_seed_same_weights():
    one, two = (Conv2d(3, 4, 3, rng=np.random.default_rng(7)).weight.asnumpy() for _ in range(2))
    np.testing.assert_array_equal(one, two)
