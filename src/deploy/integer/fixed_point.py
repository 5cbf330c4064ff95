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
"""Real constants as integers: a table of multipliers and biases that share one binary point."""

import numpy as np

from src.errors import UserError

MULTIPLIER_BITS = 30  # multipliers stay below 2^30: with them a product of two keeps within 63 bits
LARGEST_SHIFT = 60
LARGEST_BIAS = 60  # biases stay below 2^60


def fixed_point(
    multiplier: np.ndarray, bias: np.ndarray | float = 0.0, most: int = MULTIPLIER_BITS
):
    """(int32 multipliers, int64 biases, shift), each real value times 2^shift, rounded.

    The shift is the largest that keeps multipliers below 2^most and biases below 2^60, so that the
    largest multiplier of a layer carries `most` bits.

    Raises:
        UserError: not finite, or too large for any shift of 1 or more.
    """
    multiplier, bias = np.asarray(multiplier, np.float64), np.asarray(bias, np.float64)
    if not (np.isfinite(multiplier).all() and np.isfinite(bias).all()):
        raise UserError("a scale or a bias of the network is not finite; it cannot be exported")
    room = [LARGEST_SHIFT]
    for values, bits in ((multiplier, most), (bias, LARGEST_BIAS)):
        largest = float(np.abs(values).max())
        if largest > 0:
            shift = bits - 1 - int(np.floor(np.log2(largest)))
            rounds_up = round_half_up(largest * 2.0**shift) >= 2.0**bits
            room.append(shift - int(rounds_up))
    shift = min(room)
    if shift < 1:
        raise UserError(f"a constant of the network is too large for integers (shift {shift})")
    return (
        round_half_up(multiplier * 2.0**shift).astype(np.int32),
        round_half_up(bias * 2.0**shift).astype(np.int64),
        shift,
    )


def fixed_weights(weight: np.ndarray) -> tuple[np.ndarray, int]:
    """(int32 weights, shift): real weights times 2^shift such that every output channel's weights
    sum to less than 2^31, so that a sum of int32 inputs stays in int64."""
    weight = np.asarray(weight, np.float64)
    if not np.isfinite(weight).all():
        raise UserError("a weight of the network is not finite; it cannot be exported")
    largest = float(np.abs(weight).reshape(len(weight), -1).sum(1).max())
    room = LARGEST_SHIFT if largest == 0 else int(np.floor(np.log2(2**30 / largest)))
    shift = min(LARGEST_SHIFT, room)
    if shift < 0:
        raise UserError(f"weights that sum to {largest:.3g} are too large for integers")
    return round_half_up(weight * 2.0**shift).astype(np.int32), shift


def round_half_up(v: np.ndarray) -> np.ndarray:
    """The project's rounding rule (quantizers/rounding.py), for NumPy; keeps the type."""
    return np.floor(v + 0.5)
