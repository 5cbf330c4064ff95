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
"""CIFAR-10 in its official binary layout.

Source: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009. Five training
files and a test file of 10,000 records each; a record is one label byte and 3072 pixel bytes:
32x32 red, then green, then blue, row by row. Augmentation: crop after padding by 4, and flip.
"""

from pathlib import Path

import numpy as np

from src.data.augment import ShiftAndFlip
from src.data.dataset import ArrayDataset, Facts, Request
from src.errors import UserError

CLASSES = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)
FILES = {"train": [f"data_batch_{k}.bin" for k in range(1, 6)], "test": ["test_batch.bin"]}
FOLDER = "cifar-10-batches-bin"
MEAN = (0.4914, 0.4822, 0.4465)  # of the 50,000 training images; a test holds both
STD = (0.2470, 0.2435, 0.2616)
SIZE = 32
RECORDS = 10_000
RECORD_BYTES = 1 + 3 * SIZE * SIZE
FILE_BYTES = RECORDS * RECORD_BYTES
REACH = 4
ADVICE = "run `bash scripts/get_cifar10.sh DEST` and set data.path=DEST"


def read(request: Request) -> ArrayDataset:
    """`path` is the folder with the .bin files, or the one above it."""
    if request.image_size not in (None, SIZE):
        raise UserError(
            f"cifar10 images are {SIZE}x{SIZE}, not {request.image_size} pixels a side (data.image_size, which may "
            "stay null, or what an exported network takes); image_folder resizes"
        )
    request.refuse_pictures_keys()
    folder = find_folder(request.path)
    parts = [read_file(folder / name) for name in FILES[request.part]]
    images = np.concatenate([images for images, _ in parts])
    labels = np.concatenate([labels for _, labels in parts])
    facts = Facts.of(request, "cifar10", CLASSES, MEAN, STD)
    augment = ShiftAndFlip.asked(request, SIZE, REACH, flips=True)
    return ArrayDataset(facts, images, labels, augment, augment.draws)


def find_folder(path: str | None) -> Path:
    """The folder that holds the .bin files: `path`, or `path`/cifar-10-batches-bin."""
    if not path:
        raise UserError(f"data.path is not set; cifar10 needs the folder of its files; {ADVICE}")
    root = Path(path)
    if not root.is_dir():
        raise UserError(f"data.path={path} is not a folder; {ADVICE}")
    inner = root / FOLDER
    return inner if inner.is_dir() else root


def read_file(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """One checked file: images uint8 [10000,3,32,32] (a view), labels int32 [10000]."""
    if not path.is_file():
        raise UserError(f"{path} is missing ({FILE_BYTES:,} bytes are expected); {ADVICE}")
    size = path.stat().st_size
    if size != FILE_BYTES:
        raise UserError(
            f"{path} has {size:,} bytes, {FILE_BYTES:,} are expected: it is damaged; "
            f"delete it, {ADVICE}"
        )
    try:
        records = np.fromfile(path, np.uint8).reshape(RECORDS, RECORD_BYTES)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from error
    labels = records[:, 0].astype(np.int32)
    if labels.max() >= len(CLASSES):
        wrong = int(np.argmax(labels >= len(CLASSES)))
        raise UserError(
            f"{path} has label {labels[wrong]} in record {wrong}, 0..9 are allowed: "
            f"it is damaged or not CIFAR-10; delete it, {ADVICE}"
        )
    return records[:, 1:].reshape(RECORDS, 3, SIZE, SIZE), labels
