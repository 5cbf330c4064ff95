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
"""MindSpore operators on the native kernels: `ops.Custom(func_type="aot")` with gradients, for graph mode and PyNative.

Each factory returns a cell to call in `construct`. Shapes are static; all tensors are float32. Definitions:
src/kernels/README.md. Convolutions: conv_ops.py.
"""

import numpy as np
from mindspore import Tensor, nn, ops

from src.kernels.custom import constant, custom, writing


def batch_norm(activation: str, residual: bool) -> nn.Cell:
    """op(x [N, C, ...], gamma [C], beta [C][, residual]) -> (y, mean, var): training mode, eps 1e-5, biased var.

    y = activation(bn(x) [+ residual]), one of none, relu, relu6. mean and var carry no gradient.
    """
    return _Norm(activation, residual)


def running_statistics() -> nn.Cell:
    """op(moving_mean, moving_variance, mean [C], variance [C], share [R], factor): moves the first two, parameters.

    moving = moving * (1 - share) + value * share; the variance counts `factor` times. moving_*: [C] at R = 1, or
    [R, C]. factor: shape (1,). There is no gradient.
    """
    return _Running()


def fake_quant() -> nn.Cell:
    """op(x, inv, scale, low, high, step, clip) -> scale * floor(clamp(x * inv, low, high) + 0.5), any shape.

    inv and scale: one value, or one per x.shape[0]; low, high: shape (1,), integers. step and clip: gradient ports
    as in quant_conv2d, with one value or one per row of x.
    """
    return _FakeQuant()


def fake_quant_slots() -> nn.Cell:
    """op(x, inv (K, R), scale (K, R), low (K,), high (K,), step (K, R)) -> values (K, *x.shape): the same at K widths
    at once, without a clip port; R = 1 or x.shape[0]."""
    return _FakeQuantSlots()


def dorefa_weight() -> nn.Cell:
    """op(t, tops (K,)) -> values (K, *t.shape), K >= 1: DoReFa's weights at K widths (src/quantizers/dorefa.py) from
    t = tanh(weight); tops: 2^bits - 1 of each width, 3..255."""
    return _Dorefa()


def levels() -> nn.Cell:
    """op(x, levels (2^B,), gates, rounded (1,), settings (5,)) -> the nearest effective level of each value of x, any
    shape; the same arguments and gradients as src/quantizers/level_quantize.py's."""
    return _Levels()


def subsample(stride: int, before: int, after: int) -> nn.Cell:
    """op(x [N, C, H, W]) -> y [N, before + C + after, ceil(H / stride), ceil(W / stride)]: every stride-th pixel, and
    zero channels around."""
    return _Subsample(stride, before, after)


def max_pool(kernel: int, stride: int, padding: int) -> nn.Cell:
    """op(x [N, C, H, W]) -> y [N, C, H', W']: maximum over kernel x kernel windows, padding < kernel; the gradient
    goes to the first of a window's largest values."""
    return _MaxPool(kernel, stride, padding)


def momentum(groups: list[int], decays: list[float], kept: float, nesterov: bool, limit: float) -> nn.Cell:
    """op(gradients, parameters, moments, rates) -> norm (1,); moves parameters and moments, tuples of n tensors as the
    gradients are. rates: (G,), of groups of parameters.

    Gradients are scaled down to a global norm of at most `limit` (0: any), and count as zero if it is not finite;
    rate = rates[groups[i]]; g += decays[i] * parameter; moment = kept * moment + g; parameter -= rate * moment, or
    with Nesterov's rule rate * (g + kept * moment). norm: before scaling. Its end is the end of a step for
    `kernels.wait_for_step`.
    """
    return _Update("dq_momentum", 1, groups, decays, [kept, float(nesterov), limit])


def adamw(
    groups: list[int], decays: list[float], kept: tuple[float, float], epsilon: float, limit: float
) -> nn.Cell:
    """op(gradients, parameters, moments, squares, rates) -> norm (1,), as `momentum`, by AdamW without correction
    of the first steps' bias (as MindSpore's AdamWeightDecay): moment and square keep the shares `kept`; parameter -=
    rate * (moment / (sqrt(square) + epsilon) + decays[i] * parameter).
    """
    return _Update("dq_adamw", 2, groups, decays, [*kept, epsilon, limit])


class _Norm(nn.Cell):
    def __init__(self, activation: str, residual: bool):
        super().__init__()
        ending = {"none": "", "relu": "_relu", "relu6": "_relu6"}[activation]
        symbol = "dq_norm" + ("_add" if residual else "") + ending
        if residual:
            add_grad = custom(symbol + "_grad", lambda x, g, y, m, v, dy: (x, g, g, x), 4)

            def add_bprop(x, gamma, beta, res, out, dout):
                d = add_grad(x, gamma, out[0], out[1], out[2], dout[0])
                return d[0], d[1], d[2], d[3]

            self.op = custom(symbol, lambda x, g, b, r: (x, g, g), 3, add_bprop)
        else:
            grad = custom(symbol + "_grad", lambda x, g, b, m, v, dy: (x, g, g), 3)

            def bprop(x, gamma, beta, out, dout):
                d = grad(x, gamma, beta, out[1], out[2], dout[0])
                return d[0], d[1], d[2]

            self.op = custom(symbol, lambda x, g, b: (x, g, g), 3, bprop)
        self.residual = residual

    def construct(self, x, gamma, beta, residual=None):
        if self.residual:
            return self.op(x, gamma, beta, residual)
        return self.op(x, gamma, beta)


