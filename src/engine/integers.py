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
"""The integer operations that the oracle is made of, on int64 arrays. Short and slow on purpose."""

import numpy as np

INT32 = np.iinfo(np.int32)


def round_shift(v: np.ndarray, shift: int) -> np.ndarray:
    """floor(v / 2^shift + 0.5), as integers; shift 0 changes nothing."""
    return (v + (1 << shift >> 1)) >> shift


def saturate(v: np.ndarray) -> np.ndarray:
    """What int32 can hold of it."""
    return np.clip(v, INT32.min, INT32.max)


def limits(bits: int, signed: bool) -> tuple[int, int]:
    """Smallest and largest code of a width."""
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)


def child(q: np.ndarray, master: int, bits: int, signed: bool) -> np.ndarray:
    """The code of a lower width: the rounded top bits of a master code (DQT, eq. 4)."""
    return np.clip(round_shift(q, master - bits), *limits(bits, signed))


def windows(x: np.ndarray, kernel: int, stride: int, padding: int, fill: int) -> np.ndarray:
    """Patches of x (C, H, W): (C, H', W', kernel, kernel)."""
    padded = np.pad(x, ((0, 0), (padding, padding), (padding, padding)), constant_values=fill)
    views = np.lib.stride_tricks.sliding_window_view(padded, (kernel, kernel), (1, 2))
    return views[:, ::stride, ::stride]


def convolve(x: np.ndarray, weight: np.ndarray, stride: int, padding: int, groups: int):
    """x (C, H, W), weight (O, C / groups, k, k) -> (O, H', W'), all int64, zeros around."""
    patches = windows(x, weight.shape[-1], stride, padding, 0)
    per_group = zip(np.split(patches, groups), np.split(weight, groups), strict=True)
    return np.concatenate([np.einsum("chwij,ocij->ohw", p, w) for p, w in per_group])


def rounded_means(x: np.ndarray, bins: int) -> np.ndarray:
    """Means of x (C, H, W) over bins x bins windows, halves up: (C, bins, bins)."""
    rows, cols = _edges(x.shape[1], bins), _edges(x.shape[2], bins)
    means = np.zeros((len(x), bins, bins), np.int64)
    for i, (top, bottom) in enumerate(rows):
        for j, (left, right) in enumerate(cols):
            count = (bottom - top) * (right - left)
            total = x[:, top:bottom, left:right].sum((1, 2))
            means[:, i, j] = (2 * total + count) // (2 * count)
    return means


def _edges(size: int, bins: int) -> list[tuple[int, int]]:
    return [(i * size // bins, -(-(i + 1) * size // bins)) for i in range(bins)]
