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
"""A labelled test set for a network that was exported: read as the network was trained to see it."""

from src.data import DATASETS, TEST_SPLIT, load
from src.data.dataset import Dataset
from src.errors import UserError
from src.printable import printable


def load_test(name: str, path: str | None, notes: dict, whose: str) -> Dataset:
    """The test part of a data set, in the size and with the statistics that the notes tell.

    Args:
        name: a key of `DATASETS`.
        path: its folder; None for a data set that needs none.
        notes: of the exported network (engine/notes.py).
        whose: the network, for messages.

    Raises:
        UserError: notes that lack what is needed, data that is missing or broken, or other classes
            than the network's.
    """
    for key in ("data", "classes", "image_size", "mean", "std"):
        if key not in notes:
            raise UserError(f"the notes of this network lack {key}; export it again")
    size, mean, std = (notes[key] for key in ("image_size", "mean", "std"))
    dataset = load(
        name, path, "test", image_size=size, mean=mean, std=std, test_split=_test_split(notes)
    )
    if dataset.classes != notes["classes"]:
        raise UserError(
            f"{whose} was trained for {len(notes['classes'])} classes of {notes['data']}; "
            f"{dataset.name} has {dataset.num_classes} or names them otherwise"
        )
    return dataset


def _test_split(notes: dict) -> float:
    """The share that was the test set when the network was trained, so that none of it was learned from."""
    found = notes.get("config")
    for key in ("data", "test_split"):
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, float) and 0 < found < 1 else TEST_SPLIT


def as_source(text: str) -> tuple[str, str | None]:
    """(name, folder or None) of `cifar10:FOLDER` or `digits`. UserError: no data set of that name."""
    name, _, folder = text.partition(":")
    if name not in DATASETS:
        allowed = ", ".join(DATASETS)
        raise UserError(f"--test {printable(text)}: expected NAME:FOLDER, with one of {allowed}")
    return name, folder or None
