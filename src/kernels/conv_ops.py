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
"""Native convolutions as differentiable cells for graph and PyNative mode, forward and backward.

Each factory returns a cell to call in `construct`. Shapes are static; all tensors are float32. Definitions:
src/kernels/README.md.
"""

from mindspore import nn, ops

from src.errors import UserError
from src.kernels.custom import constant, custom


def conv2d(stride: int, padding: int, groups: int = 1, needs_dx: bool = True) -> nn.Cell:
    """op(x [N, C, H, W], w [O, C / groups, kh, kw]) -> y. needs_dx=False (first layer): the gradient to x is 0."""
    return _Conv(stride, padding, groups, needs_dx)


def quant_conv2d(
    stride: int, padding: int, groups: int = 1, short_gradients: bool = False
) -> nn.Cell:
    """op(x, wq, w_scale, a_inv, a_scale, a_max, step, clip) -> conv(Q(x), wq).

    wq [O, C / groups, kh, kw]: already quantised, w_scale ([O] or [1]) times integers. Q(x) = a_scale * code, code =
    floor(clamp(x * a_inv, 0, a_max) + 0.5). a_*, step, clip: shape (1,). step and clip do not change the value; their
    gradients are those of an LSQ step and of a PACT clip. w_scale and a_* get zeros. short_gradients: dL/dy may be
    rounded to 16-bit codes (csrc/conv/gradient_codes.h).
    """
    return _QuantConv(stride, padding, groups, short_gradients)


def dynamic_conv2d(
    stride: int, padding: int, groups: int = 1, short_gradients: bool = False, is_given: bool = False
) -> nn.Cell:
    """op(x, wq [K, O, C / groups, kh, kw], w_scale [K, O], a_inv [K], a_scale, a_max, step, clip, onehot [N, K]) -> y.

    Image n uses the quantiser k with the largest onehot[n, k] alone. The gradients are those of the mixture
    sum_k onehot[n, k] * conv(Q_k(x[n]), wq[k]) at a hard one-hot; only onehot's needs all K, and it stays float.
    is_given: the choice comes from outside and learns nothing; onehot's gradient is zero then, and costs nothing.
    """
    return _DynamicConv(stride, padding, groups, short_gradients, is_given)


def _conv_out_shape(name: str, stride: int, padding: int, groups: int):
    """Output shape from the shapes of x and w; refuses what the kernel would refuse."""
    if not 1 <= stride <= 8:
        raise UserError(f"{name}: stride={stride}; allowed are 1..8")

    def infer(x, w, *rest):
        o, i, kh, kw = w[-4:]
        if len(x) != 4 or i * groups != x[1] or o % groups:
            raise UserError(
                f"{name}: x {tuple(x)} and w {tuple(w)} do not fit with groups={groups}"
            )
        height, width = x[2] + 2 * padding - kh, x[3] + 2 * padding - kw
        if height < 0 or width < 0 or not 0 <= padding < min(kh, kw):
            raise UserError(
                f"{name}: kernel {kh}x{kw} with padding={padding} does not fit an image of {x[2]}x{x[3]}; "
                "padding must be below the kernel size"
            )
        return (x[0], o, height // stride + 1, width // stride + 1)

    return infer


class _Conv(nn.Cell):
    def __init__(self, stride: int, padding: int, groups: int, needs_dx: bool):
        super().__init__()
        self.geometry = constant(stride, padding, groups, 0)
        shape = _conv_out_shape("conv2d", stride, padding, groups)
        if needs_dx:
            grad = custom("dq_conv2d_grad", lambda x, w, g, dy: (x, w), 2)

            def bprop(x, w, g, out, dy):
                d = grad(x, w, g, dy)
                return d[0], d[1], ops.zeros_like(g)

            self.op = custom("dq_conv2d", shape, 1, bprop, (stride, padding, groups))
        else:
            first_grad = custom("dq_conv2d_first_grad", lambda x, w, g, dy: w, 1)

            def first_bprop(x, w, g, out, dy):
                return ops.zeros_like(x), first_grad(x, w, g, dy), ops.zeros_like(g)

            self.op = custom("dq_conv2d_first", shape, 1, first_bprop, (stride, padding, groups))

    def construct(self, x, w):
        return self.op(x, w, self.geometry)


class _QuantConv(nn.Cell):
    def __init__(self, stride: int, padding: int, groups: int, short_gradients: bool):
        super().__init__()
        geometry = stride, padding, groups, int(short_gradients)
        self.geometry = constant(*geometry)
        grad = custom(
            "dq_quant_conv2d_grad", lambda x, w, ws, ai, a, top, g, dy: (x, w, ai, ai), 4
        )

        def bprop(x, w, ws, ai, a, top, step, clip, g, out, dy):
            d = grad(x, w, ws, ai, a, top, g, dy)
            z = ops.zeros_like
            return d[0], d[1], z(ws), z(ai), z(a), z(top), d[2], d[3], z(g)

        shape = _conv_out_shape("quant_conv2d", stride, padding, groups)
        self.op = custom("dq_quant_conv2d", shape, 1, bprop, geometry)

    def construct(self, x, wq, w_scale, a_inv, a_scale, a_max, step, clip):
        return self.op(x, wq, w_scale, a_inv, a_scale, a_max, step, clip, self.geometry)


class _DynamicConv(nn.Cell):
    def __init__(self, stride: int, padding: int, groups: int, short_gradients: bool, is_given: bool):
        super().__init__()
        geometry = stride, padding, groups, int(short_gradients)
        self.geometry = constant(*geometry)
        grad_given = custom(
            "dq_dynamic_conv2d_grad_given",
            lambda x, w, ws, ai, a, top, hot, g, dy: (x, w, ai, ai),
            4,
        )

        def bprop_given(x, w, ws, ai, a, top, step, clip, hot, g, out, dy):
            d = grad_given(x, w, ws, ai, a, top, hot, g, dy)
            z = ops.zeros_like
            return d[0], d[1], z(ws), z(ai), z(a), z(top), d[2], d[3], z(hot), z(g)

        grad = custom(
            "dq_dynamic_conv2d_grad",
            lambda x, w, ws, ai, a, top, hot, g, y, dy: (x, w, ai, ai, hot),
            5,
        )

        def bprop(x, w, ws, ai, a, top, step, clip, hot, g, out, dy):
            d = grad(x, w, ws, ai, a, top, hot, g, out, dy)
            z = ops.zeros_like
            return d[0], d[1], z(ws), z(ai), z(a), z(top), d[2], d[3], d[4], z(g)

        shape = _conv_out_shape("dynamic_conv2d", stride, padding, groups)
        own = bprop_given if is_given else bprop
        self.op = custom("dq_dynamic_conv2d", shape, 1, own, geometry)

    def construct(self, x, wq, w_scale, a_inv, a_scale, a_max, step, clip, onehot):
        return self.op(x, wq, w_scale, a_inv, a_scale, a_max, step, clip, onehot, self.geometry)
