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
"""Pictures that a user names, and pixels, as a trained network takes them."""

from pathlib import Path

import numpy as np

from src.data.dataset import normalise
from src.data.folder_listing import KINDS, picture_files, tell_left_out
from src.data.pictures import evaluation_view, read_picture, resize
from src.errors import UserError


def list_pictures(names: list[str]) -> list[str]:
    """Files as named, in that order; a folder stands for its pictures, by name; what else is in it
    is logged.

    Raises:
        UserError: a folder without pictures.
    """
    files = []
    for name in names:
        if not Path(name).is_dir():
            files.append(name)
            continue
        found, others = picture_files(Path(name))
        if not found:
            raise UserError(f"{name} holds no picture ({KINDS}); folders in it are not searched")
        tell_left_out(Path(name), others)
        files += found
    return files


def read_view(path: str, size: int, data: str) -> np.ndarray:
    """The picture, uint8 (3, size, size), as the evaluation of the data set `data` would see it.

    A picture of that size is taken as it is. Others: for image_folder its evaluation view; for data
    sets of small pictures, which have no margin to lose, the centre square, resized.

    Raises:
        UnreadablePicture: see read_picture.
    """
    picture = read_picture(path)
    height, width = picture.shape[:2]
    if (height, width) != (size, size):
        if data == "image_folder":
            picture = evaluation_view(picture, size)
        else:
            side = min(height, width)
            top, left = (height - side) // 2, (width - side) // 2
            picture = resize(picture[top : top + side, left : left + side], size, size)
    return np.ascontiguousarray(picture.transpose(2, 0, 1))


def pixel_values(mean: np.ndarray, std: np.ndarray) -> np.ndarray:
    """What normalisation makes of each pixel of each channel: float32 (3, 256)."""
    pixels = np.tile(np.arange(256, dtype=np.uint8), (1, 3, 1))[..., None]
    return normalise(pixels, mean, std)[0, :, :, 0]
