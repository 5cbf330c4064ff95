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
"""H is what it says: an error of weights shows as the variance of the layer's output."""

import numpy as np
import pytest
from mindspore import Tensor

from src.layers.conv import convolution
from src.ptq import moments
from src.ptq.moments import Moments, Window


@pytest.mark.parametrize(
    ("window", "channels"),
    [(Window(1, 3, 1, 1), 4), (Window(1, 1, 2, 0), 6), (Window(4, 3, 2, 1), 4), (Window(2, 3, 1, 0), 4)],
)
def test_the_error_of_an_output_is_its_variance(window, channels):
    rng = np.random.default_rng(0)
    outputs, d = 4, channels // window.groups * window.kernel**2
    batches = [rng.gamma(1.0, size=(3, channels, 7, 7)).astype(np.float32) for _ in range(2)]
    off = rng.normal(size=(outputs, channels // window.groups, window.kernel, window.kernel))
    found = Moments(window, seed=0)
    for z in batches:
        found.add(z)
    rows = off.reshape(window.groups, outputs // window.groups, d)
    error = np.einsum("god,gde,goe->go", rows, found.centred(), rows).reshape(-1)
    multiply = convolution(outputs, window.kernel, window.stride, window.padding, window.groups)
    y = multiply(Tensor(np.concatenate(batches)), Tensor(off.astype(np.float32))).asnumpy()
    np.testing.assert_allclose(error, y.var((0, 2, 3)), rtol=1e-4)


def test_a_dense_layer_is_a_window_of_one_pixel():
    z = np.random.default_rng(1).normal(size=(20, 5)).astype(np.float32)
    found = Moments(Window(), seed=0)
    found.add(z)
    np.testing.assert_allclose(found.centred()[0], np.cov(z.T, bias=True), atol=1e-6)


def test_of_large_batches_positions_are_drawn_from_the_seed(monkeypatch):
    monkeypatch.setattr(moments, "_POSITIONS", 50)
    z = np.random.default_rng(1).normal(size=(4, 2, 9, 9)).astype(np.float32)
    found = []
    for seed in (0, 0, 1):
        found.append(Moments(Window(1, 3, 1, 1), seed))
        found[-1].add(z)
    assert found[0].count == 50
    np.testing.assert_array_equal(found[0].centred(), found[1].centred())
    assert (found[0].centred() != found[2].centred()).any()
