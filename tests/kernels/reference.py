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
"""Float64 NumPy definitions of the native kernels (src/kernels/README.md), for the tests."""

import numpy as np


def _columns(x, kh, kw, stride, padding, groups):
    """[g, n * ho * wo, c * kh * kw] and (ho, wo): the inputs of every output pixel."""
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    view = np.lib.stride_tricks.sliding_window_view(padded, (kh, kw), axis=(2, 3))
    view = view[:, :, ::stride, ::stride]  # n, c, ho, wo, kh, kw
    n, c, ho, wo = view.shape[:4]
    view = view.reshape(n, groups, c // groups, ho, wo, kh, kw).transpose(1, 0, 3, 4, 2, 5, 6)
    return view.reshape(groups, n * ho * wo, -1), (ho, wo)


def _pixels(y, groups):
    """[n, o, h, w] -> [g, n * h * w, o / g]."""
    n, o, h, w = y.shape
    parts = y.reshape(n, groups, o // groups, h, w).transpose(1, 0, 3, 4, 2)
    return parts.reshape(groups, n * h * w, o // groups)


def conv(x, w, stride, padding, groups=1):
    """Cross-correlation, float64 (exact on integers below 2^53)."""
    x, w = x.astype(np.float64), w.astype(np.float64)
    columns, (ho, wo) = _columns(x, *w.shape[2:], stride, padding, groups)
    y = columns @ w.reshape(groups, w.shape[0] // groups, -1).transpose(0, 2, 1)
    y = y.reshape(groups, x.shape[0], ho, wo, -1).transpose(1, 0, 4, 2, 3)
    return y.reshape(x.shape[0], w.shape[0], ho, wo)


def conv_grads(x, w, dy, stride, padding, groups=1):
    """dL/dx, dL/dw of conv."""
    x, w, dy = x.astype(np.float64), w.astype(np.float64), dy.astype(np.float64)
    kh, kw = w.shape[2:]
    columns, (ho, wo) = _columns(x, kh, kw, stride, padding, groups)
    pixels = _pixels(dy, groups)
    dw = (pixels.transpose(0, 2, 1) @ columns).reshape(w.shape)
    n, c, h, width = x.shape
    parts = pixels @ w.reshape(groups, w.shape[0] // groups, -1)
    parts = parts.reshape(groups, n, ho, wo, c // groups, kh, kw).transpose(1, 0, 4, 5, 6, 2, 3)
    parts = parts.reshape(n, c, kh, kw, ho, wo)
    dx = np.zeros((n, c, h + 2 * padding, width + 2 * padding))
    for i in range(kh):
        for j in range(kw):
            rows = slice(i, i + stride * (ho - 1) + 1, stride)
            cols = slice(j, j + stride * (wo - 1) + 1, stride)
            dx[:, :, rows, cols] += parts[:, :, i, j]
    return dx[:, :, padding : padding + h, padding : padding + width], dw


def quantise(x, a_inv, a_max, unit=1):
    """(code, v): v in float32 like the kernels, q = floor(clamp(v, 0, top) + 0.5), top = (a_max + 1) unit - 1, and
    code = min(floor(q / unit + 0.5), a_max): the rounded top bits of a master's code, q itself at unit 1."""
    v = (x.astype(np.float32) * np.float32(a_inv)).astype(np.float32)
    clipped = np.minimum(np.maximum(v, np.float32(0)), np.float32((a_max + 1) * unit - 1))
    q = np.floor(clipped + np.float32(0.5))
    return np.minimum(np.floor(q / unit + 0.5), a_max).astype(np.float32), v


def quant_conv(x, wq, a_inv, a_scale, a_max, stride, padding, groups=1):
    """conv(Q(x), wq) with real values."""
    code, _ = quantise(x, a_inv, a_max)
    return conv(code, wq, stride, padding, groups) * np.float64(a_scale)


def step_sums(dxq, x, a_inv, a_max, unit=1):
    """(dx, s_in, s_hi) from dL/dxq."""
    code, v = quantise(x, a_inv, a_max, unit)
    top = np.float32((a_max + 1) * unit - 1)
    inside = (v > 0) & (v < top)
    s_in = np.sum(dxq * inside * (code.astype(np.float64) * unit - v))
    return dxq * inside, s_in, np.sum(dxq * (v >= top))


def quant_conv_grads(x, wq, a_inv, a_scale, a_max, dy, stride, padding, groups=1, unit=1):
    """dx, dwq, dstep, dclip."""
    code, _ = quantise(x, a_inv, a_max, unit)
    xq = code.astype(np.float64) * np.float64(a_scale)
    dxq, dw = conv_grads(xq, wq, dy, stride, padding, groups)
    dx, s_in, s_hi = step_sums(dxq, x, a_inv, a_max, unit)
    return dx, dw, s_in + a_max * unit * s_hi, s_hi


def short_gradient(dy, w_scale, top, groups=1):
    """dy rounded to its 16-bit codes: floor(dy w_scale / step + 0.5) step / w_scale, with
    step = max |dy w_scale| / top of the images of a pass and of each group; products in float32.
    A batch is cut into eight runs, and a run into passes of at most 256 pixels, or of one image."""
    n, o = dy.shape[:2]
    scale = np.broadcast_to(w_scale, o).astype(np.float32).reshape(1, o, 1, 1)
    scaled = (dy * scale).reshape(n, groups, -1)
    largest = np.abs(scaled).max(2, keepdims=True)
    run, images = -(-n // 8), max(1, 256 // (dy.shape[2] * dy.shape[3]))
    for first in range(0, n, run):
        for i in range(first, min(first + run, n), images):
            together = slice(i, min(i + images, first + run, n))
            largest[together] = largest[together].max(0)
    inv = np.float32(top) / largest
    codes = np.floor(scaled * inv + np.float32(0.5)).astype(np.float64)
    assert np.abs(codes).max() <= top
    return (codes * largest / top).reshape(dy.shape) / scale


def max_error(got, want):
    """Largest difference, relative to the largest wanted value."""
    got, want = np.asarray(got, np.float64), np.asarray(want, np.float64)
    assert got.shape == want.shape
    return float(np.max(np.abs(got - want)) / (np.max(np.abs(want)) + 1e-30))
