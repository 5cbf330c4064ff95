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
"""Augmentation against slow references, pixel by pixel."""

import numpy as np
import pytest

from src.data.augment import (
    CROP_DRAWS,
    JITTER_ORDERS,
    ShiftAndFlip,
    colour_jitter,
    crop_box,
    flip,
    shift,
)
from src.data.dataset import Request
from src.errors import UserError


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


@pytest.mark.parametrize("reach", [2, 4])
def test_shift_equals_padding_and_cropping_pixel_by_pixel(reach):
    images = noise(20, 3, 9, 11)
    draws = np.random.default_rng(1).random((20, 2))
    got = shift(images, draws, reach)
    expected = np.zeros_like(images)
    for n, (u, v) in enumerate(draws):
        dy, dx = int(u * (2 * reach + 1)) - reach, int(v * (2 * reach + 1)) - reach
        for y in range(9):
            for x in range(11):
                if 0 <= y + dy < 9 and 0 <= x + dx < 11:
                    expected[n, :, y, x] = images[n, :, y + dy, x + dx]
    np.testing.assert_array_equal(got, expected)


def test_shift_reaches_each_offset_equally_often_and_no_further():
    image = np.zeros((1, 1, 9, 9), np.uint8)
    image[0, 0, 4, 4] = 1
    n = 18_000
    draws = np.random.default_rng(2).random((n, 2))
    moved = shift(np.repeat(image, n, axis=0), draws, 4)
    _, _, y, x = np.nonzero(moved)
    for place in (y, x):
        counts = np.bincount(place, minlength=9)
        assert counts.sum() == n
        assert abs(counts - n / 9).max() < 5 * np.sqrt(n / 9)


def test_middle_draw_leaves_the_image_alone():
    images = noise(3, 3, 8, 8)
    np.testing.assert_array_equal(shift(images, np.full((3, 2), 0.5), 4), images)


def test_flip_mirrors_exactly_the_images_with_a_low_draw():
    images = noise(4, 3, 5, 6)
    got = flip(images.copy(), np.array([0.0, 0.4999, 0.5, 0.9]))
    np.testing.assert_array_equal(got[:2], images[:2, :, :, ::-1])
    np.testing.assert_array_equal(got[2:], images[2:])


def test_crop_box_stays_inside_and_keeps_area_and_ratio():
    rng = np.random.default_rng(3)
    areas = []
    for _ in range(2000):
        top, left, height, width = crop_box(240, 320, rng.random(CROP_DRAWS))
        assert 0 <= top <= 240 - height and 0 <= left <= 320 - width
        areas.append(height * width / (240 * 320))
        assert 0.735 < width / height < 1.36  # 3/4 to 4/3, and half a pixel of rounding
    assert 0.078 < min(areas) < 0.1 and 0.9 < max(areas) <= 1.0
    assert 0.4 < np.mean(areas) < 0.54  # uniform would be 0.54; large boxes fit less often


def test_crop_box_keeps_the_least_area():
    rng = np.random.default_rng(3)
    boxes = [crop_box(240, 240, rng.random(CROP_DRAWS), 0.5) for _ in range(500)]
    assert 0.495 < min(height * width / (240 * 240) for _, _, height, width in boxes) < 0.52


def test_crop_box_takes_the_first_attempt_that_fits():
    draws = np.zeros(CROP_DRAWS)
    draws[0:2] = 0.999, 0.999  # nearly the whole area at 4:3 does not fit into a square
    draws[2:4] = (0.25 - 0.08) / 0.92, 0.5  # a quarter of the area, square
    draws[-2:] = 0.5, 0.999
    assert crop_box(100, 100, draws) == (25, 50, 50, 50)


@pytest.mark.parametrize(
    ("height", "width", "box"),
    [(10, 1000, (0, 493, 10, 13)), (1000, 10, (493, 0, 13, 10)), (1, 1, (0, 0, 1, 1))],
)
def test_crop_box_of_an_extreme_picture_is_the_centre(height, width, box):
    assert crop_box(height, width, np.full(CROP_DRAWS, 0.999)) == box


def jitter_reference(picture, strength, draws):
    """The three definitions in float64, one pixel value at a time."""
    pixels = picture.astype(np.float64)
    factor = [1 + strength * (2 * u - 1) for u in draws[1:]]
    for kind in JITTER_ORDERS[int(draws[0] * 6)]:
        luma = 0.299 * pixels[..., 0] + 0.587 * pixels[..., 1] + 0.114 * pixels[..., 2]
        out = np.empty_like(pixels)
        for place in np.ndindex(*pixels.shape):
            dull = (0.0, luma.mean(), luma[place[:2]])[kind]
            out[place] = min(max(factor[kind] * pixels[place] + (1 - factor[kind]) * dull, 0), 255)
        pixels = out
    return np.floor(pixels + 0.5)


@pytest.mark.parametrize("order", range(6))
def test_colour_jitter_follows_its_definition_in_every_order(order):
    picture = noise(6, 7, 3, seed=order)
    draws = np.array([(order + 0.5) / 6, 0.9, 0.1, 0.8])
    got = colour_jitter(picture, 0.4, draws).astype(np.float64)
    difference = np.abs(got - jitter_reference(picture, 0.4, draws))
    assert difference.max() <= 1 and (difference > 0).mean() < 0.02  # float32 against float64


def test_colour_jitter_with_middle_draws_changes_nothing():
    picture = noise(8, 8, 3)
    draws = np.array([0.3, 0.5, 0.5, 0.5])
    np.testing.assert_array_equal(colour_jitter(picture, 0.4, draws), picture)


@pytest.mark.parametrize(
    ("asked", "reach", "flips"),
    [({}, 4, True), ({"shift": 0}, 0, True), ({"flip": False}, 4, False), ({"shift": 2, "flip": False}, 2, False)],
)
def test_what_is_asked_for_goes_before_the_data_set_s_own(asked, reach, flips):
    images = np.random.default_rng(0).integers(0, 255, (6, 3, 8, 8)).astype(np.uint8)
    augment = ShiftAndFlip.asked(Request(None, "train", **asked), side=8, reach=4, flips=True)
    assert (augment.reach, augment.flips, augment.draws) == (reach, flips, 2 * (reach > 0) + flips)
    draws = np.random.default_rng(1).random((6, augment.draws))
    expected = shift(images, draws[:, :2], reach) if reach else images.copy()
    np.testing.assert_array_equal(augment(images.copy(), draws), flip(expected, draws[:, -1]) if flips else expected)


def test_a_shift_leaves_some_of_the_image():
    with pytest.raises(UserError, match="data.shift=8: the images have 8 pixels a side; allowed: 0 to 7"):
        ShiftAndFlip.asked(Request(None, "train", shift=8), side=8, reach=4, flips=True)
