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
"""Batch normalisation and the element-wise quantiser against float64 NumPy."""

import numpy as np
import pytest

from src import kernels
from src.kernels.direct import call
from src.kernels.errors import KernelError
from tests.kernels import reference as ref

BOUNDS = {"none": (-np.inf, np.inf), "relu": (0, np.inf), "relu6": (0, 6)}


def _norm(x, gamma, beta, residual, activation):
    x = x.astype(np.float64)
    axes = (0, *range(2, x.ndim))
    shape = (1, -1) + (1,) * (x.ndim - 2)
    mean, var = x.mean(axes), x.var(axes)
    y = (x - mean.reshape(shape)) / np.sqrt(var.reshape(shape) + 1e-5) * gamma.reshape(
        shape
    ) + beta.reshape(shape)
    y = y + (0 if residual is None else residual)
    return np.clip(y, *BOUNDS[activation]), mean, var


def _norm_grads(x, gamma, y, dy, activation):
    x = x.astype(np.float64)
    axes = (0, *range(2, x.ndim))
    shape = (1, -1) + (1,) * (x.ndim - 2)
    low, high = BOUNDS[activation]
    d = dy.astype(np.float64) * ((y > low) & (y < high))
    mean, std = x.mean(axes, keepdims=True), np.sqrt(x.var(axes, keepdims=True) + 1e-5)
    xh = (x - mean) / std
    dx = gamma.reshape(shape) / std
    dx = dx * (d - d.mean(axes, keepdims=True) - xh * (d * xh).mean(axes, keepdims=True))
    return dx, (d * xh).sum(axes), d.sum(axes), d


@pytest.mark.parametrize("activation", BOUNDS)
@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("shape", [(4, 16, 16, 16), (3, 5, 7, 7), (9, 3), (2, 4, 1, 3)], ids=str)
def test_batch_norm(isa, shape, residual, activation):
    rng = np.random.default_rng(0)
    x = (rng.standard_normal(shape) * 2 + 30).astype(
        np.float32
    )  # a mean far from 0 must not cancel
    gamma, beta = rng.standard_normal((2, shape[1])).astype(np.float32)
    gamma, beta = gamma * 4, beta + 2  # beyond both bounds
    res = rng.standard_normal(shape).astype(np.float32) if residual else None
    dy = rng.standard_normal(shape).astype(np.float32)
    ending = "" if activation == "none" else f"_{activation}"
    symbol = "dq_norm" + ("_add" if residual else "") + ending
    extra = [res] if residual else []
    channel = (shape[1],)
    y, mean, var = call(symbol, [x, gamma, beta, *extra], [shape, channel, channel])
    want = _norm(x, gamma, beta, res, activation)
    if activation == "relu6" and len(shape) == 4 and shape[0] > 2:
        assert (y == 0).any() and (y == 6).any() and ((y > 0) & (y < 6)).any()
    for got, expected, limit in zip((y, mean, var), want, (1e-5, 1e-6, 1e-6), strict=True):
        assert ref.max_error(got, expected) < limit
    outs = [shape, channel, channel] + ([shape] if residual else [])
    got = call(symbol + "_grad", [x, gamma, y if residual else beta, mean, var, dy], outs)
    for g, expected in zip(got, _norm_grads(x, gamma, y, dy, activation), strict=False):
        assert ref.max_error(g, expected) < 3e-5


def test_the_constant_beside_a_small_variance(isa):
    """Variances about 1e-5 and 0, where the constant counts."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal((4, 2, 5, 5)).astype(np.float32) * np.float32(3e-3)
    x[:, 1] = 0.25
    gamma, beta = np.array([1.5, -1], np.float32), np.array([0.1, 0.2], np.float32)
    dy = rng.standard_normal(x.shape).astype(np.float32)
    y, mean, var = call("dq_norm", [x, gamma, beta], [x.shape, (2,), (2,)])
    assert ref.max_error(y, _norm(x, gamma, beta, None, "none")[0]) < 1e-5
    got = call("dq_norm_grad", [x, gamma, beta, mean, var, dy], [x.shape, (2,), (2,)])
    for g, expected in zip(got, _norm_grads(x, gamma, y, dy, "none"), strict=False):
        assert ref.max_error(g, expected) < 3e-5


@pytest.mark.parametrize("images", [1, 3, 11])
def test_results_do_not_depend_on_the_number_of_threads(isa, images):
    """Few images are cut into ranges of channels, a thread's share of many goes backwards too."""
    rng = np.random.default_rng(1)
    x, res, dy = rng.standard_normal((3, images, 13, 6, 6)).astype(np.float32)
    gamma, beta = rng.standard_normal((2, 13)).astype(np.float32)
    results = []
    try:
        for count in (1, 2, 5, 8):
            kernels.set_threads(count)
            out = call("dq_norm_add_relu", [x, gamma, beta, res], [x.shape, (13,), (13,)])
            inputs = [x, gamma, *out, dy]
            grads = call("dq_norm_add_relu_grad", inputs, [x.shape, (13,), (13,), x.shape])
            results.append([*out, *grads])
    finally:
        kernels.set_threads(0)
    for other in results[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(results[0], other, strict=True))


@pytest.mark.parametrize("symbol", ["dq_norm", "dq_norm_relu", "dq_norm_relu6"])
def test_what_is_not_a_number_stays_so(isa, symbol):
    x = np.zeros((2, 1, 3, 3), np.float32)
    x[0, 0, 0, 0] = np.nan
    gamma, beta = np.ones(1, np.float32), np.zeros(1, np.float32)
    y, *_ = call(symbol, [x, gamma, beta], [x.shape, (1,), (1,)])
    assert np.isnan(y).all()


def test_shapes_are_checked(isa):
    x, c = np.zeros((2, 3, 4, 4), np.float32), np.zeros(4, np.float32)
    with pytest.raises(KernelError, match="norm_relu: the shapes"):
        call("dq_norm_relu", [x, c, c], [x.shape, (4,), (4,)])


@pytest.mark.parametrize("rows", [None, 1, 3])
def test_running_statistics(isa, rows):
    """Bit for bit what plain float32 operators give."""
    rng = np.random.default_rng(0)
    shape = (5,) if rows is None else (rows, 5)
    share, factor = rng.random(rows or 1, np.float32), np.array([1.25], np.float32)
    old = [rng.standard_normal(shape).astype(np.float32) for _ in range(2)]
    new = [rng.standard_normal(5).astype(np.float32) for _ in range(2)]
    moving = [before.copy() for before in old]
    call("dq_running", [*moving, *new, share, factor], [(1,)])
    wide = share if rows is None else share[:, None]
    for before, value, after in zip(old, (new[0], new[1] * factor), moving, strict=True):
        np.testing.assert_array_equal(after, before * (1 - wide) + value * wide)


@pytest.mark.parametrize(
    "moving, batch, share", [((2, 5), 5, 3), ((5, 2), 5, 2), ((5,), 4, 1), ((5,), 5, 2)], ids=str
)
def test_running_statistics_that_do_not_fit_are_refused(isa, moving, batch, share):
    arrays = [np.zeros(shape, np.float32) for shape in (moving, moving, batch, batch, share, 1)]
    with pytest.raises(KernelError, match="running: the shapes"):
        call("dq_running", arrays, [(1,)])


def test_running_statistics_have_a_channel_axis(isa):
    arrays = [np.zeros(shape, np.float32) for shape in ((), (), 1, 1, 1, 1)]
    with pytest.raises(KernelError, match="running: a tensor has the wrong number of dimensions"):
        call("dq_running", arrays, [(1,)])
