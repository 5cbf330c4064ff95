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
"""Pictures that a user names: which files, and which pixels."""

import logging
import re

import cv2
import numpy as np
import pytest

from src.data.dataset import normalise
from src.data.pictures import evaluation_view
from src.data.views import list_pictures, pixel_values, read_view
from src.errors import UserError


def write(path, height, width):
    rgb = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    path.parent.mkdir(exist_ok=True)
    cv2.imwrite(str(path), rgb[:, :, ::-1])
    return rgb


def test_files_stay_in_order_and_folders_are_sorted(tmp_path):
    for name in ("b.png", "a.png", "text.txt"):
        write(tmp_path / "in" / f"{name}.png", 4, 4).tofile(tmp_path / "in" / name)
    names = [str(tmp_path / "z.png"), str(tmp_path / "in"), str(tmp_path / "z.png")]
    inner = [str(tmp_path / "in" / n) for n in sorted(["b.png", "a.png", "text.txt.png"])]
    found = list_pictures(names)
    assert found[0] == found[-1] == names[0]
    assert [n for n in found[1:-1] if n in inner] == inner


def test_what_a_folder_holds_besides_is_told_and_dead_links_are_listed(tmp_path, caplog):
    write(tmp_path / "in" / "a.png", 4, 4)
    (tmp_path / "in" / "b.png").symlink_to(tmp_path / "gone.png")
    (tmp_path / "in" / "c.gif").touch()
    with caplog.at_level(logging.WARNING):
        found = list_pictures([str(tmp_path / "in")])
    assert found == [str(tmp_path / "in" / name) for name in ("a.png", "b.png")]
    assert "in: 1 left out" in caplog.text and "1 .gif" in caplog.text
    with pytest.raises(UserError, match=f"{re.escape(found[1])}: it is a link to nothing"):
        read_view(found[1], 32, "digits")


def test_a_folder_without_pictures(tmp_path):
    (tmp_path / "inner").mkdir()
    with pytest.raises(UserError, match=f"{tmp_path} holds no picture"):
        list_pictures([str(tmp_path)])


@pytest.mark.parametrize("data", ["digits", "image_folder", None])
def test_a_picture_of_the_right_size_is_taken_as_it_is(tmp_path, data):
    rgb = write(tmp_path / "x.png", 32, 32)
    view = read_view(str(tmp_path / "x.png"), 32, data)
    np.testing.assert_array_equal(view, rgb.transpose(2, 0, 1))
    assert view.dtype == np.uint8 and view.flags.c_contiguous


def test_image_folder_takes_its_evaluation_view(tmp_path):
    rgb = write(tmp_path / "x.png", 50, 40)
    view = read_view(str(tmp_path / "x.png"), 32, "image_folder")
    np.testing.assert_array_equal(view, evaluation_view(rgb, 32).transpose(2, 0, 1))


def test_others_take_the_whole_centre_square(tmp_path):
    rgb = write(tmp_path / "x.png", 80, 64)
    view = read_view(str(tmp_path / "x.png"), 32, "cifar10")
    blocks = rgb[8:72].reshape(32, 2, 32, 2, 3).mean((1, 3)).transpose(2, 0, 1)
    assert np.abs(view - blocks).max() <= 0.5
    assert read_view(str(tmp_path / "x.png"), 70, "digits").shape == (3, 70, 70)


def test_what_cannot_be_read_is_said(tmp_path):
    (tmp_path / "x.png").write_bytes(b"no picture")
    with pytest.raises(UserError, match="x.png: it is truncated or not a picture"):
        read_view(str(tmp_path / "x.png"), 32, "digits")


def test_pixel_values_are_the_normalised_pixels():
    mean, std = np.float32([0.1, 0.2, 0.3]), np.float32([0.5, 0.6, 0.7])
    values = pixel_values(mean, std)
    assert values.shape == (3, 256) and values.dtype == np.float32
    image = np.random.default_rng(0).integers(0, 256, (1, 3, 5, 5), dtype=np.uint8)
    seen = values[np.arange(3)[:, None, None], image[0]]
    np.testing.assert_array_equal(seen, normalise(image, mean, std)[0])
