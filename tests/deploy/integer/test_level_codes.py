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
"""Thresholds between learned levels, and which levels a program needs."""

import numpy as np
import pytest

from src.deploy.integer.level_codes import nearest_level, thresholds, with_needed_levels
from src.deploy.integer.writer import Place, Writer
from src.engine.operations import Bucketise, Input
from src.engine.oracle import Oracle
from src.engine.program import Program
from src.errors import UserError
from src.quantizers.integer_form import IntegerInputs, IntegerWeights

LEVELS = np.array([-100, -7, -2, 0, 5, 6, 90, 127], np.int16)


def inputs(levels: np.ndarray, bits: int, signed: bool, scale: float = 0.25) -> IntegerInputs:
    return IntegerInputs([1 / scale], [scale], (bits,), signed, levels=[levels])


@pytest.mark.parametrize("scale, unit", [(0.25, 2.0**12), (0.037, 2.0**15)])
def test_a_threshold_is_the_least_value_of_its_level(scale, unit):
    first = thresholds(LEVELS, scale, unit)
    assert first[0] == -(2**31) and first.dtype == np.int32
    for i, value in enumerate(first[1:].astype(np.int64), 1):
        below, here = (abs(np.float64(v) / unit / scale - LEVELS) for v in (value - 1, value))
        assert below[i - 1] < below[i] and here[i] <= here[i - 1]


def test_thresholds_beyond_int32_stop_at_its_ends():
    assert thresholds(LEVELS, 2.0, 2.0**26)[[1, -1]].tolist() == [-(2**31), 2**31 - 1]


@pytest.mark.parametrize("signed, bits", [(True, 3), (False, 8), (True, 8)])
def test_levels_that_are_all_codes_are_not_needed(signed, bits):
    low = -(2 ** (bits - 1)) if signed else 0
    levels = np.arange(low, low + 2**bits).astype(np.int16)
    form = with_needed_levels(inputs(levels, bits, signed), signed, "conv")
    assert form.levels is None and form.stored_bits == (bits,)
    levels[-1:] += 1
    assert with_needed_levels(inputs(levels, bits, signed), signed, "conv").levels is not None
    plain = IntegerInputs([4.0], [0.25], (bits,), signed)
    assert with_needed_levels(plain, signed, "conv") is plain


def test_levels_at_several_widths_are_refused():
    weights = IntegerWeights([np.zeros((1, 1, 1, 1), np.int8)] * 2, [np.ones(1)] * 2, (2, 3),
                             levels=[np.arange(4, dtype=np.int8)] * 2)  # fmt: skip
    with pytest.raises(UserError, match="layer conv: learned levels at 2 widths; .* of one width"):
        with_needed_levels(weights, True, "conv")


def test_pixels_and_registers_become_the_nearest_levels():
    """The same values as pixels and as a wide register."""
    writer, values = Writer(16), np.tile(np.linspace(-40, 40, 256, dtype=np.float32), (3, 1))
    form = inputs(LEVELS, 3, True)
    writer.image(values, 4, form)
    wide = writer.image(values, 4, None)
    writer.quantise(form, wide, "conv", Place(1, 0, 1))
    assert [type(op) for op in writer.operations] == [Input, Input, Bucketise]
    assert writer.operations[0].bits == 8
    table = writer.operations[0].arrays["table"]
    distance = np.abs(values[..., None] / 0.25 - LEVELS[::-1])
    np.testing.assert_array_equal(table, LEVELS[::-1][distance.argmin(-1)])
    np.testing.assert_array_equal(table, nearest_level(values * np.float32(4), LEVELS))
    image = np.random.default_rng(0).integers(0, 256, (3, 4, 4), dtype=np.uint8)
    codes = Oracle(Program(writer.operations)).trace(image)[2]
    np.testing.assert_array_equal(codes, table[np.arange(3)[:, None, None], image])
