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
"""A channel that quantising has shifted and stretched comes out of its normalisation as before."""

import numpy as np
import pytest
from mindspore import Tensor

from src.layers.conv import Dense
from src.layers.norm import BatchNorm
from src.ptq.shifts import correct_bias, move_statistics, renew_statistics

pytestmark = pytest.mark.usefixtures("pynative")


def batches(seed=0):
    rng = np.random.default_rng(seed)
    return [(rng.normal(2, 3, (4, 3, 5, 5)) * [[[1.0]], [[5.0]], [[0.2]]]).astype(np.float32) for _ in range(2)]


def norm(mean=(1.0, 2.0, 0.5), variance=(4.0, 90.0, 0.3)):
    cell = BatchNorm(3)
    cell.moving_mean.set_data(Tensor(np.float32(mean)))
    cell.moving_variance.set_data(Tensor(np.float32(variance)))
    return cell.set_train(False)


def test_moved_statistics_undo_a_shift_and_a_factor():
    """Running statistics differ from those of these batches, and stay as far from them."""
    own, cell = batches(), norm()
    factor, shift = np.float32([0.7, 1.3, 1.1])[:, None, None], np.float32([5, -2, 0])[:, None, None]
    changed = [x * factor + shift for x in own]
    before = cell(Tensor(own[0])).asnumpy()
    move_statistics(cell, own, changed)
    np.testing.assert_allclose(cell(Tensor(changed[0])).asnumpy(), before, atol=1e-4)
    assert np.abs(cell(Tensor(own[0])).asnumpy() - before).max() > 0.1


def test_what_quantising_left_alone_stays():
    own, cell = batches(), norm()
    move_statistics(cell, own, own)
    np.testing.assert_allclose(cell.moving_mean.asnumpy(), [1.0, 2.0, 0.5], rtol=1e-5)
    np.testing.assert_allclose(cell.moving_variance.asnumpy(), [4.0, 90.0, 0.3], rtol=1e-5)


def test_a_channel_that_vanished_stays_finite():
    own, cell = batches(), norm()
    move_statistics(cell, own, [0 * x for x in own])
    assert np.isfinite(cell(Tensor(0 * own[0])).asnumpy()).all()
    assert (cell.moving_variance.asnumpy() > 0).all()


def test_renewed_statistics_are_those_of_the_batches():
    cell, both = norm(), np.concatenate(batches())
    renew_statistics(cell, batches())
    np.testing.assert_allclose(cell.moving_mean.asnumpy(), both.mean((0, 2, 3)), rtol=1e-4)
    np.testing.assert_allclose(cell.moving_variance.asnumpy(), both.var((0, 2, 3)), rtol=1e-4)


def test_the_bias_takes_the_mean_error():
    rng = np.random.default_rng(0)
    dense = Dense(4, 3, rng=rng)
    own, off = rng.normal(size=(2, 6, 3)).astype(np.float32), np.float32([1, -2, 0.5])
    correct_bias(dense, list(own), list(own + off))
    np.testing.assert_allclose(dense.bias.asnumpy(), -off, rtol=1e-5)
