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
"""Nested codes: every code at every width against integer arithmetic, values and gradients."""

import numpy as np
import pytest
from mindspore import Tensor

from src.quantizers.lsq import LsqWeight
from src.quantizers.nested import TRUNCATED, NestedActivation, NestedWeight, child, units
from tests.gradients import gradients

WIDTHS = tuple(range(2, 9))


def shifted(q, bits, signed, master=8):
    """The child of integer codes: an add, a shift and a clip."""
    k = master - bits
    rounded = (q + (1 << k >> 1)) >> k
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    return np.clip(rounded, low, high)


def every_code(signed, master=8):
    codes = np.arange(1 << master)
    return codes - (1 << master - 1) if signed else codes


def child_of(q, bits, signed, master=8, truncate=False):
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    constants = (1 << master - bits, low, high, TRUNCATED if truncate else 0)
    tensors = [Tensor(np.array([v], np.float32)) for v in constants]
    return child(Tensor(q.astype(np.float32)), *tensors).asnumpy().astype(np.int64)


@pytest.mark.parametrize("master", [4, 8])
@pytest.mark.parametrize("signed", [False, True])
def test_every_child_is_a_rounding_shift(signed, master):
    q = every_code(signed, master)
    for bits in range(2, master + 1):
        np.testing.assert_array_equal(
            child_of(q, bits, signed, master), shifted(q, bits, signed, master)
        )


@pytest.mark.parametrize("signed", [False, True])
def test_children_rise_with_their_master_and_fill_their_range(signed):
    q = every_code(signed)
    for bits in WIDTHS:
        codes = child_of(q, bits, signed)
        assert (np.diff(codes) >= 0).all()
        assert len(set(codes)) == 1 << bits
        assert (np.abs(codes * (1 << 8 - bits) - q) <= (1 << 8 - bits)).all()


def test_signed_codes_are_the_papers_offset_codes():
    q = every_code(False)
    for bits in WIDTHS:
        offset = child_of(q, bits, False) - (1 << bits - 1)
        np.testing.assert_array_equal(child_of(q - 128, bits, True), offset)


def test_truncation_takes_the_top_bits():
    for signed in (False, True):
        q = every_code(signed)
        for bits in WIDTHS:
            np.testing.assert_array_equal(
                child_of(q, bits, signed, truncate=True), q >> (8 - bits)
            )


def test_rounded_children_do_not_compose():
    q = every_code(False)
    direct = shifted(q, 2, False)
    assert (shifted(shifted(q, 4, False), 2, False, master=4) != direct).any()


def test_a_width_above_the_master_is_refused():
    with pytest.raises(ValueError, match="master"):
        units((2, 8), 6)


def defined(x, step, bits, signed, up, master=8):
    """(values, dx, gradient of the step) in float64."""
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    unit = 1 << master - bits
    bottom, top = low * unit, (high + 1) * unit - 1
    v = x.astype(np.float64) / step
    q = np.floor(np.clip(v, bottom, top) + 0.5).astype(np.int64)
    code = shifted(q, bits, signed, master)
    inside = (v > bottom) & (v < top)
    slope = np.where(inside, code * unit - v, code * unit)
    return code * unit * step, up * inside, (up * slope).sum()


@pytest.mark.parametrize("bits", WIDTHS)
def test_weight_values_and_gradients(bits, mode):
    rng = np.random.default_rng(bits)
    w = rng.normal(size=(6, 4, 3, 3)).astype(np.float32)
    up = rng.normal(size=w.shape)
    quantizer = NestedWeight((2, bits), w)
    step = quantizer.step.asnumpy()[0, 0]
    assert step == pytest.approx(2 * np.abs(w).mean() / 64, rel=1e-6)
    values, scale = quantizer(Tensor(w), 1)
    expected, d_x, d_step = defined(w, step, bits, True, up)
    np.testing.assert_allclose(values.asnumpy(), expected, atol=1e-5)
    assert scale.asnumpy()[0] == pytest.approx(step * 2 ** (8 - bits))
    dw, d = gradients(quantizer, (w, 1), up, [quantizer.step])
    np.testing.assert_allclose(dw, d_x, atol=1e-6)
    factor = 4.0 ** (2 - 8) / np.sqrt(w.size)  # of the smallest width, 2 bits
    np.testing.assert_allclose(d[quantizer.step.name], [[d_step * factor]], rtol=1e-3)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("bits", WIDTHS)
