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
"""scikit-learn's digits: 1797 grey images of handwritten digits, in the wheel, nothing to fetch.

Source: E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI (test part).
Our choices: 8x8 enlarged to 32x32 (bilinear), three equal channels, every fifth sample of a class
is test (355 images, 1442 for training), shifts of up to 2 pixels in training, no flips.
"""

import cv2
import numpy as np

from src.data.augment import ShiftAndFlip
from src.data.dataset import ArrayDataset, Facts, Request, square_size
from src.errors import UserError

CLASSES = tuple("0123456789")
MEAN = (0.3053,) * 3  # of the training part at 32x32; a test holds both
STD = (0.3237,) * 3
REACH = 2


def read(request: Request) -> ArrayDataset:
    """Labels 0..9; `path` is not used."""
    size = square_size(request, own=32, smallest=8, largest=256)
    request.refuse_pictures_keys()
    # Imported here: nothing else needs scikit-learn, and its import takes longer than the data.
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise UserError(f"digits come with scikit-learn: {error}; pip install scikit-learn") from error

    bunch = load_digits()
    labels = bunch.target.astype(np.int32)
    keep = np.flatnonzero(is_test(labels) == (request.part == "test"))
    facts = Facts.of(request, "digits", CLASSES, MEAN, STD)
    augment = ShiftAndFlip.asked(request, size, REACH, flips=False)
    return ArrayDataset(facts, enlarge(bunch.images[keep], size), labels[keep], augment, augment.draws)


def is_test(labels: np.ndarray) -> np.ndarray:
    """bool [N]: every fifth sample of each class, counted in the order of the set."""
    chosen = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        chosen[np.flatnonzero(labels == label)[4::5]] = True
    return chosen


def enlarge(images: np.ndarray, size: int) -> np.ndarray:
    """Values 0..16 float [N,8,8] -> uint8 [N,3,size,size].

    INTER_LINEAR_EXACT is OpenCV's bilinear resize with the same integers on every machine.
    """
    pixels = np.floor(images * (255.0 / 16.0) + 0.5).astype(np.uint8)
    exact = cv2.INTER_LINEAR_EXACT
    large = np.stack([cv2.resize(one, (size, size), interpolation=exact) for one in pixels])
    return np.repeat(large[:, None], 3, axis=1)
