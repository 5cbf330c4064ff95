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
"""Normalisation, cutting, and the checks of statistics and sizes."""

import numpy as np
import pytest

from src.data.augment import shift
from src.data.dataset import (
    ArrayDataset,
    Facts,
    Request,
    channel_statistics,
    normalise,
    square_size,
)
from src.errors import UserError

MEAN, STD = np.array([0.5, 0.25, 0.1], np.float32), np.array([0.2, 0.3, 0.4], np.float32)


def made(n: int = 6) -> ArrayDataset:
    images = np.random.default_rng(0).integers(0, 256, (n, 3, 8, 8), np.uint8)
    facts = Facts("made", ("a", "b"), MEAN, STD)
    return ArrayDataset(facts, images, np.arange(n) % 2, lambda x, u: shift(x, u, 1), draws=2)


def test_normalise_equals_the_definition_in_float64():
    images = np.arange(256, dtype=np.uint8).reshape(1, 1, 16, 16).repeat(3, axis=1)
    got = normalise(images, MEAN, STD)
    exact = (images / 255.0 - MEAN.reshape(3, 1, 1)) / STD.astype(np.float64).reshape(3, 1, 1)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, exact, rtol=0, atol=1e-6)


def test_batch_is_the_normalised_view_and_raw_its_picture():
    dataset = made()
    batch = dataset.batch(np.array([4, 1]))
    assert batch.shape == (2, 3, 8, 8) and batch.dtype == np.float32 and batch.flags.c_contiguous
    np.testing.assert_array_equal(batch, normalise(dataset.images[[4, 1]], MEAN, STD))
    np.testing.assert_array_equal(dataset.raw(4), dataset.images[4].transpose(1, 2, 0))


def test_draws_augment_and_leave_the_stored_images_alone():
    dataset = made()
    before = dataset.images.copy()
    draws = np.array([[0.0, 0.99]] * 6)
    np.testing.assert_array_equal(
        dataset.pixels(np.arange(6), draws)[:, :, 1:, :-1], before[:, :, :-1, 1:]
    )
    np.testing.assert_array_equal(dataset.images, before)


def test_take_keeps_order_facts_and_augmentation():
    cut = made().take(np.array([5, 2]))
    assert len(cut) == 2 and cut.labels.tolist() == [1, 0] and cut.labels.dtype == np.int32
    assert cut.classes == ["a", "b"] and cut.num_classes == 2 and cut.draws == 2
    np.testing.assert_array_equal(cut.images, made().images[[5, 2]])


@pytest.mark.parametrize(
    "values", [[1, 2], [0.1, 0.2, "x"], 0.5, [0.1, 0.2, float("nan")], [0.1, 0.0, 0.2]]
)
def test_wrong_statistics_are_refused_by_key(values):
    with pytest.raises(UserError, match=r"data\.std=.*three numbers above 0"):
        channel_statistics("data.std", values, positive=True)


def test_statistics_of_the_request_win():
    request = Request(None, "train", mean=channel_statistics("data.mean", [0, 0, 0]))
    facts = Facts.of(request, "made", "ab", MEAN, STD)
    assert facts.mean.tolist() == [0, 0, 0]
    np.testing.assert_array_equal(facts.std, STD)


@pytest.mark.parametrize("size", [0, 7, 65])
def test_a_size_out_of_range_is_refused(size):
    with pytest.raises(UserError, match=rf"data\.image_size={size} .* 8 to 64, or null \(32\)"):
        square_size(Request(None, "train", image_size=size), own=32, smallest=8, largest=64)
