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
"""The exported functions on NumPy arrays, without MindSpore: for tests and measurements."""

import ctypes
from collections.abc import Callable, Sequence

import numpy as np

from src import kernels
from src.kernels.errors import KernelError, describe


def bind(function: str, arrays: Sequence[np.ndarray]) -> Callable[[], None]:
    """`function` (such as "dq_conv2d") ready to be called on `arrays`: inputs, then outputs.

    Arrays are used in place and must be C-contiguous. The call raises KernelError.
    """
    for array in arrays:
        if not array.flags.c_contiguous:
            raise ValueError(f"{function}: every array must be C-contiguous")
    count = len(arrays)
    data = (ctypes.c_void_p * count)(*[a.ctypes.data for a in arrays])
    ndims = (ctypes.c_int * count)(*[a.ndim for a in arrays])
    kept = [(ctypes.c_int64 * max(a.ndim, 1))(*(a.shape or (1,))) for a in arrays]
    pointer = ctypes.POINTER(ctypes.c_int64)
    shapes = (pointer * count)(*[ctypes.cast(s, pointer) for s in kept])
    dtypes = (ctypes.c_char_p * count)(*[str(a.dtype).encode() for a in arrays])
    target = getattr(kernels.handle(), function)

    def run(_keep_alive=(arrays, kept)) -> None:
        code = target(count, data, ndims, shapes, dtypes, None, None)
        if code:
            raise KernelError(describe(function, code))

    return run


def call(function: str, inputs: Sequence[np.ndarray], shapes: Sequence[tuple]) -> list[np.ndarray]:
    """Run `function` on inputs; returns new float32 outputs of the given shapes."""
    outputs = [np.full(shape, np.nan, np.float32) for shape in shapes]
    bind(function, [*inputs, *outputs])()
    return outputs


def geometry(
    stride: int, padding: int, groups: int = 1, short_gradients: bool = False
) -> np.ndarray:
    """The geometry tensor of the convolutions."""
    return np.array([stride, padding, groups, short_gradients], np.int32)


def set_isa(name: str) -> bool:
    """Switch the instruction set; False where this machine lacks it."""
    return kernels.handle().dq_set_isa(name.encode()) == 0