def test_activation_values_and_gradients(bits, signed):
    rng = np.random.default_rng(bits)
    x = rng.normal(size=(2, 3, 4, 4)).astype(np.float32)
    up = rng.normal(size=x.shape)
    quantizer = NestedActivation((bits, 8), signed)
    quantizer.init_from(x)
    step = quantizer.step.asnumpy()[0, 0]
    high = 2 ** (bits - 1) - 1 if signed else 2**bits - 1
    assert step == pytest.approx(2 * np.abs(x).mean() / np.sqrt(high) / 2 ** (8 - bits), rel=1e-6)
    expected, d_x, d_step = defined(x, step, bits, signed, up)
    assert (expected < 0).any() == signed
    np.testing.assert_allclose(quantizer(Tensor(x), 0).asnumpy(), expected, atol=1e-5)
    dx, d = gradients(quantizer, (x, 0), up, [quantizer.step])
    np.testing.assert_allclose(dx, d_x, atol=1e-6)
    factor = 4.0 ** (bits - 8) / np.sqrt(48 * high)
    np.testing.assert_allclose(d[quantizer.step.name], [[d_step * factor]], rtol=1e-3, atol=1e-8)


@pytest.mark.usefixtures("pynative")
@pytest.mark.parametrize("signed", [False, True])
def test_chosen_codes_are_those_of_each_images_width(signed):
    widths = (2, 4, 8)
    x = np.random.default_rng(0).normal(size=(3, 2, 4, 4)).astype(np.float32)
    quantizer = NestedActivation(widths, signed)
    quantizer.init_from(x)
    inv, scale, low, high = (
        Tensor(np.stack([quantizer.grid_values(k)[i] for k in range(3)]).reshape(3, 1, 1, 1))
        for i in range(4)
    )
    codes = quantizer.chosen_codes(Tensor(x), Tensor(np.eye(3, dtype=np.float32)), inv, low, high)
    for n in range(3):
        alone = quantizer(Tensor(x[n : n + 1]), n).asnumpy()
        np.testing.assert_array_equal((codes * scale).asnumpy()[n : n + 1], alone)


@pytest.mark.parametrize("bits", WIDTHS)
def test_the_step_moves_as_fast_as_that_of_lsq_relative_to_itself(bits):
    """On values inside both ranges and off the ties: both quantise alike."""
    rng = np.random.default_rng(bits)
    unit = 2 ** (8 - bits)
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    w = ((rng.integers(low * unit + 1, high * unit, (8, 5)) + 0.25) * 0.01).astype(np.float32)
    up = rng.normal(size=w.shape)
    speeds = []
    for kind, step in ((NestedWeight, 0.01), (LsqWeight, 0.01 * unit)):
        quantizer = kind((bits,), w)
        quantizer.step.set_data(Tensor(np.array([[step]], np.float32)))
        _, d = gradients(quantizer, (w, 0), up, [quantizer.step])
        speeds.append(d[quantizer.step.name][0, 0] / step)
    assert speeds[0] == pytest.approx(speeds[1], rel=1e-3, abs=1e-5)


def test_a_step_that_turned_negative_acts_as_the_smallest():
    quantizer = NestedWeight((4,), np.ones((2, 2), np.float32))
    quantizer.step.set_data(Tensor(np.array([[-1.0]], np.float32)))
    values, scale = quantizer(Tensor(np.ones((2, 2), np.float32)), 0)
    assert scale.asnumpy()[0] == pytest.approx(16e-6) and np.isfinite(values.asnumpy()).all()
