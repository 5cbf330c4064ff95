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
"""Levels: values and gradients against the matrix formula, in float64, with its one-hot matrix."""

import numpy as np
import pytest
from mindspore import Tensor

from src.parameters import assign
from src.quantizers.level_starts import first_levels, integers, nearest, powers_of_two
from src.quantizers.level_table import EffectiveLevels
from src.quantizers.levels import LevelActivation, LevelOptions, LevelWeight
from src.quantizers.lsq import LsqWeight
from tests.gradients import gradients
from tests.levels import by_the_formula, of_gates

OPEN, CLOSED = 0.4, -0.3


@pytest.mark.parametrize("gradient", ["interpolated", "chain_rule"])
@pytest.mark.parametrize("correction", [0.0, 0.3])
@pytest.mark.parametrize(
    "own", [(OPEN, OPEN), (OPEN, CLOSED), (CLOSED, OPEN), (CLOSED, CLOSED)], ids=str
)
@pytest.mark.parametrize("is_weight", [True, False], ids=["weights", "inputs"])
def test_values_and_gradients_are_those_of_the_matrix(is_weight, own, correction, gradient, pynative):
    rng = np.random.default_rng(3)
    x = rng.normal(0.1, 0.5, (6, 4, 3, 3)).astype(np.float32)
    q = np.sort(rng.normal(0, 0.5, 8)) + 0.3 * (not is_weight)
    if not is_weight:
        q = np.abs(q)
        q.sort()
    options = LevelOptions(gated=True, least_bits=1, correction=correction, gradient=gradient)
    interpolated = gradient == "interpolated"
    quantizer = LevelWeight((3,), x, options) if is_weight else LevelActivation((3,), options)
    table = quantizer.table
    shuffled = rng.permutation(8)
    assign(table.levels, q[shuffled])
    assign(table.gates, np.array(own))
    q = table.levels.asnumpy().astype(np.float64)[np.argsort(shuffled)]
    up = rng.normal(size=x.shape).astype(np.float32).astype(np.float64)

    gates = np.array([1.0, *(float(g > 0) for g in own)])
    size = x.size if is_weight else x.size / 6
    expected = by_the_formula(
        x, q, np.cumprod(gates), up, size**-0.5, correction / x.size, interpolated
    )
    out = quantizer(Tensor(x), 0)
    values = (out[0] if is_weight else out).asnumpy()
    np.testing.assert_allclose(values.reshape(-1), expected[0], atol=1e-6)
    dx, d = gradients(quantizer, (x, 0), up, [table.levels, table.gates])
    np.testing.assert_allclose(dx.reshape(-1), expected[1], atol=1e-6)
    np.testing.assert_allclose(d[table.levels.name][np.argsort(shuffled)], expected[2], atol=1e-5)
    ungated = by_the_formula(x, q, np.cumprod(gates), up, 1, 0, interpolated)[3]
    np.testing.assert_allclose(d[table.gates.name], of_gates(ungated, gates, 1), atol=1e-4)
    assert table.bits == 1 + int(np.cumprod(gates)[1:].sum()) == np.log2(len(table.effective()))


def test_uniform_levels_have_the_gradient_of_lsqs_step(pynative):
    """sum of code times dL/dlevel = dL/dstep, inside and outside."""
    rng = np.random.default_rng(4)
    x, up = rng.normal(0, 0.5, (2, 4, 4, 3, 3)).astype(np.float32)
    levels, steps = LevelWeight((3,), x, LevelOptions()), LsqWeight((3,), x)
    assign(levels.table.levels, integers(3, True) * steps.step.asnumpy()[0, 0])
    dx, d = gradients(levels, (x, 0), up, [levels.table.levels])
    dx_lsq, d_lsq = gradients(steps, (x, 0), up, [steps.step])
    np.testing.assert_array_equal(dx, dx_lsq)
    of_step = d[levels.table.levels.name] @ integers(3, True)
    np.testing.assert_allclose(of_step, d_lsq[steps.step.name][0, 0] * 3**0.5, rtol=1e-4)


def test_as_a_graph():
    """The same cell, compiled."""
    w = np.random.default_rng(0).normal(size=(4, 3, 3, 3)).astype(np.float32)
    quantizer = LevelWeight((4,), w, LevelOptions(gated=True, least_bits=2, correction=0.1))
    assign(quantizer.table.gates, np.array([OPEN, CLOSED]))
    learned = [quantizer.table.levels, quantizer.table.gates]
    dx, d = gradients(quantizer, (w, 0), w, learned)
    assert np.isfinite(dx).all() and all(np.abs(v).max() > 0 for v in d.values())
    levels = quantizer.table.effective()
    assert len(levels) == 8 and (np.diff(levels) > 0).all()


