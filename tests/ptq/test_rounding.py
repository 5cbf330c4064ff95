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
"""Codes that keep a layer's output: never worse than the nearest, and the best there are where that is known."""

import itertools

import numpy as np
import pytest

from src.ptq.rounding import RIDGE, keep_output
from src.quantizers.step_search import Grid, best_steps


def layer(groups=1, outputs=3, d=12, seed=0, correlated=True):
    rng = np.random.default_rng(seed)
    z = rng.gamma(1.0, size=(groups, 200, d))
    if correlated:
        z = z @ rng.normal(size=(groups, d, d))
    z = z - z.mean(1, keepdims=True)
    return rng.normal(size=(groups, outputs, d)), z.swapaxes(1, 2) @ z / z.shape[1]


def error(codes, step, weight, h, grid):
    scale = np.resize(step * grid.factor, (*weight.shape[:2], 1))
    off = scale * codes - weight
    ridge = RIDGE * np.trace(h, axis1=1, axis2=2) / h.shape[-1]
    metric = h + ridge[:, None, None] * np.eye(h.shape[-1])
    return np.einsum("god,gde,goe->", off, metric, off)


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
@pytest.mark.parametrize("groups", [1, 4])
@pytest.mark.parametrize("per_channel", [True, False])
def test_better_than_the_nearest_codes(bits, groups, per_channel):
    weight, h = layer(groups)
    grid = Grid(2.0 ** (8 - bits), -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    steps = weight[..., 0].size if per_channel else 1
    codes, step = keep_output(weight, h, grid, steps)
    assert step.shape == (steps,) and (step > 0).all()
    assert (codes == np.round(codes)).all() and codes.min() >= grid.low and codes.max() <= grid.high
    plain = best_steps(weight.reshape(steps, -1), [grid])
    scale = np.resize(plain * grid.factor, (*weight.shape[:2], 1))
    nearest = np.clip(np.floor(weight / scale + 0.5), grid.low, grid.high)
    assert error(codes, step, weight, h, grid) < 0.9 * error(nearest, plain, weight, h, grid)


def test_near_the_best_of_all_codes():
    """2 bits, 5 weights: all 4^5 vectors of codes are tried at the step that was found."""
    grid = Grid(1.0, -2, 1)
    found = best = 0.0
    for seed in range(8):
        weight, h = layer(outputs=1, d=5, seed=seed)
        codes, step = keep_output(weight, h, grid, 1)
        every = (np.array(q, float).reshape(1, 1, 5) for q in itertools.product(range(-2, 2), repeat=5))
        found += error(codes, step, weight, h, grid)
        best += min(error(q, step, weight, h, grid) for q in every)
    assert best <= found < 1.5 * best


def test_inputs_that_are_all_zero_keep_the_weights():
    weight, h = layer()
    codes, step = keep_output(weight, 0 * h, Grid(1.0, -128, 127), 3)
    assert np.abs(codes * step.reshape(1, 3, 1) - weight).max() <= 0.51 * step.max()
