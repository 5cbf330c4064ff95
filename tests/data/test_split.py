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
"""The held-out part is disjoint, complete, stratified, and a function of the seed."""

import numpy as np
import pytest

from src.data.split import stratified_holdout

LABELS = np.random.default_rng(0).permutation(np.repeat([0, 1, 2], [100, 37, 4]))


@pytest.mark.parametrize(
    ("fraction", "counts"),
    [(0.0, [0, 0, 0]), (0.1, [10, 4, 0]), (0.25, [25, 9, 1]), (0.99, [99, 36, 3])],
)
def test_every_class_gives_its_rounded_share_but_never_all(fraction, counts):
    kept, held = stratified_holdout(LABELS, fraction, seed=5)
    assert np.bincount(LABELS[held], minlength=3).tolist() == counts
    np.testing.assert_array_equal(np.sort(np.concatenate([kept, held])), np.arange(len(LABELS)))
    assert (np.diff(kept) > 0).all() and (np.diff(held) > 0).all()


def test_the_seed_decides():
    first, again, other = (stratified_holdout(LABELS, 0.25, seed)[1] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert set(first) != set(other)


def test_some_of_each_class_are_held_out_and_some_are_left():
    labels = np.repeat([0, 1, 2, 3], [40, 3, 2, 1])
    counts = [
        np.bincount(labels[stratified_holdout(labels, share, 1, least=1, left=left)[1]], minlength=4).tolist()
        for share, left in ((0.1, 1), (0.1, 2), (0.9, 2), (0.0, 1))
    ]
    assert counts == [[4, 1, 1, 0], [4, 1, 0, 0], [36, 1, 0, 0], [0, 0, 0, 0]]
