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


def _windows(x, kh, kw, stride, padding):
    """View [n, c, ho, wo, kh, kw] of the padded input."""
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    view = np.lib.stride_tricks.sliding_window_view(padded, (kh, kw), axis=(2, 3))
    return view[:, :, ::stride, ::stride]


def _grouped(x, groups):
    return x.reshape(x.shape[0], groups, -1, *x.shape[2:])


def conv(x, w, stride, padding, groups=1):
    """Cross-correlation, float64 (exact on integers below 2^53)."""
    x, w = x.astype(np.float64), w.astype(np.float64)
    view = _grouped(_windows(x, *w.shape[2:], stride, padding), groups)
    wg = w.reshape(groups, -1, *w.shape[1:])
    y = np.einsum("ngchwkl,gockl->ngohw", view, wg, optimize=True)
    return y.reshape(y.shape[0], -1, *y.shape[3:])


def conv_grads(x, w, dy, stride, padding, groups=1):
    """dL/dx, dL/dw of conv."""
    x, w, dy = x.astype(np.float64), w.astype(np.float64), dy.astype(np.float64)
    kh, kw = w.shape[2:]
    view = _grouped(_windows(x, kh, kw, stride, padding), groups)
    dyg = _grouped(dy, groups)
    dw = np.einsum("ngchwkl,ngohw->gockl", view, dyg, optimize=True).reshape(w.shape)
    n, c, h, width = x.shape
    dx = np.zeros((n, c, h + 2 * padding, width + 2 * padding))
    wg = w.reshape(groups, -1, *w.shape[1:])
    ho, wo = dy.shape[2:]
    for i in range(kh):
        for j in range(kw):
            part = np.einsum("ngohw,goc->ngchw", dyg, wg[..., i, j], optimize=True)
            rows = slice(i, i + stride * (ho - 1) + 1, stride)
            cols = slice(j, j + stride * (wo - 1) + 1, stride)
            dx[:, :, rows, cols] += part.reshape(n, c, ho, wo)
    return dx[:, :, padding : padding + h, padding : padding + width], dw


def quantise(x, a_inv, a_max):
    """(code, v): v in float32 like the kernels, code = floor(clamp(v, 0, a_max) + 0.5)."""
    v = (x.astype(np.float32) * np.float32(a_inv)).astype(np.float32)
    clipped = np.minimum(np.maximum(v, np.float32(0)), np.float32(a_max))
    return np.floor(clipped + np.float32(0.5)), v


def quant_conv(x, wq, a_inv, a_scale, a_max, stride, padding, groups=1):
    """conv(Q(x), wq) with real values."""
    code, _ = quantise(x, a_inv, a_max)
    return conv(code, wq, stride, padding, groups) * np.float64(a_scale)


def step_sums(dxq, x, a_inv, a_max):
    """(dx, s_in, s_hi) from dL/dxq."""
    code, v = quantise(x, a_inv, a_max)
    inside = (v > 0) & (v < np.float32(a_max))
    s_in = np.sum(dxq * inside * (code.astype(np.float64) - v))
    return dxq * inside, s_in, np.sum(dxq * (v >= np.float32(a_max)))


def quant_conv_grads(x, wq, a_inv, a_scale, a_max, dy, stride, padding, groups=1):
    """dx, dwq, dstep, dclip."""
    code, _ = quantise(x, a_inv, a_max)
    xq = code.astype(np.float64) * np.float64(a_scale)
    dxq, dw = conv_grads(xq, wq, dy, stride, padding, groups)
    dx, s_in, s_hi = step_sums(dxq, x, a_inv, a_max)
    return dx, dw, s_in + a_max * s_hi, s_hi


def max_error(got, want):
    """Largest difference, relative to the largest wanted value."""
    got, want = np.asarray(got, np.float64), np.asarray(want, np.float64)
    assert got.shape == want.shape
    return float(np.max(np.abs(got - want)) / (np.max(np.abs(want)) + 1e-30))
