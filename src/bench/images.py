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
"""Images that inference is timed on: pixels for an integer program, the same as real values for others."""

import numpy as np

SEED = 1
PIXEL_VALUES = np.tile(np.linspace(-2, 2, 256, dtype=np.float32), (3, 1))  # as after normalisation


def random_pixels(images: int, size: int) -> np.ndarray:
    """uint8 (images, 3, size, size), the same for everybody."""
    rng = np.random.default_rng(SEED)
    return rng.integers(0, 256, (images, 3, size, size), np.uint8)


def as_real(pixels: np.ndarray) -> np.ndarray:
    """Pixels after normalisation, float32 of the same shape."""
    return PIXEL_VALUES[0][pixels]
