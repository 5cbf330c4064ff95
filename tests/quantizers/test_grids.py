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
"""What a fused kernel takes of all widths at once is what each width has by itself."""

import numpy as np
import pytest
from mindspore import Tensor, ops

from src.quantizers.dorefa import DorefaActivation
from src.quantizers.lsq import BY_WIDTH, LsqActivation
from src.quantizers.nested import NestedActivation
from src.quantizers.pact import PactActivation
from tests.gradients import gradients

X = Tensor(np.zeros((2, 3, 4, 4), np.float32))
KINDS = [
    lambda: DorefaActivation((2, 4, 8)),
    lambda: PactActivation((2, 4, 8), 1.7),
    lambda: LsqActivation((2, 3, 4)),
    lambda: LsqActivation((2, 3, 4), step_rates=BY_WIDTH),
    lambda: NestedActivation((2, 4, 8)),
]
NAMES = ["dorefa", "pact", "lsq", "lsq by width", "nested"]


@pytest.mark.parametrize("make", KINDS, ids=NAMES)
def test_values_are_those_of_each_slot(make):
    quantizer = make()
    at_once = [value.asnumpy() for value in quantizer.grids(X)]
    each = [[value.asnumpy() for value in quantizer.grid(X, slot)] for slot in range(3)]
    for values, place in zip(at_once, (0, 1, 3, 4, 5), strict=True):
        np.testing.assert_array_equal(values, np.concatenate([grid[place] for grid in each]))


@pytest.mark.parametrize("make", KINDS[1:], ids=NAMES[1:])
def test_ports_pass_gradients_on_to_what_is_learned(make):
    quantizer, up = make(), [1.0, 2.0, 3.0]

    def each(x):
        grids = [quantizer.grid(x, slot) for slot in range(3)]
        return ops.concat([grid[4] + grid[5] for grid in grids])

    def at_once(x):
        _, _, _, step, clip = quantizer.grids(x)
        return step + clip

    learned = quantizer.trainable_params()
    (one,), (all_slots,) = (gradients(ports, [X], up, learned)[1].values() for ports in (each, at_once))
    assert one.any()
    np.testing.assert_allclose(all_slots, one, rtol=1e-6)
