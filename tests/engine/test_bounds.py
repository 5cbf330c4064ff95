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
"""What an image is said to take, by hand: multiplications, memory, packed weights."""

import pytest

from src.engine.bounds import memory, packed, work
from src.engine.operations import MaxPool, Pool
from src.engine.program import Program
from tests.engine.builder import Builder


@pytest.fixture
def built() -> Builder:
    """An image of 5 x 4 pixels, its codes, a convolution of its 3 channels to 4 with a border of zeros."""
    b = Builder()
    b.conv(b.quantise(b.image(5, 4)), 4, 3, 1, 1)
    return b


SHAPES = [(3, 5, 4), (3, 5, 4), (4, 5, 4)]
PADDED = 4 * 7 * 6  # codes lie in pairs of channels, so that 3 take as much as 4
CODES = 3 * (7 + 2) * 6 + 128  # bytes, with what lies behind them and may be read


def test_work(built):
    conv = built.operations[2]
    assert work(conv, SHAPES[2], SHAPES[1:2]) == 4 * 20 * 3 * 9 + PADDED
    assert work(built.operations[1], SHAPES[1], SHAPES[:1]) == 60
    assert work(MaxPool(2, 3, 2, 1), (4, 3, 2), SHAPES[2:]) == 24 * 9
    assert work(Pool(2, 1), (4, 1, 1), SHAPES[2:]) == 4 + 80


def test_memory_is_what_is_held_at_once_and_the_copy_beside_it(built):
    """The codes, as int32 and as bytes, and the sums; the image is no longer needed then."""
    assert memory(Program(built.operations), SHAPES) == (4 * (60 + 80) + CODES + 2 * PADDED, 2)


def test_codes_are_held_from_what_they_are_made_of_to_their_convolution():
    """The first convolution does the sum and the second one's quantiser, too; a large register is between."""
    b = Builder()
    x = b.image(5, 4)
    y = b.conv(b.quantise(x), 3, 1, 1, 0)
    q = b.quantise(b.add(y, x))
    large = b.wide(x, 40, 1, 1, 0)
    aside = b.wide(b.pool(large, 1), 3, 1, 1, 0)
    b.add(aside, b.pool(b.conv(q, 3, 3, 1, 1), 1))
    held = 60 + 60 + 800  # the image, the second one's codes as int32, and what is between
    assert memory(Program(b.operations), b.shapes) == (4 * held + CODES + 2 * PADDED, large)


def test_what_passes_have_in_common_is_held_to_their_end():
    """Features; the largest register is behind the convolution that reads them."""

    def most(widths: tuple[int, ...]) -> int:
        b = Builder()
        x = b.wide(b.image(8), 8, 1, 1, 0)
        slot = -1
        if len(widths) > 1:
            b.controller(x, 1, widths=widths)
            slot = 0
        y = b.conv(b.quantise(x, widths, slot=slot), 2, w_bits=widths, a_bits=widths, slot=slot)
        b.wide(y, 64, 1, 1, 0)
        return memory(Program(b.operations), b.shapes)[0]

    assert most((2, 4)) - most((4,)) == 4 * 8 * 64


def test_weights_are_packed_for_each_pair_of_widths_in_lanes_of_16_channels(built):
    """At most as Winograd's 36 positions of words of 8 bytes; sums of them, their range, two int64 a row."""
    weights = 36 * (8 + 4)
    assert packed(built.operations[2], rows=1) == 16 * (weights + 2 * 16 + 4 + 8)
    assert packed(built.operations[2], rows=3) == 16 * (weights + 4 * 16 + 3 * (4 + 8))
    assert packed(built.operations[1], rows=1) == 0


@pytest.mark.parametrize(("columns", "pairs"), [(1, 3), (2, 9)])
def test_widths_that_are_chosen_apart_make_more_pairs(columns, pairs):
    b = Builder()
    x = b.wide(b.image(6), 4)
    b.controller(x, 1, columns, widths=(2, 4, 8))
    conv = b.operations[b.dynamic(x, 20, 1, 1, 0, master=8)]
    stored = 4 * conv.arrays["multiplier"][0, :, :, 0].size + 8 * conv.arrays["bias"][0, :, :, 0].size
    assert packed(conv, rows=1) == 32 * (pairs * ((8 + 4) + 2 * 16) + stored)
