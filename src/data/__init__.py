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
"""Data sets and batches, in NumPy and OpenCV alone (no MindSpore), so that a batch is reproducible.

    from src.data import Loader, load
    train = load("cifar10", "/data/cifar-10-batches-bin", "train", val_split=0.1, seed=1)
    loader = Loader(train, 128, train=True, seed=1)
    for batch in loader.epoch(0):
        batch.images, batch.labels          # float32 [128,3,32,32], int32 [128]

A new data set is one file with a function `read(request) -> Dataset` and one line in `DATASETS`.
"""

from collections.abc import Callable, Sequence

from src.data import arrays, cifar10, digits, image_folder
from src.data.dataset import Dataset, Request, channel_statistics, normalise
from src.data.loader import Batch, Loader
from src.data.split import stratified_holdout
from src.errors import UserError

__all__ = ["DATASETS", "SPLITS", "TEST_SPLIT", "Batch", "Dataset", "Loader", "Request", "load", "normalise"]

DATASETS: dict[str, Callable[[Request], Dataset]] = {
    "digits": digits.read,
    "cifar10": cifar10.read,
    "image_folder": image_folder.read,
    "arrays": arrays.read,
}

TEST_SPLIT = 0.2  # of an image_folder or arrays without parts
SPLITS = ("train", "val", "test")


def load(
    name: str,
    path: str | None,
    split: str,
    *,
    image_size: int | None = None,
    val_split: float = 0.0,
    seed: int = 0,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    colour_jitter: float = 0.0,
    crop_area: float | None = None,
    flip: bool | None = None,
    shift: int | None = None,
    max_errors: float = 0.01,
    test_split: float = TEST_SPLIT,
) -> Dataset:
    """The data set `name`, cut to `split`.

    Args:
        name: a key of `DATASETS`.
        path: folder of the data set, file of arrays; ignored by `digits`.
        split: "train" (without the held-out part), "val" (the held-out part) or "test".
        image_size: side of the square image; None takes the data set's own (32, 32, 224).
        val_split: share of the training set held out, 0 <= f < 1, the same share of every class (of an
            image_folder's classes one picture at least).
        seed: picks which images are held out, nothing else.
        mean, std: three numbers each, of pixel values in 0..1; None takes the data set's own.
        colour_jitter: brightness, contrast and saturation vary by up to this share (image_folder).
        crop_area: least share of a picture that a training crop keeps; None takes 0.08 (image_folder).
        flip: half of the training images are mirrored; None takes the data set's own.
        shift: pixels that training images are moved by at most; None takes the data set's own.
        max_errors: share of unreadable pictures that is tolerated; ten always are (image_folder).
        test_split: share of each class that is the test set, where an image_folder or arrays have no parts.

    Raises:
        UserError: unknown name or split, a value out of range, or data that is missing or broken.
    """
    if name not in DATASETS:
        raise UserError(f"data.name={name!r} is not known; allowed: {', '.join(DATASETS)}")
    if split not in SPLITS:
        raise UserError(f"data split {split!r} is not known; allowed: {', '.join(SPLITS)}")
    if not 0.0 <= val_split < 1.0:
        raise UserError(f"data.val_split={val_split} is out of range; allowed: 0 <= val_split < 1")
    if split == "val" and val_split == 0.0:
        raise UserError(
            "there is no held-out split, because data.val_split=0; "
            "set data.val_split (for example 0.1) to hold out a share of the training set"
        )
    request = Request(
        path=path,
        part="test" if split == "test" else "train",
        image_size=image_size,
        mean=channel_statistics("data.mean", mean),
        std=channel_statistics("data.std", std, positive=True),
        colour_jitter=colour_jitter,
        crop_area=crop_area,
        flip=flip,
        shift=shift,
        max_errors=max_errors,
        test_split=test_split,
    )
    dataset = DATASETS[name](request)
    if split == "test" or val_split == 0.0:
        return dataset
    kept, held = stratified_holdout(dataset.labels, val_split, seed, dataset.least_held)
    if len(held) == 0:
        raise UserError(
            f"data.val_split={val_split} of {len(dataset)} training images in "
            f"{dataset.num_classes} classes holds out no image at all; use a larger share"
        )
    return dataset.take(held if split == "val" else kept)
