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

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from src.data.dataset import normalise
from src.data.folder_listing import KINDS, picture_files, tell_left_out
from src.data.pictures import UnreadablePicture, evaluation_view, read_picture, resize
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
        UserError: there is no such picture, or it cannot be read; names it.
    """
    try:
        return _view(path, size, data)
    except UnreadablePicture as error:
        raise UserError(f"{path}: {error}") from error


def _view(path: str, size: int, data: str) -> np.ndarray:
    """The same. UnreadablePicture: see `read_picture`."""
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


def read_views(
    files: list[str], size: int, data: str, batch: int, threads: int = 1
) -> Iterator[list[tuple[str, np.ndarray | UnreadablePicture]]]:
    """Batches of files, each with its view (`read_view`) or why there is none, in order. Threads decode ahead
    of the reader, a batch each."""

    def decode(part: list[str]) -> list:
        return [(file, _view_or_error(file, size, data)) for file in part]

    ahead: deque = deque()
    pool = ThreadPoolExecutor(threads, "decode")
    try:
        for start in range(0, len(files), batch):
            ahead.append(pool.submit(decode, files[start : start + batch]))
            if len(ahead) > threads:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _view_or_error(file: str, size: int, data: str) -> np.ndarray | UnreadablePicture:
    try:
        return _view(file, size, data)
    except UnreadablePicture as error:
        return error


def pixel_values(mean: np.ndarray, std: np.ndarray) -> np.ndarray:
    """What normalisation makes of each pixel of each channel: float32 (3, 256)."""
    pixels = np.tile(np.arange(256, dtype=np.uint8), (1, 3, 1))[..., None]
    return normalise(pixels, mean, std)[0, :, :, 0]