def test_a_midpoint_goes_up():
    w = np.zeros((1, 1, 1, 5), np.float32)
    quantizer = LevelWeight((2,), w, LevelOptions())
    assign(quantizer.table.levels, np.array([-1.0, 0.0, 2.0, 3.0]))
    w[0, 0, 0] = [-0.5, 1.0, 2.5, 0.999, -7]
    got = quantizer(Tensor(w), 0)[0].asnumpy().reshape(-1)
    np.testing.assert_array_equal(got, [0, 2, 3, 0, -1])


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("closed", [False, True])
def test_the_integers_are_the_values_on_the_grid(signed, closed, pynative):
    rng = np.random.default_rng(1)
    x = rng.normal(0.3, 0.6, (2, 3, 8, 8)).astype(np.float32)
    options = LevelOptions(gated=True, least_bits=2, start="kmeans")
    inputs, weights = LevelActivation((4,), options, signed), LevelWeight((4,), x, options)
    inputs.init_from(x)
    for quantizer in (inputs, weights):
        if closed:
            assign(quantizer.table.gates, np.array([OPEN, CLOSED]))
        quantizer.table.go_to_grid()
    form = inputs.integer_form()
    (levels,) = form.levels
    assert form.bits == (3 if closed else 4,) and len(levels) == 2 ** form.bits[0]
    assert levels.dtype == np.int16 and form.stored_bits == (8,)
    assert levels.min() >= (-128 if signed else 0) and levels.max() <= (127 if signed else 255)
    values = levels.astype(np.float32) * np.float32(form.scales[0])
    expected = values[nearest(x, values)]
    np.testing.assert_array_equal(inputs(Tensor(x), 0).asnumpy(), expected)
    np.testing.assert_array_equal(inputs.fixed(0)(Tensor(x)).asnumpy(), expected)
    assert form.largest == pytest.approx(np.abs(values).max(), rel=1e-6)

    form, (values, scale) = weights.integer_form(Tensor(x)), weights(Tensor(x), 0)
    assert form.scales[0][0] == scale.asnumpy()[0] and set(form.codes[0].ravel()) <= set(form.levels[0])
    assert form.levels[0].dtype == form.codes[0].dtype == np.int8 and form.bits == inputs.integer_form().bits
    got = form.codes[0].astype(np.float32) * np.float32(form.scales[0])
    np.testing.assert_array_equal(got, values.asnumpy())


@pytest.mark.parametrize("mode", ["learned", "power_of_two"])
def test_levels_of_the_grid_are_apart(mode, pynative):
    """Powers down to 2^-14 do not fit 8 bits, and learned levels may meet."""
    options = LevelOptions(mode)
    inputs = LevelActivation((4,), options)
    inputs.init_from(np.random.default_rng(0).random((4, 8)).astype(np.float32))
    if mode == "learned":
        assign(inputs.table.levels, np.full(16, 0.5))
    (levels,) = inputs.integer_form().levels
    assert (np.diff(levels) > 0).all() and levels[0] >= 0 and levels[-1] <= 255


def test_starts():
    assert list(integers(3, True)) == [-4, -3, -2, -1, 0, 1, 2, 3]
    assert list(powers_of_two(2, False)) == [0, 0.25, 0.5, 1]
    assert list(powers_of_two(3, True)) == [-1, -0.5, -0.25, -0.125, 0, 0.25, 0.5, 1]
    x = np.repeat([-1.0, 0.2, 0.3, 5], 10)
    np.testing.assert_allclose(first_levels(x, 2, True, "learned", "kmeans"), [-1, 0.2, 0.3, 5], atol=1e-6)
    x = np.random.default_rng(0).normal(size=4096)
    step = 2 * np.abs(x).mean() / np.sqrt(7)
    np.testing.assert_allclose(first_levels(x, 4, True, "learned", "uniform"), integers(4, True) * step, rtol=1e-5)

    def error(mode, start="uniform"):
        levels = first_levels(x, 3, True, mode, start)
        return np.square(levels[nearest(x, levels)] - x).mean()

    assert error("learned", "kmeans") < error("uniform") < error("learned")


def test_only_learned_levels_learn():
    w = np.random.default_rng(0).normal(size=(4, 4)).astype(np.float32)
    assert [p.name for p in LevelWeight((3,), w, LevelOptions("uniform")).trainable_params()] == []
    own = LevelWeight((3,), w, LevelOptions(gated=True, level_lr=0.5, gate_lr=0.1)).trainable_params()
    assert [(p.name.split(".")[-1], p.lr_scale) for p in own] == [("levels", 15.0), ("gates", 0.1)]
    assert all(p.is_quantizer for p in own)


@pytest.mark.parametrize("size", [0.0, 1e-40, 1e-12])
def test_zeros_stay_finite(size, pynative):
    x = np.full((3, 2, 3, 3), size, np.float32)
    weights = LevelWeight((4,), x, LevelOptions(correction=0.1))
    inputs = LevelActivation((4,), LevelOptions())
    inputs.init_from(x)
    for quantizer in (weights, inputs):
        dx, d = gradients(quantizer, (x, 0), x + 1, [quantizer.table.levels])
        assert np.isfinite(dx).all() and np.isfinite(d[quantizer.table.levels.name]).all()
    values, scale = weights(Tensor(x), 0)
    assert np.abs(values.asnumpy()).max() < 1 and scale.asnumpy()[0] > 0
    assert weights.integer_form(Tensor(x)).codes[0].shape == x.shape


def test_the_grid_takes_the_nearest_integer(pynative):
    """Halves go up; the largest level is 127 steps."""
    levels, one = Tensor(np.float32([-127, -50.4, 49.5, 126.6])), Tensor(np.ones(1, np.float32))
    found = EffectiveLevels(2, 2, signed=True)(levels, one, one)
    assert found.asnumpy().tolist() == [-127, -50, 50, 127]


def test_a_value_half_way_is_of_the_upper_level():
    levels = np.array([-1.0, 0.0, 2.0])
    assert nearest(np.array([-0.5, 1.0, -0.51, 0.99, 9.0, -9.0]), levels).tolist() == [1, 2, 0, 1, 2, 0]
