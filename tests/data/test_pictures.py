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
"""Decoding, resizing and the evaluation view."""

import cv2
import numpy as np
import pytest

from src.data.pictures import UnreadablePicture, evaluation_view, read_picture, resize


def smooth(height: int, width: int) -> np.ndarray:
    """uint8 RGB: red grows to the right, green downwards, blue is 40."""
    red = np.linspace(0, 255, width)[None, :].repeat(height, axis=0)
    green = np.linspace(0, 255, height)[:, None].repeat(width, axis=1)
    return np.stack([red, green, np.full_like(red, 40)], axis=2).astype(np.uint8)


def encoded(extension: str, *options: int) -> bytes:
    data = cv2.imencode(extension, smooth(60, 80)[:, :, ::-1], list(options))[1]
    return data.tobytes()


@pytest.mark.parametrize(("extension", "off"), [(".png", 0), (".bmp", 0), (".jpg", 16)])
def test_pictures_come_as_rgb(tmp_path, extension, off):
    path = tmp_path / f"bild ä{extension}"
    path.write_bytes(encoded(extension))
    got = read_picture(path).astype(int)
    assert got.shape == (60, 80, 3)
    assert np.abs(got - smooth(60, 80)).max() <= off


def test_grey_and_transparent_pictures_get_three_channels(tmp_path):
    grey = smooth(10, 12)[:, :, 0]
    cv2.imwrite(str(tmp_path / "grey.png"), grey)
    assert (read_picture(tmp_path / "grey.png") == grey[:, :, None]).all()
    cv2.imwrite(str(tmp_path / "alpha.png"), np.dstack([smooth(10, 12)[:, :, ::-1], grey]))
    np.testing.assert_array_equal(read_picture(tmp_path / "alpha.png"), smooth(10, 12))


PROGRESSIVE = (cv2.IMWRITE_JPEG_PROGRESSIVE, 1)


@pytest.mark.parametrize("part", [0.3, 0.6, 0.95])
@pytest.mark.parametrize(
    ("extension", "options"),
    [(".jpg", ()), (".jpg", PROGRESSIVE), (".png", ()), (".bmp", ()), (".webp", ())],
)
def test_a_truncated_picture_is_refused(tmp_path, extension, options, part):
    data = encoded(extension, *options)
    path = tmp_path / f"x{extension}"
    path.write_bytes(data[: int(part * len(data))])
    with pytest.raises(UnreadablePicture, match="truncated"):
        read_picture(path)


def test_what_is_no_picture_is_refused_with_the_reason(tmp_path):
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.jpg").write_text("hello " * 100)
    with pytest.raises(UnreadablePicture, match="empty"):
        read_picture(tmp_path / "empty.jpg")
    with pytest.raises(UnreadablePicture, match="not a picture"):
        read_picture(tmp_path / "text.jpg")
    with pytest.raises(UnreadablePicture, match="No such file"):
        read_picture(tmp_path / "none.jpg")


def test_shrinking_averages_areas():
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    blocks = picture.reshape(16, 4, 16, 4, 3).mean(axis=(1, 3))
    assert np.abs(resize(picture, 16, 16) - blocks).max() <= 0.51


@pytest.mark.parametrize(("height", "width"), [(512, 256), (256, 512), (256, 257), (300, 256)])
def test_evaluation_view_without_resizing_is_the_centre(height, width):
    picture = np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)
    top, left = int((height - 224) / 2 + 0.5), int((width - 224) / 2 + 0.5)
    expected = picture[top : top + 224, left : left + 224]
    np.testing.assert_array_equal(evaluation_view(picture, 224), expected)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (7, 500), (1200, 900), (33, 32), (2, 9)])
@pytest.mark.parametrize("size", [8, 33, 224])
def test_evaluation_view_always_has_the_size(height, width, size):
    assert evaluation_view(smooth(height, width), size).shape == (size, size, 3)


def test_evaluation_view_covers_seven_eighths_of_the_shorter_side():
    view = evaluation_view(smooth(448, 448), 112).astype(float)
    first, last = view[56, 0, 0], view[56, -1, 0]  # red is the place from left to right, 0..255
    assert first == pytest.approx(255 / 16, abs=2) and last == pytest.approx(255 * 15 / 16, abs=2)
