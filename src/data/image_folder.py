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

from src.data.augment import CropFlipAndColours
from src.data.dataset import LARGEST, SMALLEST, Dataset, Facts, Request, square_size
from src.data.folder_listing import list_part
from src.data.pictures import UnreadablePicture, evaluation_view, read_picture
from src.errors import UserError

MEAN = (0.485, 0.456, 0.406)  # ImageNet's
STD = (0.229, 0.224, 0.225)
ALWAYS_TOLERATED = 10  # unreadable files, however small the data set is
SHOWN = 5  # file names in an error text

LOG = logging.getLogger("dynquant")


def read(request: Request) -> "ImageFolder":
    """Lists the files; pictures are decoded when a batch asks for them."""
    size = square_size(request, own=224, smallest=SMALLEST, largest=LARGEST)
    augment = CropFlipAndColours.asked(request, size)
    if not 0.0 <= request.max_errors <= 1.0:
        raise UserError(f"data.max_errors={request.max_errors} is out of range; allowed: 0 to 1")
    files, labels, classes, left_out = list_part(
        request.path, request.part, request.test_split
    )
    facts = Facts.of(request, "image_folder", classes, MEAN, STD)
    return ImageFolder(facts, files, labels, augment, request.max_errors, left_out)


class ImageFolder(Dataset):
    """Pictures on disk.

    An unreadable picture is logged once, counted, and replaced by its next readable neighbour of
    the same class: the batch keeps its shape, and its labels stay true.

    Args:
        files: path of each picture.
        labels: int [N].
        augment: makes a training view of a picture, and tells the size of all views.
        max_errors: share of unreadable files beyond which a UserError ends the run.
        left_out: how many files of the folders are no pictures by their names.
    """

    draws = CropFlipAndColours.draws
    least_held = 1

    def __init__(
        self,
        facts: Facts,
        files: Sequence[str],
        labels: np.ndarray,
        augment: CropFlipAndColours,
        max_errors: float,
        left_out: int = 0,
    ) -> None:
        super().__init__(facts, labels, augment.size)
        self.files = list(files)
        self.augment = augment
        self.max_errors, self.left_out = max_errors, left_out
        self.broken: dict[int, str] = {}  # position -> why; written under the lock
        self.lock = threading.Lock()

    @property
    def errors(self) -> int:
        """How many files could not be read so far, or are no pictures by their names."""
        return self.left_out + len(self.broken)

    def take(self, indices: np.ndarray) -> "ImageFolder":
        files, labels = [self.files[i] for i in indices], self.labels[indices]
        return ImageFolder(self.facts, files, labels, self.augment, self.max_errors, self.left_out)

    def pixels(self, indices: np.ndarray, draws: np.ndarray | None = None) -> np.ndarray:
        out = np.empty((len(indices), 3, self.image_size, self.image_size), np.uint8)
        for row, i in enumerate(indices):
            picture = self.picture(int(i))
            view = evaluation_view(picture, self.image_size) if draws is None else self.augment(picture, draws[row])
            out[row] = view.transpose(2, 0, 1)
        return out

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
