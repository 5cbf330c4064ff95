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
"""A dense layer with levels in three forms, ready to be called (csrc/conv/level_dense.h)."""

from collections.abc import Callable

import numpy as np

from src import kernels
from src.kernels.errors import KernelError, describe

PRODUCTS, LOOK_UP, SUMS = "products", "look-up", "sums"
FORMS = (PRODUCTS, LOOK_UP, SUMS)  # by their numbers in C++
BLOCK, PART = 256, 64  # inputs


def stored(form: str, indices: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """The weights as a form wants them, uint8 (outputs, bytes).

    Args:
        indices: uint8 (outputs, inputs), of `levels`; inputs are a multiple of BLOCK.
        levels: int8 (2^bits,), bits 2..4.
    """
    outputs, bits = len(indices), len(levels).bit_length() - 1
    if form == PRODUCTS:
        return levels[indices].view(np.uint8)
    parts = indices.reshape(outputs, -1, PART)
    if form == SUMS:
        planes = parts[:, :, None] >> np.arange(bits, dtype=np.uint8)[:, None] & 1
        return np.packbits(planes, axis=-1, bitorder="little").reshape(outputs, -1)
    each = 4 if bits == 2 else 2
    shifts = np.arange(0, 8, 8 // each, dtype=np.uint8)[:, None]
    packed = (parts.reshape(outputs, -1, each, PART) << shifts).sum(2, dtype=np.uint8)
    return packed.reshape(outputs, -1)


def call(form: str, x: np.ndarray, indices: np.ndarray, levels: np.ndarray) -> Callable[[], np.ndarray]:
    """Runs a form; returns y int32 (pixels, outputs), which further calls overwrite.

    Args:
        x: uint8 (pixels, inputs).
        indices, levels: as of `stored`.
    """
    x, levels = np.ascontiguousarray(x), np.ascontiguousarray(levels, np.int8)
    weight = np.ascontiguousarray(stored(form, indices, levels))
    y = np.empty((len(x), len(indices)), np.int32)
    bits = len(levels).bit_length() - 1
    sizes = FORMS.index(form), bits, len(x), x.shape[1], len(indices)
    function = kernels.handle().dq_level_dense
    addresses = [np.ctypeslib.as_ctypes(array.reshape(-1)) for array in (x, weight, levels, y)]

    def run(_keep_alive=(x, weight, levels)) -> np.ndarray:
        if code := function(*sizes, *addresses):
            raise KernelError(describe("dq_level_dense", code))
        return y

    return run
