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
"""The built-in digits: split, enlargement, statistics."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from src.data import load
from src.data.digits import MEAN, STD, enlarge
from src.errors import UserError


def test_every_fifth_sample_of_a_class_is_test():
    train, test = load("digits", None, "train"), load("digits", None, "test")
    target = load_digits().target
    assert (len(train), len(test)) == (1442, 355)
    for label in range(10):
        assert (test.labels == label).sum() == (target == label).sum() // 5
    assert train.num_classes == 10 and train.classes[7] == "7"
    fives = load_digits().images[target == 5]
    np.testing.assert_array_equal(test.images[test.labels == 5], enlarge(fives[4::5], 32))


def test_statistics_are_those_of_the_training_part():
    values = load("digits", None, "train").images / 255.0
    np.testing.assert_allclose(values.mean(axis=(0, 2, 3)), MEAN, atol=5e-5)
    np.testing.assert_allclose(values.std(axis=(0, 2, 3)), STD, atol=5e-5)


def test_enlargement_is_bilinear_with_pixel_centres():
    small = np.random.default_rng(0).integers(0, 17, (1, 8, 8)).astype(np.float64)
    large = enlarge(small, 32)
    pixels = np.floor(small[0] * 255 / 16 + 0.5)
    at = np.clip((np.arange(32) + 0.5) / 4 - 0.5, 0, 7)
    low, part = np.floor(at).astype(int), at - np.floor(at)
    high = np.minimum(low + 1, 7)
    rows = pixels[low] * (1 - part)[:, None] + pixels[high] * part[:, None]
    expected = rows[:, low] * (1 - part) + rows[:, high] * part
    assert large.shape == (1, 3, 32, 32)
    assert np.abs(large[0, 0] - expected).max() <= 0.51
    assert (large[0, 1] == large[0, 0]).all() and (large[0, 2] == large[0, 0]).all()


def test_training_moves_by_two_pixels_at_most_and_never_mirrors():
    train = load("digits", None, "train")
    draws = np.array([[0.0, 0.0], [0.5, 0.5], [0.999, 0.999]])
    moved = train.pixels(np.zeros(3, int), draws)
    np.testing.assert_array_equal(moved[0, :, 2:, 2:], train.images[0, :, :-2, :-2])
    np.testing.assert_array_equal(moved[1], train.images[0])
    np.testing.assert_array_equal(moved[2, :, :-2, :-2], train.images[0, :, 2:, 2:])
    assert not moved[0, :, :2].any() and not moved[2, :, -2:].any()


def test_another_size_is_possible_within_limits():
    assert load("digits", None, "test", image_size=16).images.shape == (355, 3, 16, 16)
    with pytest.raises(UserError, match=r"data\.image_size=300.*8 to 256"):
        load("digits", None, "test", image_size=300)
    with pytest.raises(UserError, match=r"data\.colour_jitter=0\.4: it is for image_folder"):
        load("digits", None, "train", colour_jitter=0.4)