class _Running(nn.Cell):
    def __init__(self):
        super().__init__()
        self.op = writing("dq_running", 6, range(2))

    def construct(self, moving_mean, moving_variance, mean, variance, share, factor):
        self.op(moving_mean, moving_variance, mean, variance, share, factor)


class _FakeQuant(nn.Cell):
    def __init__(self):
        super().__init__()
        grad = custom(
            "dq_fake_quant_grad",
            lambda x, inv, scale, low, high, step, clip, dy: (x, step, clip),
            3,
        )

        def bprop(x, inv, scale, low, high, step, clip, out, dy):
            d = grad(x, inv, scale, low, high, step, clip, dy)
            z = ops.zeros_like
            return d[0], z(inv), z(scale), z(low), z(high), d[1], d[2]

        self.op = custom("dq_fake_quant", lambda x, *rest: x, 1, bprop)

    def construct(self, x, inv, scale, low, high, step, clip):
        return self.op(x, inv, scale, low, high, step, clip)


class _FakeQuantSlots(nn.Cell):
    def __init__(self):
        super().__init__()
        grad = custom(
            "dq_fake_quant_slots_grad", lambda x, inv, scale, low, high, step, dy: (x, step), 2
        )

        def bprop(x, inv, scale, low, high, step, out, dy):
            d = grad(x, inv, scale, low, high, step, dy)
            z = ops.zeros_like
            return d[0], z(inv), z(scale), z(low), z(high), d[1]

        self.op = custom(
            "dq_fake_quant_slots", lambda x, inv, *rest: (inv[0],) + tuple(x), 1, bprop
        )

    def construct(self, x, inv, scale, low, high, step):
        return self.op(x, inv, scale, low, high, step)


class _Dorefa(nn.Cell):
    def __init__(self):
        super().__init__()
        grad = custom("dq_dorefa_grad", lambda t, tops, dy: t, 1)

        def bprop(t, tops, out, dy):
            return grad(t, tops, dy), ops.zeros_like(tops)

        self.op = custom("dq_dorefa", lambda t, tops: tuple(tops) + tuple(t), 1, bprop)

    def construct(self, t, tops):
        return self.op(t, tops)


class _Levels(nn.Cell):
    def __init__(self):
        super().__init__()
        grad = custom(
            "dq_levels_grad", lambda x, levels, gates, on, s, y, dy: (x, levels, gates), 3
        )

        def bprop(x, levels, gates, rounded, settings, out, dy):
            d = grad(x, levels, gates, rounded, settings, out, dy)
            return d[0], d[1], d[2], ops.zeros_like(rounded), ops.zeros_like(settings)

        self.op = custom("dq_levels", lambda x, *rest: x, 1, bprop)

    def construct(self, x, levels, gates, rounded, settings):
        return self.op(x, levels, gates, rounded, settings)


class _Subsample(nn.Cell):
    def __init__(self, stride: int, before: int, after: int):
        super().__init__()
        self.geometry = constant(stride, before, after)
        grad = custom("dq_subsample_grad", lambda x, g, dy: x, 1)

        def bprop(x, g, out, dy):
            return grad(x, g, dy), ops.zeros_like(g)

        def shape(x, g):
            n, c, h, w = x
            return (n, before + c + after, (h - 1) // stride + 1, (w - 1) // stride + 1)

        self.op = custom("dq_subsample", shape, 1, bprop, (stride, before, after))

    def construct(self, x):
        return self.op(x, self.geometry)


class _MaxPool(nn.Cell):
    def __init__(self, kernel: int, stride: int, padding: int):
        super().__init__()
        self.geometry = constant(kernel, stride, padding)
        grad = custom("dq_max_pool_grad", lambda x, g, dy: x, 1)

        def bprop(x, g, out, dy):
            return grad(x, g, dy), ops.zeros_like(g)

        def shape(x, g):
            sides = [(side + 2 * padding - kernel) // stride + 1 for side in x[2:]]
            return (x[0], x[1], *sides)

        self.op = custom("dq_max_pool", shape, 1, bprop, (kernel, stride, padding))

    def construct(self, x):
        return self.op(x, self.geometry)


class _Update(nn.Cell):
    """kept: arrays that the optimizer keeps for each parameter."""

    def __init__(
        self, symbol: str, kept: int, groups: list[int], decays: list[float], settings: list[float]
    ):
        super().__init__()
        count = len(decays)
        self.groups = constant(*groups)
        self.decays, self.settings = (Tensor(np.array(v, np.float32)) for v in (decays, settings))
        inputs, written = (2 + kept) * count + 4, range(count, (2 + kept) * count)
        self.op = writing(symbol, inputs, written, key=count)

    def construct(self, gradients, parameters, *state):
        kept = ()
        for one in state[:-1]:
            kept = kept + tuple(one)
        rates = state[-1]
        return self.op(*gradients, *parameters, *kept, rates, self.groups, self.decays, self.settings)
