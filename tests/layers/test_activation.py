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

"""Activations: values and gradients against their bounds, also where a value lies on one."""

import numpy as np
import pytest
from mindspore import Tensor

from src.layers.activation import NONE, RELU, RELU6, Activate
from tests.gradients import gradients

VALUES = np.float32([-7, -1e-3, 0.0, 1e-3, 3, 5.999, 6, 40])


@pytest.mark.parametrize("activation", [NONE, RELU, RELU6], ids=lambda a: a.name)
def test_values_and_gradients(activation, mode):
    low = -np.inf if activation.low is None else activation.low
    high = np.inf if activation.high is None else activation.high
    cell, up = Activate(activation), np.arange(1.0, 9.0)
    np.testing.assert_array_equal(cell(Tensor(VALUES)).asnumpy(), np.clip(VALUES, low, high))
    got, _ = gradients(cell, (VALUES,), up)
    inside = np.greater(VALUES, low) & np.less(VALUES, high)
    np.testing.assert_array_equal(got, up * inside)


def test_bounds_are_what_engines_need():
    bounds = [(a.low, a.high) for a in (NONE, RELU, RELU6)]
    assert bounds == [(None, None), (0.0, None), (0.0, 6.0)]
