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
"""The kernel of the shortcut without parameters, against slices."""

import numpy as np
import pytest

from src.kernels.direct import call
from src.kernels.errors import KernelError

CASES = [((2, 3, 8, 8), 2, 1, 2), ((1, 2, 7, 5), 2, 0, 0), ((3, 1, 4, 6), 1, 2, 1),
         ((2, 2, 9, 9), 3, 1, 1), ((1, 1, 1, 1), 2, 1, 0)]  # fmt: skip


def sizes(shape, stride, before, after):
    n, c, h, w = shape
    return n, before + c + after, -(-h // stride), -(-w // stride)


@pytest.mark.parametrize("shape,stride,before,after", CASES)
def test_forward_and_gradient(isa, shape, stride, before, after):
    rng = np.random.default_rng(0)
    x = rng.standard_normal(shape).astype(np.float32)
    out, g = sizes(shape, stride, before, after), np.array([stride, before, after], np.int32)
    (y,) = call("dq_subsample", [x, g], [out])
    expected = np.pad(x[:, :, ::stride, ::stride], ((0, 0), (before, after), (0, 0), (0, 0)))
    np.testing.assert_array_equal(y, expected)
    dy = rng.standard_normal(out).astype(np.float32)
    (dx,) = call("dq_subsample_grad", [x, g, dy], [shape])
    expected = np.zeros(shape, np.float32)
    expected[:, :, ::stride, ::stride] = dy[:, before : before + shape[1]]
    np.testing.assert_array_equal(dx, expected)


@pytest.mark.parametrize(
    "values,out,message",
    [((0, 0, 0), (1, 2, 4, 4), "geometry"), ((2, -1, 0), (1, 2, 2, 2), "geometry"),
     ((2, 0, 0), (1, 2, 4, 4), "shapes"), ((2, 1, 0), (1, 2, 2, 2), "shapes")],
)  # fmt: skip
def test_what_does_not_fit_is_refused(isa, values, out, message):
    with pytest.raises(KernelError, match=message):
        call(
            "dq_subsample", [np.zeros((1, 2, 4, 4), np.float32), np.array(values, np.int32)], [out]
        )
