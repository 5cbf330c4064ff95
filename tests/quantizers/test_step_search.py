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
"""Steps with the least squared error: against every step of a dense list, and against LSQ's rule."""

import numpy as np
import pytest
from mindspore import Tensor

from src.quantizers.dorefa import DorefaActivation, DorefaWeight
from src.quantizers.lsq import LsqActivation, LsqWeight, first_step
from src.quantizers.nested import NestedActivation, NestedWeight
from src.quantizers.pact import PactActivation
from src.quantizers.step_search import Grid, best_steps


def error(x, grid: Grid, step: float, importance=1.0) -> float:
    """In float64, as written."""
    scale = step * grid.factor
    codes = np.clip(np.floor(x.astype(np.float64) / scale + 0.5), grid.low, grid.high)
    return float((importance * (codes * scale - x) ** 2).sum())


def values(count=400, seed=0, signed=True):
    x = np.random.default_rng(seed).standard_t(4, count).astype(np.float32)
    return x if signed else np.maximum(x, 0)


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
@pytest.mark.parametrize("signed", [True, False])
def test_no_step_is_better_by_more_than_the_grid_of_candidates(bits, signed):
    x = values(signed=signed)
    grid = Grid(1.0, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else Grid(1.0, 0, 2**bits - 1)
    (step,) = best_steps(x[None], [grid])
    everywhere = min(error(x, grid, s) for s in np.geomspace(0.01, 10, 2000))
    assert error(x, grid, step) <= 1.1 * everywhere
    assert error(x, grid, step) < error(x, grid, first_step(x, grid.high))


def test_rows_have_steps_of_their_own():
    rows, grid = np.stack([values(), 100 * values(seed=1), np.zeros(400, np.float32)]), Grid(1.0, -8, 7)
    together = best_steps(rows, [grid])
    alone = [best_steps(row[None], [grid])[0] for row in rows]
    np.testing.assert_array_equal(together, alone)
    assert together[1] > 20 * together[0] and together[2] == pytest.approx(1 / 7)


@pytest.mark.parametrize("exponent", [-100, -20, 20, 100])
def test_rows_of_any_magnitude_have_the_same_step_in_proportion(exponent):
    """Also where a square leaves float32."""
    rows = np.random.default_rng(5).normal(size=(3, 60)).astype(np.float32)
    grids = [Grid(1.0, -8, 7), Grid(4.0, -2, 1)]
    found = best_steps(np.ldexp(rows, exponent), grids)
    np.testing.assert_array_equal(found, np.ldexp(best_steps(rows, grids), exponent))


def test_a_factor_scales_the_step_and_widths_add_their_errors():
    x, narrow, wide = values()[None], Grid(64.0, -2, 1), Grid(1.0, -128, 127)
    alone = best_steps(x, [Grid(1.0, -2, 1)])
    np.testing.assert_allclose(best_steps(x, [narrow]) * 64, alone, rtol=1e-6)
    (both,) = best_steps(x, [narrow, wide])
    steps = np.geomspace(0.001, 1, 2000)
    least = min(error(x, narrow, s) + error(x, wide, s) for s in steps)
    assert error(x, narrow, both) + error(x, wide, both) <= 1.03 * least


def test_what_counts_more_is_nearer():
    x, grid = values()[None], Grid(1.0, -4, 3)
    importance = np.where(np.abs(x) > 2, 100.0, 1.0).astype(np.float32)
    plain, weighed = (best_steps(x, [grid], h)[0] for h in (None, importance))
    assert weighed > plain
    assert error(x, grid, weighed, importance) < error(x, grid, plain, importance)


WEIGHT = np.random.default_rng(3).standard_t(4, (6, 4, 3, 3)).astype(np.float32)


@pytest.mark.parametrize(
    "quantizer",
    [
        LsqWeight((4,), WEIGHT), LsqWeight((3,), WEIGHT, per_channel=True), LsqWeight((2, 4), WEIGHT),
        NestedWeight((4,), WEIGHT), NestedWeight((2, 8), WEIGHT, per_channel=True),
        LsqActivation((4,)), LsqActivation((3, 5), signed=True), NestedActivation((2, 4)),
        NestedActivation((4,), signed=True), PactActivation((4,)), PactActivation((2, 4), signed=True),
    ],
)  # fmt: skip
def test_ranges_are_the_codes_that_a_quantiser_has(pynative, quantizer):
    """Each width's smallest and largest value are those of its grid."""
    parameter, grids_of_rows = quantizer.ranges()
    rows = parameter.asnumpy().reshape(len(grids_of_rows), -1)
    far = np.full((6, 4, 3, 3), 1e6, np.float32)
    scaled = [(row, grid) for row, grids in zip(rows, grids_of_rows, strict=True) for grid in grids]
    assert len(scaled) == len(quantizer.widths)
    for slot, (row, grid) in enumerate(scaled):
        for sign, code in ((1, grid.high), (-1, grid.low)):
            got = quantizer(Tensor(sign * far), slot)
            got = (got[0] if isinstance(got, tuple) else got).asnumpy()
            expected = (row.astype(np.float64) * grid.factor * code).reshape(-1, 1, 1, 1)
            np.testing.assert_allclose(got, np.broadcast_to(expected, got.shape), rtol=1e-6)


def test_a_fixed_range_has_nothing_to_set():
    assert DorefaWeight((4,), WEIGHT).ranges() == DorefaActivation((4,)).ranges() == (None, [])
