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

from pathlib import Path

import numpy as np

from src.deploy.folders import written_whole
from src.deploy.harness.deployment import Deployment

IMAGES, LABELS = "img_data", "label"
BATCH = 250


def write_bins(deployment: Deployment, dataset, count: int, folder: Path) -> None:
    """Write the first `count` samples: img_data/NAME_bs1_00000.bin and label/NAME_bs1_00000.bin.

    An image is (3, S, S), float32 or uint8 as the deployment takes it; a label is one int32. An
    older folder of the same kind is replaced.

    Raises:
        UserError: the folder holds something else, or cannot be written.
    """
    with written_whole(
        folder, lambda path: {p.name for p in path.iterdir()} <= {IMAGES, LABELS}
    ) as made:
        (made / IMAGES).mkdir()
        (made / LABELS).mkdir()
        for start in range(0, count, BATCH):
            _write_batch(deployment, dataset, np.arange(start, min(start + BATCH, count)), made)


def _write_batch(deployment: Deployment, dataset, indices: np.ndarray, folder: Path) -> None:
    read = dataset.pixels if deployment.pixels else dataset.batch
    for i, image in zip(indices, read(indices), strict=True):
        name = f"{dataset.name}_bs1_{i:05d}.bin"
        # Not tofile, which says nothing when a disk is too full for a small file.
        (folder / IMAGES / name).write_bytes(image.tobytes())
        (folder / LABELS / name).write_bytes(dataset.labels[i].astype(np.int32).tobytes())
