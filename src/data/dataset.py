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
"""What a data set is: labels, names, statistics, and batches that are pure functions.

Augmentation draws no random numbers of its own. The caller hands over `draws`, uniform numbers in
[0, 1), one row per image, and gets the same pixels for the same row. So a batch does not depend on
which thread made it, nor on how a global batch was divided among workers.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from src.errors import UserError

SMALLEST, LARGEST = 8, 1024  # pixels a side, of whatever data set; `data.image_size` has the same range


@dataclass(frozen=True)
class Request:
    """What `load` asks of a data set's `read` function; None means "the data set's own"."""

    path: str | None
    part: str  # "train" or "test"
    image_size: int | None = None
    mean: np.ndarray | None = None
    std: np.ndarray | None = None
    colour_jitter: float = 0.0
    crop_area: float | None = None
    flip: bool | None = None
    shift: int | None = None
    max_errors: float = 0.01
    test_split: float = 0.2

    def refuse_pictures_keys(self) -> None:
        """Raises:
            UserError: what only the pictures of an image_folder can have is asked for.
        """
        if self.colour_jitter:
            raise UserError(f"data.colour_jitter={self.colour_jitter}: it is for image_folder; set it to 0")
        if self.crop_area is not None:
            raise UserError(f"data.crop_area={self.crop_area}: it is for image_folder; leave it null")


@dataclass(frozen=True)
class Facts:
    """What does not change when a data set is cut: its key, class names and statistics.

    `mean` and `std` are float32 [3], RGB, of pixel values in 0..1.
    """

    name: str
    classes: Sequence[str]
    mean: np.ndarray
    std: np.ndarray

    @classmethod
    def of(
        cls,
        request: Request,
        name: str,
        classes: Sequence[str],
        mean: Sequence[float],
        std: Sequence[float],
    ) -> "Facts":
        """The data set's own statistics, unless the request brings others."""
        mean = np.array(mean, np.float32) if request.mean is None else request.mean
        std = np.array(std, np.float32) if request.std is None else request.std
        return cls(name, tuple(classes), mean, std)


class Dataset(ABC):
    """Labelled pictures of one size.

    Attributes:
        facts: key, class names, statistics; also as `name`, `classes`, `mean`, `std`.
        labels: int32 [N], 0 <= label < num_classes.
        image_size: side S of the square images.
        draws: how many uniform numbers an image's augmentation takes.
        errors: how many pictures could not be read so far, and were replaced or left out.
        left_out: how many of these are no pictures by their names.
        least_held: images of each class that a held-out part has at least, where the class has more.
    """

    draws: int
    errors: int = 0
    left_out: int = 0
    least_held: int = 0

    def __init__(self, facts: Facts, labels: np.ndarray, image_size: int) -> None:
        self.facts = facts
        self.name = facts.name
        self.classes = list(facts.classes)
        self.mean = facts.mean
        self.std = facts.std
        self.labels = np.ascontiguousarray(labels, np.int32)
        self.image_size = image_size

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def num_classes(self) -> int:
        return len(self.classes)

    def raw(self, i: int) -> np.ndarray:
        """Picture `i` as evaluation sees it, before normalisation: uint8 [S,S,3], RGB."""
        return np.ascontiguousarray(self.pixels(np.array([i]))[0].transpose(1, 2, 0))

    def batch(self, indices: np.ndarray, draws: np.ndarray | None = None) -> np.ndarray:
        """Normalised images, float32 [B,3,S,S].

        Args:
            indices: int [B], positions in this data set.
            draws: float64 [B, self.draws] in [0, 1): augment with these; None: the evaluation view.
        """
        return normalise(self.pixels(np.asarray(indices), draws), self.mean, self.std)

    @abstractmethod
    def pixels(self, indices: np.ndarray, draws: np.ndarray | None = None) -> np.ndarray:
        """As `batch`, before normalisation: uint8 [B,3,S,S]."""

    @abstractmethod
    def take(self, indices: np.ndarray) -> "Dataset":
        """The data set that holds only the samples at `indices`, in that order."""


class ArrayDataset(Dataset):
    """A data set that fits in memory.

    Args:
        images: uint8 [N,3,S,S], RGB.
        labels: int [N].
        augment: (uint8 [B,3,S,S], draws float64 [B,D]) -> uint8 [B,3,S,S], a pure function.
        draws: D above.
    """

    def __init__(
        self,
        facts: Facts,
        images: np.ndarray,
        labels: np.ndarray,
        augment: Callable[[np.ndarray, np.ndarray], np.ndarray],
        draws: int,
    ) -> None:
        super().__init__(facts, labels, images.shape[-1])
        self.images = images
        self.augment = augment
        self.draws = draws

    def pixels(self, indices: np.ndarray, draws: np.ndarray | None = None) -> np.ndarray:
        images = self.images[indices]
        return images if draws is None else self.augment(images, draws)

    def take(self, indices: np.ndarray) -> "ArrayDataset":
        images, labels = self.images[indices], self.labels[indices]
        return ArrayDataset(self.facts, images, labels, self.augment, self.draws)


def normalise(images: np.ndarray, mean: np.ndarray, std: np.ndarray) -> np.ndarray:
    """(x / 255 - mean) / std per channel, as one multiplication and one addition in float32.

    Args:
        images: uint8 [B,3,H,W].
        mean, std: float32 [3], of values in 0..1.
    """
    mean, std = np.asarray(mean, np.float64), np.asarray(std, np.float64)
    scale = (1.0 / (255.0 * std)).astype(np.float32).reshape(3, 1, 1)
    offset = (-mean / std).astype(np.float32).reshape(3, 1, 1)
    out = np.multiply(images, scale, dtype=np.float32)
    out += offset
    return out


def channel_statistics(
    key: str, values: Sequence[float] | None, positive: bool = False
) -> np.ndarray | None:
    """Check `data.mean` / `data.std`: None, or three finite numbers (above zero if `positive`)."""
    if values is None:
        return None
    try:
        array = np.asarray(values, np.float32)
    except (TypeError, ValueError):
        array = np.empty(0, np.float32)
    right = array.shape == (3,) and np.isfinite(array).all()
    if not right or (positive and (array <= 0).any()):
        raise UserError(
            f"{key}={values!r}: give three numbers{' above 0' if positive else ''} "
            "(red, green, blue; of pixel values in 0..1), or null"
        )
    return array


def square_size(request: Request, own: int, smallest: int, largest: int) -> int:
    """`data.image_size` within its limits, or the data set's own when it is null."""
    size = own if request.image_size is None else request.image_size
    if not smallest <= size <= largest:
        raise UserError(
            f"data.image_size={size} is out of range; allowed: {smallest} to {largest}, "
            f"or null ({own})"
        )
    return size
