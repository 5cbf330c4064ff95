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
"""The rounding rule equals an integer shift with half added, ties up, for every tie of 16 bits."""

import mindspore as ms
import numpy as np
from mindspore import Tensor

from src.quantizers.rounding import round_half_up, straight_through


def test_rounds_like_a_shift_with_half_added():
    integers = np.arange(-(2**15), 2**15)
    for shift in (1, 3, 6):
        expected = (integers + (1 << (shift - 1))) >> shift
        v = Tensor((integers / 2.0**shift).astype(np.float32))
        np.testing.assert_array_equal(round_half_up(v).asnumpy(), expected)


def test_ties_go_up_not_to_even():
    v = Tensor(np.array([-1.5, -0.5, 0.5, 1.5, 2.5], np.float32))
    np.testing.assert_array_equal(round_half_up(v).asnumpy(), [-1, 0, 1, 2, 3])


def test_straight_through_is_exact_forward_and_identity_backward(mode):
    rng = np.random.default_rng(0)
    x = rng.normal(size=1000).astype(np.float32) * 1e3
    value = (x * np.float32(1 / 3)).astype(np.float32)

    def carried(x):
        return straight_through(x * np.float32(1 / 3), 2 * x)

    np.testing.assert_array_equal(carried(Tensor(x)).asnumpy(), value)
    np.testing.assert_array_equal(ms.grad(carried)(Tensor(x)).asnumpy(), np.full(1000, 2.0))
