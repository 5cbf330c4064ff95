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
"""New values reach what is compiled already."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import Parameter, Tensor, nn, ops

from src.parameters import assign
from tests.project.files import project_files


class Counter(nn.Cell):
    """Each call adds one to the parameter, and returns it."""

    def __init__(self):
        super().__init__()
        self.count = Parameter(Tensor(np.zeros(3, np.float32)), "count")

    def construct(self, one):
        ops.assign(self.count, self.count + one)
        return self.count * 1.0


@pytest.mark.parametrize("jit", [False, True], ids=["cell", "function"])
def test_a_compiled_graph_goes_on_from_the_new_value(mode, jit):
    cell, one = Counter(), Tensor(np.ones(3, np.float32))
    step = cell
    if jit:

        @ms.jit
        def step(one):
            return cell(one)

    for _ in range(2):
        step(one)
    for value in (10, 20):
        assign(cell.count, np.full(3, value))
        np.testing.assert_array_equal(cell.count.asnumpy(), [value] * 3)
        np.testing.assert_array_equal(step(one).asnumpy(), [value + 1] * 3)
        step(one)
        np.testing.assert_array_equal(cell.count.asnumpy(), [value + 2] * 3)


def test_shape_and_dtype_stay():
    for initial in (np.float32(1.5), np.zeros((2, 3), np.float32), np.zeros(1, np.int32)):
        parameter = Parameter(Tensor(initial), "p")
        assign(parameter, np.full(initial.shape, 7, np.float64))
        got = parameter.asnumpy()
        assert (got.shape, got.dtype) == (initial.shape, initial.dtype) and (got == 7).all()


def test_nothing_in_src_swaps_tensors():
    users = [p for p in project_files(".py", under="src/") if "set_data(" in p.read_text()]
    assert not users, "use src.parameters.assign"
