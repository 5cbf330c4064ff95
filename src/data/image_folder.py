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
"""Folders of pictures, one folder per class (ImageNet's layout), of any size and class count.

    PATH/train/CLASS/*.jpg   PATH/val/CLASS/*.jpg   [PATH/test/CLASS/*.jpg]
    PATH/CLASS/*.jpg

Classes are the folder names in sorted order. The test split is PATH/test if there is one, else
PATH/val; of class folders that stand in PATH itself it is a share. Training: random resized crop, flip (`data.flip`),
optional colour jitter. Normalised by ImageNet's statistics.
"""

import logging
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from src.data.augment import CROP_DRAWS, JITTER_DRAWS, colour_jitter, crop_box
from src.data.dataset import LARGEST, SMALLEST, Dataset, Facts, Request, square_size
from src.data.folder_listing import list_part
from src.data.pictures import UnreadablePicture, evaluation_view, read_picture, resize
from src.errors import UserError

MEAN = (0.485, 0.456, 0.406)  # ImageNet's
STD = (0.229, 0.224, 0.225)
ALWAYS_TOLERATED = 10  # unreadable files, however small the data set is
SHOWN = 5  # file names in an error text

LOG = logging.getLogger("dynquant")


def read(request: Request) -> "ImageFolder":
    """Lists the files; pictures are decoded when a batch asks for them."""
    size = square_size(request, own=224, smallest=SMALLEST, largest=LARGEST)
    if request.shift is not None:
        raise UserError(f"data.shift={request.shift}: an image_folder is cropped at random; leave it null")
    for key in ("colour_jitter", "max_errors"):
        value = getattr(request, key)
        if not 0.0 <= value <= 1.0:
            raise UserError(f"data.{key}={value} is out of range; allowed: 0 to 1")
    files, labels, classes, left_out = list_part(
        request.path, request.part, request.test_split
    )
    facts = Facts.of(request, "image_folder", classes, MEAN, STD)
    flips = request.flip is not False
    return ImageFolder(
        facts, files, labels, size, request.colour_jitter, request.max_errors, left_out, flips
    )


class ImageFolder(Dataset):
    """Pictures on disk.

    An unreadable picture is logged once, counted, and replaced by its next readable neighbour of
    the same class: the batch keeps its shape, and its labels stay true.

    Args:
        files: path of each picture.
        labels: int [N].
        jitter: strength of the colour jitter in training, 0 for none.
        max_errors: share of unreadable files beyond which a UserError ends the run.
        left_out: how many files of the folders are no pictures by their names.
        flips: half of the pictures are mirrored in training.
    """

    draws = CROP_DRAWS + 1 + JITTER_DRAWS  # crop, flip, colours
    least_held = 1

    def __init__(
        self,
        facts: Facts,
        files: Sequence[str],
        labels: np.ndarray,
        image_size: int,
        jitter: float,
        max_errors: float,
        left_out: int = 0,
        flips: bool = True,
    ) -> None:
        super().__init__(facts, labels, image_size)
        self.files = list(files)
        self.jitter = jitter
        self.max_errors, self.left_out, self.flips = max_errors, left_out, flips
        self.broken: dict[int, str] = {}  # position -> why; written under the lock
        self.lock = threading.Lock()

    @property
    def errors(self) -> int:
        """How many files could not be read so far, or are no pictures by their names."""
        return self.left_out + len(self.broken)

    def take(self, indices: np.ndarray) -> "ImageFolder":
        files, labels = [self.files[i] for i in indices], self.labels[indices]
        size, jitter, max_errors = self.image_size, self.jitter, self.max_errors
        return ImageFolder(self.facts, files, labels, size, jitter, max_errors, self.left_out, self.flips)

    def pixels(self, indices: np.ndarray, draws: np.ndarray | None = None) -> np.ndarray:
        out = np.empty((len(indices), 3, self.image_size, self.image_size), np.uint8)
        for row, i in enumerate(indices):
            picture = self.picture(int(i))
            if draws is None:
                view = evaluation_view(picture, self.image_size)
            else:
                view = self.training_view(picture, draws[row])
            out[row] = view.transpose(2, 0, 1)
        return out

    def training_view(self, picture: np.ndarray, draws: np.ndarray) -> np.ndarray:
        """Random resized crop, flip, colours: uint8 [H,W,3] -> uint8 [S,S,3]."""
        top, left, height, width = crop_box(*picture.shape[:2], draws[:CROP_DRAWS])
        region = picture[top : top + height, left : left + width]
        view = resize(region, self.image_size, self.image_size)
        if self.flips and draws[CROP_DRAWS] < 0.5:
            view = view[:, ::-1]
        if self.jitter > 0.0:
            view = colour_jitter(view, self.jitter, draws[CROP_DRAWS + 1 :])
        return view

    def picture(self, i: int) -> np.ndarray:
        """Picture `i`, or the next of its class if it is unreadable: uint8 [H,W,3]."""
        for j in self.candidates(i):
            if j in self.broken:
                continue
            try:
                return read_picture(self.files[j])
            except UnreadablePicture as error:
                self.note_broken(j, str(error))
        raise UserError(
            f"no picture of class {self.classes[self.labels[i]]!r} in "
            f"{Path(self.files[i]).parent} can be read; replace them or remove the class"
        )

    def candidates(self, i: int) -> Iterator[int]:
        """`i`, then the others of its class: those after it, then round from the first."""
        yield i
        members = np.flatnonzero(self.labels == self.labels[i])
        at = int(np.searchsorted(members, i))
        yield from members[at + 1 :].tolist()
        yield from members[:at].tolist()

    def note_broken(self, i: int, reason: str) -> None:
        """Log and count file `i` the first time; too many of them are an error."""
        with self.lock:
            if i in self.broken:
                return
            self.broken[i] = reason
            count = len(self.broken)
            some = ", ".join(self.files[j] for j in sorted(self.broken)[:SHOWN])
        LOG.warning("cannot read %s: %s; another of its class stands in", self.files[i], reason)
        allowed = max(ALWAYS_TOLERATED, int(self.max_errors * len(self)))
        if count > allowed:
            raise UserError(
                f"{count} of {len(self)} pictures cannot be read, {allowed} are tolerated; "
                f"for example {some}; repair or delete them, and check data.path"
            )
