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

"""Batch normalisation against NumPy: batch and running statistics, residual, activation, gradients."""

import numpy as np
import pytest
from mindspore import Tensor, nn

from src import kernels
from src.layers.activation import NONE, RELU, RELU6
from src.layers.norm import BatchNorm, freeze_statistics, keep_rows
from src.layers.use_kernels import use_native
from tests.gradients import gradients

ACTIVATIONS = pytest.mark.parametrize("activation", [NONE, RELU, RELU6], ids=lambda a: a.name)


def norm_cell(activation=NONE) -> BatchNorm:
    cell = BatchNorm(3, activation)
    rng = np.random.default_rng(0)
    for parameter in (cell.gamma, cell.beta, cell.moving_mean):
        parameter.set_data(Tensor(rng.normal(size=3).astype(np.float32)))
    cell.moving_variance.set_data(Tensor(np.array([0.5, 1.5, 2.5], np.float32)))
    return cell


def affine(cell, x, mean, variance):
    mean, variance, gamma, beta = (
        np.asarray(v, np.float64).reshape(1, 3, 1, 1)
        for v in (mean, variance, cell.gamma.asnumpy(), cell.beta.asnumpy())
    )
    return gamma * (x - mean) / np.sqrt(variance + 1e-5) + beta


def running(cell):
    """Copies: `asnumpy` shares memory with the parameter, which a step changes in place."""
    return cell.moving_mean.asnumpy().copy(), cell.moving_variance.asnumpy().copy()


def on_kernels(cell):
    if not kernels.available():
        pytest.skip("no C++ compiler")
    use_native(nn.SequentialCell(cell))


def data(seed=1):
    return np.random.default_rng(seed).normal(2, 3, (4, 3, 5, 5)).astype(np.float32)


def bounded(y, activation):
    low, high = activation.low, activation.high
    return np.clip(y, -np.inf if low is None else low, np.inf if high is None else high)


@ACTIVATIONS
@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize("with_residual", [False, True])
def test_training_uses_the_batch(activation, with_residual, native):
    cell, x, residual = norm_cell(activation).set_train(), data(), data(2)
    if native:
        on_kernels(cell)
    y = cell(Tensor(x), Tensor(residual) if with_residual else None).asnumpy()
    expected = affine(cell, x, x.mean((0, 2, 3)), x.var((0, 2, 3)))
    expected = expected + residual if with_residual else expected
    np.testing.assert_allclose(y, bounded(expected, activation), atol=1e-4)


@pytest.mark.parametrize("native", [False, True])
def test_running_statistics_keep_nine_tenths(native):
    """The variance that is kept is the unbiased one, as in PyTorch."""
    cell, x = norm_cell().set_train(), data()
    if native:
        on_kernels(cell)
    mean, variance = running(cell)
    cell(Tensor(x))
    count = x.size / 3
    new_mean = 0.9 * mean + 0.1 * x.mean((0, 2, 3))
    new_variance = 0.9 * variance + 0.1 * x.var((0, 2, 3)) * count / (count - 1)
    np.testing.assert_allclose(running(cell)[0], new_mean, rtol=1e-5)
    np.testing.assert_allclose(running(cell)[1], new_variance, rtol=1e-4)


@pytest.mark.parametrize("frozen", [False, True])
def test_evaluation_and_frozen_training_use_the_running_statistics(frozen):
    cell, x = norm_cell(), data()
    cell.set_train(frozen)
    if frozen:
        freeze_statistics(nn.SequentialCell(cell))
    mean, variance = running(cell)
    y = cell(Tensor(x)).asnumpy()
    np.testing.assert_allclose(y, affine(cell, x, mean, variance), atol=1e-4)
    np.testing.assert_array_equal(running(cell), (mean, variance))


@ACTIVATIONS
def test_evaluation_clips_too(activation):
    cell, x = norm_cell(activation), data()
    y = cell(Tensor(3 * x)).asnumpy()
    expected = affine(cell, 3 * x, *running(cell))
    assert (expected < 0).any() and (expected > 6).any()
    np.testing.assert_allclose(y, bounded(expected, activation), atol=1e-4)


