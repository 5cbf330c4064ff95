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
"""Test images and labels as one .bin file each, as the model zoo's C++ programs read them."""

import shutil
import tempfile
from pathlib import Path

import numpy as np

from src.deploy.deployment import Deployment
from src.errors import UserError

IMAGES, LABELS = "img_data", "label"
BATCH = 250


def write_bins(deployment: Deployment, dataset, count: int, folder: Path) -> None:
    """Write the first `count` samples: img_data/NAME_bs1_00000.bin and label/NAME_bs1_00000.bin.

    An image is (3, S, S), float32 or uint8 as the deployment takes it; a label is one int32. An
    older folder of the same kind is replaced.

    Raises:
        UserError: the folder holds something else, or cannot be written.
    """
    if folder.exists() and any(p.name not in (IMAGES, LABELS) for p in folder.iterdir()):
        raise UserError(f"{folder} holds other files; name another folder")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".bins-") as scratch:
            made = Path(scratch, "bins")
            (made / IMAGES).mkdir(parents=True)
            (made / LABELS).mkdir()
            for start in range(0, count, BATCH):
                _write_batch(deployment, dataset, np.arange(start, min(start + BATCH, count)), made)
            if folder.exists():
                shutil.rmtree(folder)
            made.replace(folder)
    except OSError as error:
        raise UserError(f"{folder} could not be written: {error}") from error


def _write_batch(deployment: Deployment, dataset, indices: np.ndarray, folder: Path) -> None:
    read = dataset.pixels if deployment.pixels else dataset.batch
    for i, image in zip(indices, read(indices), strict=True):
        name = f"{dataset.name}_bs1_{i:05d}.bin"
        image.tofile(folder / IMAGES / name)
        dataset.labels[i].astype(np.int32).tofile(folder / LABELS / name)
