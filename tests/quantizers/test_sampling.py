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
import numpy as np
import pytest

from src.quantizers.sampling import spread


@pytest.mark.parametrize(
    "shape, axis",
    [
        ((128, 16, 32, 32), 3), ((32, 96, 112, 112), 3), ((64, 64, 56, 56), 2), ((512, 256, 3, 3), 3),
        ((512, 512, 3, 3), 2),
    ],
)  # fmt: skip
def test_every_column_and_every_tap_has_its_share(shape, axis):
    place = np.arange(shape[axis]).reshape([-1 if i == axis else 1 for i in range(4)])
    seen = np.bincount(spread(np.broadcast_to(place, shape), 1 << 15), minlength=shape[axis])
    assert seen.min() > 0.7 * seen.mean() and seen.max() < 1.3 * seen.mean()


def test_values_keep_their_order_and_come_once():
    values = spread(np.arange(100_003), 1000)
    assert len(values) == 1000 and (np.diff(values) > 0).all() and values[0] < 101 and values[-1] > 99_900


def test_of_few_values_all_are_taken():
    x = np.arange(12.0).reshape(3, 4)
    np.testing.assert_array_equal(spread(x, 12), x.reshape(-1))


def test_the_same_places_every_time():
    x = np.random.default_rng(1).normal(size=(64, 64, 9))
    np.testing.assert_array_equal(spread(x, 500), spread(x, 500))