@ACTIVATIONS
@pytest.mark.parametrize("native", [False, True])
def test_training_gradients(activation, native):
    cell, x = norm_cell(activation).set_train(), data()
    cell.gamma.set_data(Tensor(np.float32([6, -5, 4])))
    cell.beta.set_data(Tensor(np.float32([1, 2, 3])))
    if native:
        on_kernels(cell)
    up = np.random.default_rng(3).normal(size=x.shape)
    dx, d = gradients(cell, (x,), up, [cell.gamma, cell.beta])
    axes, n = (0, 2, 3), x.size / 3
    deviation = np.sqrt(x.var(axes, keepdims=True, dtype=np.float64) + 1e-5)
    hat = (x - x.mean(axes, keepdims=True, dtype=np.float64)) / deviation
    y = affine(cell, x, x.mean(axes), x.var(axes))
    assert (y < 0).any() and (y > 6).any()
    up = up * (bounded(y, activation) == y)
    np.testing.assert_allclose(d[cell.beta.name], up.sum(axes), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(d[cell.gamma.name], (up * hat).sum(axes), rtol=1e-3, atol=1e-4)
    inner = up - up.sum(axes, keepdims=True) / n - hat * (up * hat).sum(axes, keepdims=True) / n
    gamma = cell.gamma.asnumpy().reshape(1, 3, 1, 1)
    np.testing.assert_allclose(dx, gamma / deviation * inner, atol=1e-4)


@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize("activation", [RELU, RELU6], ids=lambda a: a.name)
def test_residual_gets_the_gradient_where_the_activation_is_open(activation, native):
    cell, x, residual = norm_cell(activation).set_train(), data(), 2 * data(2)
    if native:
        on_kernels(cell)
    up = np.random.default_rng(3).normal(size=x.shape)

    def of_residual(residual, x):
        return cell(x, residual)

    got, _ = gradients(of_residual, (residual, x), up)
    y = affine(cell, x, x.mean((0, 2, 3)), x.var((0, 2, 3))) + residual
    open_ = bounded(y, activation) == y
    assert (y < 0).any() and (y > 6).any() and open_.any()
    np.testing.assert_allclose(got, up * open_, atol=1e-6)


@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize("with_residual", [False, True])
@ACTIVATIONS
def test_frozen_statistics_are_constants_of_the_gradient(activation, with_residual, native):
    cell, x = norm_cell(activation).set_train(), data()
    residual = data(2) if with_residual else np.zeros_like(x)
    cell.gamma.set_data(Tensor(np.float32([6, -5, 4])))
    if native:
        on_kernels(cell)
    freeze_statistics(nn.SequentialCell(cell))
    before = running(cell)
    y = affine(cell, x, *before) + residual
    assert (y < 0).any() and (y > 6).any()
    got = cell(Tensor(x), Tensor(residual) if with_residual else None).asnumpy()
    np.testing.assert_allclose(got, bounded(y, activation), atol=1e-4)
    raw = np.random.default_rng(3).normal(size=x.shape)

    def of_residual(residual, x):
        return cell(x, residual)

    inputs = (x, residual) if with_residual else (x,)
    dx, d = gradients(cell, inputs, raw, [cell.gamma, cell.beta])
    up = raw * (bounded(y, activation) == y)
    mean, variance = (value.reshape(1, 3, 1, 1) for value in before)
    hat = (x - mean) / np.sqrt(variance + 1e-5)
    gamma = cell.gamma.asnumpy().reshape(1, 3, 1, 1)
    np.testing.assert_allclose(dx, gamma / np.sqrt(variance + 1e-5) * up, atol=1e-4)
    np.testing.assert_allclose(d[cell.beta.name], up.sum((0, 2, 3)), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(d[cell.gamma.name], (up * hat).sum((0, 2, 3)), rtol=1e-3, atol=1e-4)
    if with_residual:
        np.testing.assert_allclose(gradients(of_residual, (residual, x), raw)[0], up, atol=1e-6)
    np.testing.assert_array_equal(running(cell), before)


def bank(rows=3) -> BatchNorm:
    """Rows of statistics that differ."""
    cell = norm_cell()
    keep_rows(nn.SequentialCell(cell), rows)
    factors = np.arange(1, rows + 1, dtype=np.float32)[:, None]
    for parameter in (cell.moving_mean, cell.moving_variance):
        parameter.set_data(Tensor(parameter.asnumpy() * factors))
    return cell


def test_a_bank_starts_with_copies():
    cell = norm_cell()
    before = running(cell)
    keep_rows(nn.SequentialCell(cell), 4)
    for rows, old in zip(running(cell), before, strict=True):
        np.testing.assert_array_equal(rows, np.tile(old, (4, 1)))


@pytest.mark.parametrize("chosen", range(3))
def test_a_row_is_read(chosen):
    cell, x = bank(), data()
    mean, variance = (values[chosen] for values in running(cell))
    y = cell(Tensor(x), None, Tensor(np.eye(3, dtype=np.float32)[chosen])).asnumpy()
    np.testing.assert_allclose(y, affine(cell, x, mean, variance), atol=1e-4)


@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize("chosen", [0, 2, None])
def test_only_the_row_of_a_pass_moves(chosen, native):
    cell, x, row = bank().set_train(), data(), np.zeros(3, np.float32)
    if native:
        on_kernels(cell)
    if chosen is not None:
        row[chosen] = 1
    before = running(cell)
    y = cell(Tensor(x), None, Tensor(row)).asnumpy()
    batch = x.mean((0, 2, 3)), x.var((0, 2, 3))
    np.testing.assert_allclose(y, affine(cell, x, *batch), atol=1e-4)
    count = x.size / 3
    unbiased = batch[0], batch[1] * count / (count - 1)
    for old, new, value in zip(before, running(cell), unbiased, strict=True):
        expected = old.copy()
        if chosen is not None:
            expected[chosen] = 0.9 * old[chosen] + 0.1 * value
        np.testing.assert_allclose(new, expected, rtol=1e-4)
