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


def test_work(built):
    conv = built.operations[2]
    assert work(conv, SHAPES[2], SHAPES[1:2]) == 4 * 20 * 3 * 9 + PADDED
    assert work(built.operations[1], SHAPES[1], SHAPES[:1]) == 60
    assert work(MaxPool(2, 3, 2, 1), (4, 3, 2), SHAPES[2:]) == 24 * 9
    assert work(Pool(2, 1), (4, 1, 1), SHAPES[2:]) == 4 + 80


def test_memory_is_what_is_held_at_once_and_the_copy_beside_it(built):
    """The codes and the sums; the image is no longer needed then."""
    assert memory(Program(built.operations), SHAPES) == (4 * (60 + 80) + 2 * PADDED, 2)


def test_packed_weights_lie_in_lanes_of_16_and_pairs_of_channels(built):
    assert packed(built.operations[2], rows=1) == 16 * (9 * 2 * 4 + 4 + 8)
    assert packed(built.operations[2], rows=3) == 16 * (9 * 2 * 4 + 3 * (4 + 8))
    assert packed(built.operations[1], rows=1) == 0
