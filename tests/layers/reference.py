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

"""Convolution, quantisers and their gradients in NumPy float64, written for reading.

A quantiser here is a function (tensor, width) -> (values, back), where back(upstream) gives the
gradient of the tensor and that of the learned number (None where nothing is learned).
"""

import numpy as np


def conv(x, w, stride=1, padding=0, groups=1):
    """x (N, C, H, W), w (O, C / groups, k, k) -> (N, O, H', W')."""
    x = np.pad(np.asarray(x, np.float64), ((0, 0), (0, 0), (padding,) * 2, (padding,) * 2))
    outputs, inputs, kernel = w.shape[0] // groups, w.shape[1], w.shape[2]
    side = (x.shape[2] - kernel) // stride + 1
    y = np.zeros((len(x), w.shape[0], side, side))
    for o in range(w.shape[0]):
        group = x[:, o // outputs * inputs :][:, :inputs]
        for i in range(side):
            for j in range(side):
                window = group[:, :, i * stride :, j * stride :][:, :, :kernel, :kernel]
                y[:, o, i, j] = (window * w[o]).sum((1, 2, 3))
    return y


def conv_back(x, w, dy, stride=1, padding=0):
    """(dx, dw) of `conv` with one group, for the upstream gradient dy."""
    kernel, side = w.shape[2], dy.shape[2]
    wide = np.pad(np.asarray(x, np.float64), ((0, 0), (0, 0), (padding,) * 2, (padding,) * 2))
    dx, dw = np.zeros_like(wide), np.zeros(w.shape)
    for i in range(side):
        for j in range(side):
            rows = slice(i * stride, i * stride + kernel)
            columns = slice(j * stride, j * stride + kernel)
            dx[:, :, rows, columns] += np.einsum("no,ockl->nckl", dy[:, :, i, j], w)
            dw += np.einsum("no,nckl->ockl", dy[:, :, i, j], wide[:, :, rows, columns])
    inner = slice(padding, -padding or None)
    return dx[:, :, inner, inner], dw


def dorefa_weight(w, bits):
    w = np.asarray(w, np.float64)
    n, t = 2**bits - 1, np.tanh(w)
    top = np.unravel_index(np.abs(t).argmax(), t.shape)
    m = abs(t[top])
    values = 2 * np.floor((t / (2 * m) + 0.5) * n + 0.5) / n - 1

    def back(up):
        dt = up / m
        dt[top] -= np.sign(t[top]) * (up * t).sum() / m**2
        return dt * (1 - t**2), None

    return values, back


def dorefa_activation(x, bits):
    n = 2**bits - 1
    inside = (x > 0) & (x < 1)
    return np.floor(np.clip(x, 0, 1) * n + 0.5) / n, lambda up: (up * inside, None)


def pact(alpha):
    def quantise(x, bits):
        n = 2**bits - 1
        values = np.floor(np.clip(x, 0, alpha) * n / alpha + 0.5) * alpha / n
        inside = (x > 0) & (x < alpha)
        return values, lambda up: (up * inside, (up * (x >= alpha)).sum())

    return quantise


def lsq(signed, step_of_width, features):
    """`features`: N of the gradient scale 1 / sqrt(N Qp); the learned number is the step."""

    def quantise(x, bits):
        low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
        s = step_of_width[bits]
        v = np.asarray(x, np.float64) / s
        code = np.floor(np.clip(v, low, high) + 0.5)
        inside = (v > low) & (v < high)

        def back(up):
            d_step = (up * np.where(inside, code - v, code)).sum()
            return up * inside, d_step / np.sqrt(features * high)

        return code * s, back

    return quantise
