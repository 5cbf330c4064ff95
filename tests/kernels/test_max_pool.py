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
"""The max-pool's kernel against windows taken one by one."""

import numpy as np
import pytest

from src.kernels.direct import call
from src.kernels.errors import KernelError

CASES = [((2, 3, 8, 8), 3, 2, 1), ((1, 2, 7, 5), 3, 2, 1), ((1, 1, 6, 9), 2, 2, 0),
         ((2, 1, 5, 5), 3, 1, 1), ((1, 2, 9, 4), 4, 3, 2), ((1, 1, 1, 1), 3, 2, 1)]  # fmt: skip


def windows(shape, kernel, stride, padding):
    """(output row, column, input rows, columns) of every window."""
    h, w = shape[2:]
    for i in range((h + 2 * padding - kernel) // stride + 1):
        for j in range((w + 2 * padding - kernel) // stride + 1):
            top, left = i * stride - padding, j * stride - padding
            yield (i, j, slice(max(top, 0), min(top + kernel, h)),
                   slice(max(left, 0), min(left + kernel, w)))  # fmt: skip


@pytest.mark.parametrize("shape,kernel,stride,padding", CASES)
def test_forward_and_gradient(isa, shape, kernel, stride, padding):
    rng = np.random.default_rng(0)
    x = rng.integers(-3, 4, shape).astype(np.float32)  # with ties, and negative
    sides = [(side + 2 * padding - kernel) // stride + 1 for side in shape[2:]]
    out = (*shape[:2], *sides)
    dy = rng.standard_normal(out).astype(np.float32)
    y, dx = np.zeros(out, np.float32), np.zeros(shape, np.float32)
    for i, j, rows, cols in windows(shape, kernel, stride, padding):
        for n, c in np.ndindex(*shape[:2]):
            window = x[n, c, rows, cols]
            y[n, c, i, j] = window.max()
            r, s = np.unravel_index(window.argmax(), window.shape)  # the first of the largest
            dx[n, c, rows, cols][r, s] += dy[n, c, i, j]
    g = np.array([kernel, stride, padding], np.int32)
    np.testing.assert_array_equal(call("dq_max_pool", [x, g], [out])[0], y)
    np.testing.assert_allclose(call("dq_max_pool_grad", [x, g, dy], [shape])[0], dx, atol=1e-6)


def test_a_window_that_ends_beyond_the_image_holds_none_of_the_next(isa):
    """The window's last column lies behind an image of one pixel, where the next channel begins."""
    x, g = np.float32([0, 9]).reshape(1, 2, 1, 1), np.array([3, 2, 1], np.int32)
    assert call("dq_max_pool", [x, g], [x.shape])[0].ravel().tolist() == [0, 9]


@pytest.mark.parametrize(
    "values,out,message",
    [((0, 2, 0), (1, 1, 2, 2), "geometry"), ((3, 0, 1), (1, 1, 4, 4), "geometry"),
     ((3, 2, 3), (1, 1, 4, 4), "geometry"), ((7, 1, 1), (1, 1, 1, 1), "geometry"),
     ((3, 2, 1), (1, 1, 3, 3), "shapes"), ((3, 2, 1), (1, 2, 2, 2), "shapes")],
)  # fmt: skip
def test_what_does_not_fit_is_refused(isa, values, out, message):
    with pytest.raises(KernelError, match=message):
        call("dq_max_pool", [np.zeros((1, 1, 4, 4), np.float32), np.array(values, np.int32)], [out])
