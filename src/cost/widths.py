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
"""What is said of the plans of many images without a price: mean width, shares, collapse.

A plan is given by its widths: w_bits and a_bits, integers (N, layers), the bits of weights and inputs
of each dynamic layer. All numbers are quotients of exact integer sums, so that training, engines
and report print the same digits.
"""

import numpy as np

COLLAPSE_SHARE = 0.99  # a controller that gives this share of the images one plan has collapsed


def mean_bits(w_bits: np.ndarray, a_bits: np.ndarray, axis: int | None = None) -> np.ndarray:
    """Mean over the layers, weights and inputs alike, float64: of all images, or with axis=1 (N,)."""
    total = np.sum(w_bits, axis, dtype=np.int64) + np.sum(a_bits, axis, dtype=np.int64)
    return total / (2 * (w_bits.size if axis is None else w_bits.shape[axis]))


def width_shares(bits: np.ndarray) -> dict[int, float]:
    """Width -> its share (0..1) of all widths in an array of any shape, rising."""
    found, counts = np.unique(bits, return_counts=True)
    return {int(b): float(n / bits.size) for b, n in zip(found, counts, strict=True)}


def plan_use(w_bits: np.ndarray, a_bits: np.ndarray) -> tuple[int, float]:
    """(Number of different plans, share (0..1) of the images that have the most frequent one)."""
    _, counts = np.unique(np.concatenate([w_bits, a_bits], 1), axis=0, return_counts=True)
    return len(counts), float(counts.max() / counts.sum())


def is_collapsed(w_bits: np.ndarray, a_bits: np.ndarray) -> bool:
    """True if (nearly) every image has the same plan; a network without dynamic layers has none."""
    return w_bits.shape[1] > 0 and plan_use(w_bits, a_bits)[1] >= COLLAPSE_SHARE
