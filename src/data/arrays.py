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
"""Pictures that a user has as NumPy arrays, in an `.npz` file.

    np.savez("mine.npz", train_images=..., train_labels=..., test_images=..., test_labels=..., classes=[...])

images uint8 (N, 3, S, S), RGB; labels integers (N,), from 0 on. `images` and `labels` alone are split, the
same share of each class. `classes`: their names, in the order of the labels; without it they are numbers.
Our choices: mean and deviation are those of the training images; no augmentation but what `data.shift` and
`data.flip` ask for, as nobody knows which keeps what a picture shows.
"""

from pathlib import Path

import numpy as np

from src.data.augment import ShiftAndFlip
from src.data.dataset import LARGEST, SMALLEST, ArrayDataset, Facts, Request
from src.data.split import stratified_holdout
from src.errors import UserError, reason

SPLIT_SEED = 0  # the test set is the same one in every run
LEAST_STD = 1e-3  # of a channel that is the same everywhere


def read(request: Request) -> ArrayDataset:
    """`path` is the file."""
    request.refuse_pictures_keys()
    if request.path is None:
        raise UserError("data.path is not set; arrays need the .npz file that holds them")
    arrays = _Arrays(request.path)
    train = arrays.part("train", request.test_split)
    images, labels = train if request.part == "train" else arrays.part("test", request.test_split)
    if request.image_size not in (None, images.shape[-1]):
        raise UserError(
            f"the images in {request.path} have {images.shape[-1]} pixels a side, not {request.image_size} "
            "(data.image_size, which may stay null, or what an exported network takes)"
        )
    facts = Facts.of(request, "arrays", arrays.classes(), *_statistics(train[0]))
    augment = ShiftAndFlip.asked(request, images.shape[-1], reach=0, flips=False)
    return ArrayDataset(facts, images, labels, augment, augment.draws)


class _Arrays:
    """What a file holds, read and checked."""

    def __init__(self, path: str):
        self.path = path
        self.found = _read(path)
        self.is_whole = "images" in self.found
        wanted = ["images", "labels"]
        if not self.is_whole:
            wanted = [f"{part}_{name}" for part in ("train", "test") for name in wanted]
        missing = [name for name in wanted if name not in self.found]
        if missing:
            raise UserError(
                f"{path} lacks {', '.join(missing)} (it has {', '.join(self.found) or 'nothing'}); give it images and "
                "labels, or train_images, train_labels, test_images and test_labels"
            )
        for images, labels in zip(wanted[::2], wanted[1::2], strict=True):
            self._check(images, labels)
        sides = {self.found[name].shape[-1] for name in wanted[::2]}
        if len(sides) > 1:
            raise UserError(f"{path}: training and test images have different sides, {sorted(sides)} pixels")
        self.labels = np.concatenate([self.found[name] for name in wanted[1::2]])
        self._check_classes()

    def part(self, part: str, test_split: float) -> tuple[np.ndarray, np.ndarray]:
        """(images, labels) of "train" or "test"."""
        if not self.is_whole:
            return self.found[f"{part}_images"], self.found[f"{part}_labels"]
        images, labels = self.found["images"], self.found["labels"]
        kept, held = stratified_holdout(labels, test_split, SPLIT_SEED, least=1)
        chosen = kept if part == "train" else held
        if not len(chosen):
            raise UserError(
                f"data.test_split={test_split} of the {len(labels)} images in {self.path} leaves none for {part}"
            )
        return images[chosen], labels[chosen]

    def classes(self) -> list[str]:
        """Names, as many as there are labels."""
        if "classes" in self.found:
            return [str(name) for name in self.found["classes"]]
        return [str(label) for label in range(int(self.labels.max()) + 1)]

    def _check(self, images: str, labels: str) -> None:
        pixels, numbers = self.found[images], self.found[labels]
        side = pixels.shape[-1] if pixels.ndim else 0
        if pixels.dtype != np.uint8 or pixels.shape[1:] != (3, side, side) or not len(pixels):
            raise UserError(
                f"{self.path}: {images} is {pixels.dtype} {pixels.shape}; expected uint8 (N, 3, S, S), RGB, 0..255. "
                "Colours last: x.transpose(0, 3, 1, 2); grey (N, S, S): np.repeat(x[:, None], 3, 1)"
            )
        if not SMALLEST <= side <= LARGEST:
            raise UserError(f"{self.path}: {images} has {side} pixels a side; allowed: {SMALLEST} to {LARGEST}")
        if numbers.dtype.kind not in "iu" or numbers.shape != (len(pixels),):
            raise UserError(
                f"{self.path}: {labels} is {numbers.dtype} {numbers.shape}; expected an integer of each of the "
                f"{len(pixels)} {images} (one-hot: y.argmax(1))"
            )

    def _check_classes(self) -> None:
        low, high = int(self.labels.min()), int(self.labels.max())
        count = len(self.labels)  # no more classes than images, where nobody names them
        if "classes" in self.found:
            names = self.found["classes"]
            if names.ndim != 1 or names.dtype.kind != "U" or len({*names.tolist()}) != len(names):
                raise UserError(
                    f"{self.path}: classes is {names.dtype} {names.shape}; expected a name of each class, no two alike"
                )
            count = len(names)
        if low < 0 or high >= count:
            raise UserError(f"{self.path}: labels are {low}..{high}; allowed are 0..{count - 1}, one of each class")


def _read(path: str) -> dict[str, np.ndarray]:
    """All arrays by name. UserError: no such file, or it cannot be read whole."""
    file = Path(path)
    if not file.is_file():
        what = "is a folder" if file.is_dir() else "no such file"
        raise UserError(f"data.path={path}: {what}; name a file of arrays (.npz)")
    try:
        with np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except Exception as error:  # each damage has an exception of its own
        raise UserError(f"data.path={path} cannot be read as arrays (numpy.savez): {reason(error)}") from error


def _statistics(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and deviation of each channel, of values in 0..1, from exact counts."""
    counts = np.stack([np.bincount(images[:, c].ravel(), minlength=256) for c in range(3)])
    values = np.arange(256) / 255.0
    mean = counts @ values / counts.sum(1)
    variance = counts @ values**2 / counts.sum(1) - mean**2
    return mean, np.maximum(np.sqrt(np.maximum(variance, 0)), LEAST_STD)
