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
"""Learned levels as integers: which of them a program needs, and the thresholds between them."""

from dataclasses import replace

import numpy as np

from src.engine.integers import INT32, limits
from src.errors import UserError
from src.quantizers.integer_form import IntegerInputs, IntegerWeights


def with_needed_levels(
    form: IntegerWeights | IntegerInputs, signed: bool, name: str
) -> IntegerWeights | IntegerInputs:
    """The form, without its levels where they are all codes of its width.

    Raises:
        UserError: levels at several widths, which no integer program holds.
    """
    if form.levels is None:
        return form
    if len(form.levels) > 1:
        raise UserError(
            f"layer {name}: learned levels at {len(form.levels)} widths; an integer program holds those of one "
            "width, of static layers"
        )
    low, high = limits(form.bits[0], signed)
    is_whole = np.array_equal(form.levels[0], np.arange(low, high + 1))
    return replace(form, levels=None) if is_whole else form


def thresholds(levels: np.ndarray, scale: float, unit: float) -> np.ndarray:
    """int32 (L,): the least value of a wide register that each level stands for; at a midpoint it is the
    upper one.

    Args:
        levels: (L,), rising integers.
        scale: real units per level.
        unit: wide values per real unit.
    """
    middles = (levels[1:].astype(np.float64) + levels[:-1]) / 2 * scale * unit
    whole = np.clip(np.ceil(middles), INT32.min, INT32.max)
    return np.concatenate([[INT32.min], whole]).astype(np.int32)


def nearest_level(scaled: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """The level nearest to each value, at a midpoint the upper one; both in units of the levels."""
    middles = (levels[1:].astype(np.float32) + levels[:-1]) / 2
    return levels[np.searchsorted(middles, scaled, side="right")]
