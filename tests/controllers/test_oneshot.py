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

"""The one-shot head: pooling of any size, logits against NumPy, sharing, dropout, randomness."""

import numpy as np
import pytest
from mindspore import Tensor

from src.controllers.oneshot import OneShotHead, pooling_matrix


def adaptive_average(x, bins):
    """Average-pool to bins x bins over windows floor(i s / b) .. ceil((i + 1) s / b)."""
    size = x.shape[-1]
    out = np.zeros(x.shape[:-2] + (bins, bins))
    edges = [(i * size // bins, int(np.ceil((i + 1) * size / bins))) for i in range(bins)]
    for i, (top, bottom) in enumerate(edges):
        for j, (left, right) in enumerate(edges):
            out[..., i, j] = x[..., top:bottom, left:right].mean((-2, -1))
    return out


@pytest.mark.parametrize("size,bins", [(56, 8), (32, 8), (8, 8), (7, 3), (10, 4), (5, 8), (1, 2)])
def test_pooling_is_adaptive_average_pooling(size, bins):
    x = np.random.default_rng(size).normal(size=(2, 3, size, size))
    rows = pooling_matrix(size, bins).astype(np.float64)
    np.testing.assert_allclose(rows @ x @ rows.T, adaptive_average(x, bins), atol=1e-6)
    np.testing.assert_allclose(rows.sum(1), 1, rtol=1e-6)


def test_pooling_of_56_is_the_7_by_7_window():
    x = np.random.default_rng(0).normal(size=(56, 56))
    rows = pooling_matrix(56, 8)
    np.testing.assert_allclose(rows @ x @ rows.T, x.reshape(8, 7, 8, 7).mean((1, 3)), atol=1e-6)


def head(**options) -> OneShotHead:
    arguments = {"channels": 3, "size": 6, "slots": 4, "columns": 2, "choices": 3}
    return OneShotHead(**{**arguments, "pool": 4, "hidden": 5, "dropout": 0.4, **options})


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("images", [1, 3])
def test_logits_equal_numpy(relu, images):
    cell = head(relu=relu)
    rng = np.random.default_rng(1)
    x = rng.normal(size=(images, 3, 6, 6)).astype(np.float32)
    keep = rng.random((images, 5)).astype(np.float32)
    dense = [
        (layer.weight.asnumpy().astype(np.float64), layer.bias.asnumpy())
        for layer in (cell.fc1, cell.fc2)
    ]
    h = adaptive_average(x, 4).reshape(images, -1) @ dense[0][0].T + dense[0][1]
    h = np.maximum(h, 0) if relu else h
    expected = ((h * keep) @ dense[1][0].T + dense[1][1]).reshape(images, 4, 2, 3)
    np.testing.assert_allclose(cell.from_units(cell.units(Tensor(x)) * Tensor(keep)).asnumpy(), expected, atol=1e-5)


def test_a_shared_scope_gives_every_layer_the_same_choice():
    cell = head(shared=True)
    x = np.random.default_rng(2).normal(size=(6, 3, 6, 6)).astype(np.float32)
    draws = cell.draw(np.random.default_rng(0), 6)
    assert draws[0].shape == (6, 4, 2, 3)
    plan = cell.plan(cell.begin(Tensor(x), *map(Tensor, draws))).asnumpy()
    np.testing.assert_array_equal(plan, np.tile(plan[:, :1], (1, 4, 1, 1)))
    assert cell.fc2.weight.shape == (2 * 3, 5)
    assert head().fc2.weight.shape == (4 * 2 * 3, 5)


def test_macs_by_hand():
    assert head().macs == 3 * 16 * 5 + 5 * 4 * 2 * 3
    assert head(shared=True).macs == 3 * 16 * 5 + 5 * 2 * 3


def test_dropout_keeps_the_mean():
    """Kept units are scaled by 1 / (1 - share), so that evaluation needs no factor."""
    _, keep, _ = head(hidden=1000).draw(np.random.default_rng(0), 50)
    np.testing.assert_allclose(np.unique(keep), [0, 1 / 0.6], rtol=1e-6)
    assert keep.mean() == pytest.approx(1, abs=0.02)
    assert (keep == 0).mean() == pytest.approx(0.4, abs=0.02)


def test_randomness_repeats_with_the_seed_and_is_absent_in_evaluation():
    cell = head()
    one, two = (cell.draw(np.random.default_rng(9), 2) for _ in range(2))
    other = cell.draw(np.random.default_rng(10), 2)
    np.testing.assert_array_equal(one[0], two[0])
    np.testing.assert_array_equal(one[1], two[1])
    assert (one[0] != other[0]).any()
    noise, keep, _ = cell.still(2)
    assert not noise.any() and (keep == 1).all()
    assert (noise.shape, keep.shape) == (one[0].shape, one[1].shape)


def test_small_features_are_not_pooled():
    head = OneShotHead(8, 4, slots=2, columns=1, choices=3, pool=8, hidden=5)
    assert head.pool == 4 and head.fc1.in_channels == 8 * 4 * 4
    (decision,) = head.decisions()
    assert decision.bins == 4
