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
"""What holds for the quantisers whatever they are given: grid, order, error, and their integers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from mindspore import Tensor

from src.engine import integers
from src.quantizers import ACTIVATION, WEIGHT
from src.quantizers.level_starts import LEARNED, POWER_OF_TWO, UNIFORM, nearest
from src.quantizers.levels import LevelOptions, LevelWeight
from src.quantizers.step_search import Grid, best_steps

pytestmark = pytest.mark.usefixtures("pynative")
FEW = settings(max_examples=settings.default.max_examples // 4)  # each runs operators of MindSpore
REAL = st.floats(-64, 64, width=32, allow_subnormal=False) | st.sampled_from([0.0, 0.5, 1.0, -0.5])
WIDTHS = st.integers(2, 8)
# Steps of LSQ's kind: the quantisers whose codes are a step's multiples.
STEPPED = ["lsq", "nested"]


def values_of(*shape: int) -> st.SearchStrategy[np.ndarray]:
    return arrays(np.float32, shape, elements=REAL)


def at_width(quantizer, x: np.ndarray, slot: int) -> np.ndarray:
    out = quantizer(Tensor(x), slot)
    return (out[0] if isinstance(out, tuple) else out).asnumpy()


def assert_rises_with(values: np.ndarray, x: np.ndarray) -> None:
    """No larger input has a smaller value."""
    order = np.argsort(x, kind="stable")
    assert (np.diff(values[order]) >= 0).all()


@FEW
@given(w=values_of(3, 10), narrow=WIDTHS, per_channel=st.booleans(), data=st.data())
@pytest.mark.parametrize("name", WEIGHT)
def test_weights_are_integers_times_a_scale(name, w, narrow, per_channel, data):
    """At both of two widths, bit for bit, and rising with the weights of a channel."""
    widths = (narrow, data.draw(st.integers(narrow, 8)))
    kind = WEIGHT[name]
    quantizer = kind(widths, w, **({"per_channel": per_channel} if "per_channel" in kind.options else {}))
    form = quantizer.integer_form(Tensor(w))
    for slot, bits in enumerate(widths):
        variant = 0 if form.master else slot
        codes, scale = form.codes[variant].astype(np.int64), form.scales[variant]
        assert np.isfinite(scale).all() and (scale > 0).all()
        if form.master:
            codes, scale = integers.child(codes, form.master, bits, True), scale * 2.0 ** (form.master - bits)
        low, high = integers.limits(bits, True)
        assert codes.min() >= low and codes.max() <= high
        whole = (2 * codes + 1 if form.odd else codes).astype(np.float32).reshape(w.shape)
        values = at_width(quantizer, w, slot)
        np.testing.assert_array_equal(whole * scale.astype(np.float32)[:, None], values)
        for channel in range(len(w)):
            assert_rises_with(values[channel], w[channel])


@FEW
@given(x=values_of(1, 2, 3, 4), narrow=WIDTHS, signed=st.booleans(), data=st.data())
@pytest.mark.parametrize("name", ACTIVATION)
def test_inputs_are_integers_times_a_scale(name, x, narrow, signed, data):
    widths = (narrow, data.draw(st.integers(narrow, 8)))
    quantizer = ACTIVATION[name](widths, signed=signed)
    if quantizer.learns_from_data:
        quantizer.init_from(x)
    form = quantizer.integer_form()
    for slot, bits in enumerate(widths):
        variant = 0 if form.master else slot
        stored = form.stored_bits[variant]
        bounds = np.float32(integers.limits(stored, signed))
        codes = np.floor(np.clip(x * np.float32(form.inverses[variant]), *bounds) + np.float32(0.5))
        scale = form.scales[variant]
        if form.master:
            codes = integers.child(codes.astype(np.int64), stored, bits, signed)
            scale *= 2.0 ** (stored - bits)
        values = at_width(quantizer, x, slot)
        np.testing.assert_array_equal(codes.astype(np.float32) * np.float32(scale), values)
        assert_rises_with(values.ravel(), x.ravel())
        assert (values >= 0).all() or signed
        np.testing.assert_array_equal(quantizer.fixed(slot)(Tensor(x)).asnumpy(), values)


@FEW
@given(w=values_of(2, 12), bits=WIDTHS)
@pytest.mark.parametrize("name", STEPPED)
def test_what_is_on_the_grid_stays_and_the_rest_moves_by_half_a_step(name, w, bits):
    quantizer = WEIGHT[name]((bits,), w)
    values, scale = (v.asnumpy() for v in quantizer(Tensor(w), 0))
    np.testing.assert_array_equal(at_width(quantizer, values, 0), values)
    low, high = integers.limits(bits, True)
    inside = (w >= low * scale) & (w <= high * scale)
    # A nested code is rounded twice: to the master, then to its width.
    allowed = scale / 2 + (scale / 2 ** (8 - bits) / 2 if name == "nested" else 0)
    assert (np.abs(values - w)[inside] <= allowed * 1.001).all()
    assert (values[w > high * scale + allowed] == np.float32(high) * scale).all()
    assert (values[w < low * scale - allowed] == np.float32(low) * scale).all()


@FEW
@given(
    w=values_of(24), bits=st.integers(1, 5), least=st.integers(1, 5),
    mode=st.sampled_from([LEARNED, UNIFORM, POWER_OF_TWO]), gated=st.booleans(),
)  # fmt: skip
def test_a_weight_takes_the_nearest_of_its_levels(w, bits, least, mode, gated):
    """Off the grid of 8 bits and on it, where levels are integers apart."""
    options = LevelOptions(mode=mode, gated=gated, least_bits=least)
    quantizer = LevelWeight((bits,), w.reshape(2, 12), options)
    for on_grid in (False, True):
        if on_grid:
            quantizer.table.go_to_grid()
        levels = quantizer.table.effective()
        assert len(levels) == 2**quantizer.table.bits <= 2**bits
        assert (np.diff(levels) > 0).all() or not on_grid
        values = at_width(quantizer, w, 0)
        assert np.isin(values, levels).all()
        others = np.abs(w[:, None].astype(np.float64) - levels)
        assert (np.abs(values - w) <= others.min(1) * (1 + 1e-5) + 1e-6).all()
    form = quantizer.integer_form(Tensor(w.reshape(2, 12)))
    values_of_codes = form.codes[0].ravel() * form.scales[0].astype(np.float32)
    np.testing.assert_allclose(values_of_codes, values, rtol=1e-6)


@FEW
@given(x=values_of(30), levels=arrays(np.float64, 6, elements=st.floats(-8, 8), unique=True))
def test_nearest_is_nearest(x, levels):
    levels = np.sort(levels)
    distances = np.abs(x[:, None].astype(np.float64) - levels)
    found = distances[np.arange(len(x)), nearest(x.astype(np.float64), levels)]
    np.testing.assert_allclose(found, distances.min(1), rtol=0, atol=1e-12)


@FEW
@given(rows=values_of(3, 20), bits=st.lists(WIDTHS, min_size=1, max_size=3), signed=st.booleans())
def test_a_searched_step_is_positive_and_hardly_worse_than_one_that_clips_nothing(rows, bits, signed):
    """The candidates of the second round are 0.67 % on either side of the best of the first."""
    rows = rows if signed else np.abs(rows)
    grids = [Grid(2.0 ** (8 - b), *integers.limits(b, signed)) for b in bits]
    steps = best_steps(rows, grids)
    assert steps.shape == (3,) and np.isfinite(steps).all() and (steps > 0).all()
    for row, step in zip(rows.astype(np.float64), steps, strict=True):
        reach = [max(row.max() / g.high, row.min() / g.low if signed else 0) / g.factor for g in grids]
        if row.any() and max(reach) > 0:
            unclipped, moved = _error(row, max(reach), grids), 0.0068 * np.linalg.norm(row) * len(grids) ** 0.5
            assert _error(row, step, grids) ** 0.5 <= unclipped**0.5 * 1.001 + moved + 1e-30


def _error(row: np.ndarray, step: float, grids: list[Grid]) -> float:
    total = 0.0
    for grid in grids:
        codes = np.clip(np.floor(row / (step * grid.factor) + 0.5), grid.low, grid.high)
        total += np.square(codes * step * grid.factor - row).sum()
    return float(total)
