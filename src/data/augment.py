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
"""Augmentation of batches and single pictures, as pure functions of pixels and uniform numbers.

Shift (He et al. 2016, section 4.2: "4 pixels are padded on each side, and a 32x32 crop is randomly
sampled from the padded image or its horizontal flip"), random resized crop (Szegedy et al. 2015,
section 6: 8 % to 100 % of the area, aspect ratio 3/4 to 4/3; the least area is an option) and colour
jitter (brightness, contrast, saturation, in random order).
"""

from dataclasses import dataclass
from itertools import permutations
from math import exp, floor, log, sqrt
from typing import ClassVar

import numpy as np

from src.data.dataset import Request
from src.data.pictures import resize
from src.errors import UserError

CROP_ATTEMPTS = 10
CROP_DRAWS = 2 * CROP_ATTEMPTS + 2  # area and ratio of each attempt; top; left
CROP_AREA = 0.08  # least share of the picture
JITTER_DRAWS = 4  # order, brightness, contrast, saturation
JITTER_ORDERS = tuple(permutations(range(3)))
GREY = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601 luma


def shift(images: np.ndarray, draws: np.ndarray, reach: int) -> np.ndarray:
    """Move each image by -reach..reach pixels in both directions; black (0) comes in at the edges.

    The same as padding by `reach` and cropping at a random place.

    Args:
        images: uint8 [B,C,H,W].
        draws: float [B,2] in [0,1): top, then left edge of the crop.
    """
    height, width = images.shape[2:]
    padded = np.pad(images, ((0, 0), (0, 0), (reach, reach), (reach, reach)))
    crops = np.lib.stride_tricks.sliding_window_view(padded, (height, width), axis=(2, 3))
    corner = (draws * (2 * reach + 1)).astype(np.int64)  # floor, as draws >= 0
    return crops[np.arange(len(images)), :, corner[:, 0], corner[:, 1]]


