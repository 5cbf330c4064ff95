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
# ruff: noqa: F821  the DSL's own words
"""Integer convolution with int32 sums, exact for unsigned times signed codes of 8 bits up to
C * kh * kw = 65793; larger sums wrap.

AKG takes the loops for a matrix product and allows its pixels two index terms (it stops at
`gemm_m.size() <= FormatM.size()` otherwise): no room for image, row and column. So the images are
laid below each other, each padded to a multiple of the stride, and the rows whose window straddles
two images are dropped afterwards.
"""

from mindspore import nn, ops
from mindspore.ops import kernel

from src.errors import UserError
from src.kernels.akg.hybrid import custom


def conv2d(stride: int, padding: int) -> nn.Cell:
    """op(x (N, C, H, W), w (O, C, kh, kw)) -> y (N, O, H', W'), all int32.

    Args:
        stride: of both axes, at least 1.
        padding: zeros on every side.
    """
    if stride < 1 or padding < 0:
        raise UserError(
            f"conv2d: stride={stride}, padding={padding}; allowed: stride >= 1, padding >= 0"
        )
    return _Conv(stride, padding)


def _out_shape(x, w, window):
    stride, kh, kw = window
    return (x[0] - kh) // stride + 1, (x[1] - kw) // stride + 1, w[1]


class _Conv(nn.Cell):
    def __init__(self, stride: int, padding: int):
        super().__init__()
        self.stride, self.padding = stride, padding
        self.op = custom(_conv, _out_shape)

    def construct(self, x, w):
        stride, padding = self.stride, self.padding
        n, c, height, width = x.shape
        o, kh, kw = _fitting(x.shape, w.shape, padding)
        tall = height + 2 * padding
        pitch = (tall + stride - 1) // stride * stride  # rows from one image to the next
        x = ops.pad(x, (padding, padding, padding, pitch - height - padding))
        x = x.transpose(0, 2, 3, 1).reshape(n * pitch, width + 2 * padding, c)
        x = ops.pad(x, (0, 0, 0, 0, 0, kh - 1))  # for the last image's straddling rows
        w = w.transpose(2, 3, 1, 0).reshape(-1, o)
        y = self.op(x, w, ops.zeros((stride, kh, kw), x.dtype))
        y = y.reshape(n, pitch // stride, -1, o)[:, : (tall - kh) // stride + 1]
        return y.transpose(0, 3, 1, 2)


@ops.constexpr
def _fitting(x, w, padding):
    """O, kh and kw. UserError where the shapes x and w do not fit."""
    if len(x) != 4 or len(w) != 4 or x[1] != w[1]:
        raise UserError(f"conv2d: x {x} and w {w} do not fit: (N, C, H, W) and (O, C, kh, kw)")
    if x[2] + 2 * padding < w[2] or x[3] + 2 * padding < w[3]:
        raise UserError(f"conv2d: x {x} with padding={padding} is smaller than w {w}")
    return w[0], w[2], w[3]


# x (rows, W, C), w (kh * kw * C, O); window has the shape (stride, kh, kw), its values are unread.
# One reduction loop, as AKG wants; the inner loop runs along rows of w and y and becomes vectors.
@kernel
def _conv(x, w, window):
    y = output_tensor(
        (
            (x.shape[0] - window.shape[1]) // window.shape[0] + 1,
            (x.shape[1] - window.shape[2]) // window.shape[0] + 1,
            w.shape[1],
        ),
        "int32",
    )
    for r in range(y.shape[0]):
        for j in range(y.shape[1]):
            for o in range(y.shape[2]):
                y[r, j, o] = int32(0)
            for k in range(w.shape[0]):
                for o in range(y.shape[2]):
                    y[r, j, o] = (
                        y[r, j, o]
                        + x[
                            r * window.shape[0] + k // x.shape[2] // window.shape[2],
                            j * window.shape[0] + k // x.shape[2] % window.shape[2],
                            k % x.shape[2],
                        ]
                        * w[k, o]
                    )
    return y
