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
"""Single pictures: decode a file, resize, and cut out what evaluation sees.

The evaluation view is the usual one for ImageNet: the shorter side resized to S / 0.875 (256 for
224), then the centre S x S. Shrinking averages areas (no aliasing), enlarging is bilinear.
"""

from pathlib import Path

import cv2
import numpy as np

EXTENSIONS = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp"})
CENTRE_SHARE = 0.875


class UnreadablePicture(Exception):
    """The file cannot be opened or is not a whole picture; the text says which."""


def read_picture(path: str | Path) -> np.ndarray:
    """Decode to uint8 [H,W,3], RGB. Grey becomes three channels, transparency is dropped.

    The orientation that a camera noted (EXIF) is applied. Decoding from memory is stricter than
    from a file: OpenCV then refuses a truncated JPEG.

    Raises:
        UnreadablePicture: no such file, no permission, empty, truncated, or not a picture.
    """
    try:
        data = np.frombuffer(Path(path).read_bytes(), np.uint8)
    except OSError as error:
        raise UnreadablePicture(error.strerror or str(error)) from error
    if data.size == 0:
        raise UnreadablePicture("the file is empty")
    try:
        picture = cv2.imdecode(data, cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise UnreadablePicture("the decoder failed") from error
    if picture is None:
        raise UnreadablePicture("it is truncated or not a picture")
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def resize(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize uint8 [H,W,3] to [height,width,3]."""
    if picture.shape[:2] == (height, width):
        return picture
    shrinks = height <= picture.shape[0] and width <= picture.shape[1]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(picture, (width, height), interpolation=how)


def evaluation_view(picture: np.ndarray, size: int) -> np.ndarray:
    """Shorter side to size / 0.875, then the centre: uint8 [H,W,3] -> uint8 [size,size,3]."""
    height, width = picture.shape[:2]
    shorter = int(np.floor(size / CENTRE_SHARE + 0.5))
    if height <= width:
        height, width = shorter, shorter * width // height
    else:
        height, width = shorter * height // width, shorter
    picture = resize(picture, height, width)
    top, left = (height - size + 1) // 2, (width - size + 1) // 2  # floor((H - S) / 2 + 0.5)
    return picture[top : top + size, left : left + size]