def flip(images: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Mirror left to right, in place, each image [..,W] of the batch whose draw is below 1/2."""
    mirrored = np.flatnonzero(draws < 0.5)
    images[mirrored] = images[mirrored][..., ::-1]
    return images


@dataclass(frozen=True)
class ShiftAndFlip:
    """(images uint8 [B,C,H,W], draws float [B, self.draws] in [0,1)) -> the images, moved by up to `reach` pixels
    each way, and half of them mirrored, if it `flips`."""

    reach: int
    flips: bool

    @classmethod
    def asked(cls, request: Request, side: int, reach: int, flips: bool) -> "ShiftAndFlip":
        """What `data.shift` and `data.flip` say of images of that side; `reach` and `flips` are the data set's own.

        Raises:
            UserError: nothing of the image would be left.
        """
        reach = reach if request.shift is None else request.shift
        if reach >= side:
            raise UserError(f"data.shift={reach}: the images have {side} pixels a side; allowed: 0 to {side - 1}")
        return cls(reach, flips if request.flip is None else request.flip)

    @property
    def draws(self) -> int:
        """Two of a shift, top and left, then one of a flip."""
        return 2 * (self.reach > 0) + self.flips

    def __call__(self, images: np.ndarray, draws: np.ndarray) -> np.ndarray:
        if self.reach:
            images = shift(images, draws[:, :2], self.reach)
        return flip(images, draws[:, -1]) if self.flips else images


@dataclass(frozen=True)
class CropFlipAndColours:
    """The training view of a picture of any size: cropped at random, resized to a square, half of the time mirrored,
    its colours varied.

    Attributes:
        size: pixels a side of the view.
        least_area: share of the picture that a crop keeps at least, in (0, 1].
        flips: half of the pictures are mirrored.
        jitter: strength of the colour jitter, 0 for none.
    """

    draws: ClassVar[int] = CROP_DRAWS + 1 + JITTER_DRAWS  # crop, flip, colours
    size: int
    least_area: float
    flips: bool
    jitter: float

    @classmethod
    def asked(cls, request: Request, size: int) -> "CropFlipAndColours":
        """What `data.crop_area`, `data.flip` and `data.colour_jitter` say.

        Raises:
            UserError: a value out of range, or the key of another kind of augmentation.
        """
        if request.shift is not None:
            raise UserError(f"data.shift={request.shift}: an image_folder is cropped at random; leave it null")
        if not 0.0 <= request.colour_jitter <= 1.0:
            raise UserError(f"data.colour_jitter={request.colour_jitter} is out of range; allowed: 0 to 1")
        area = CROP_AREA if request.crop_area is None else request.crop_area
        if not 0.0 < area <= 1.0:
            raise UserError(f"data.crop_area={area} is out of range; allowed: above 0, up to 1")
        return cls(size, area, request.flip is not False, request.colour_jitter)

    def __call__(self, picture: np.ndarray, draws: np.ndarray) -> np.ndarray:
        """uint8 [H,W,3] -> uint8 [size,size,3]; `draws` float [draws] in [0,1)."""
        top, left, height, width = crop_box(*picture.shape[:2], draws[:CROP_DRAWS], self.least_area)
        view = resize(picture[top : top + height, left : left + width], self.size, self.size)
        if self.flips and draws[CROP_DRAWS] < 0.5:
            view = view[:, ::-1]
        if self.jitter > 0.0:
            view = colour_jitter(view, self.jitter, draws[CROP_DRAWS + 1 :])
        return view


def crop_box(height: int, width: int, draws: np.ndarray, least_area: float = CROP_AREA) -> tuple[int, int, int, int]:
    """Random resized crop: (top, left, height, width) of the region to keep, inside the picture.

    Ten attempts at an area and an aspect ratio (log-uniform); if none fits into the picture, the
    largest centred region whose ratio is allowed.

    Args:
        draws: float [CROP_DRAWS] in [0,1).
        least_area: least share of the picture, in (0, 1].
    """
    for area_draw, ratio_draw in draws[: 2 * CROP_ATTEMPTS].reshape(CROP_ATTEMPTS, 2):
        area = height * width * (least_area + (1 - least_area) * area_draw)
        ratio = exp(log(3 / 4) + (log(4 / 3) - log(3 / 4)) * ratio_draw)  # width / height
        w, h = floor(sqrt(area * ratio) + 0.5), floor(sqrt(area / ratio) + 0.5)
        if 0 < w <= width and 0 < h <= height:
            return int(draws[-2] * (height - h + 1)), int(draws[-1] * (width - w + 1)), h, w
    w = min(width, floor(height * 4 / 3 + 0.5))
    h = min(height, floor(width * 4 / 3 + 0.5))
    return (height - h) // 2, (width - w) // 2, h, w


def colour_jitter(picture: np.ndarray, strength: float, draws: np.ndarray) -> np.ndarray:
    """Vary brightness, contrast and saturation by factors in 1 - strength .. 1 + strength.

    Each factor mixes the picture with a duller one: black, its mean grey, or its own grey image.

    Args:
        picture: uint8 [H,W,3], RGB.
        strength: 0..1.
        draws: float [JITTER_DRAWS] in [0,1).
    """
    factors = (1.0 + strength * (2.0 * draws[1:] - 1.0)).astype(np.float32)
    pixels = picture.astype(np.float32)
    for kind in JITTER_ORDERS[int(draws[0] * len(JITTER_ORDERS))]:
        if kind == 0:
            dull = np.float32(0.0)
        elif kind == 1:
            dull = grey(pixels).mean(dtype=np.float32)
        else:
            dull = grey(pixels)[:, :, None]
        pixels = np.clip(dull + factors[kind] * (pixels - dull), 0.0, 255.0)
    return np.floor(pixels + np.float32(0.5)).astype(np.uint8)


def grey(pixels: np.ndarray) -> np.ndarray:
    """Luma of float32 [H,W,3]: float32 [H,W]."""
    # Spelt out, as a matrix product would wake the threads of BLAS.
    return pixels[..., 0] * GREY[0] + pixels[..., 1] * GREY[1] + pixels[..., 2] * GREY[2]
