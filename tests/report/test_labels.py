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
import numpy as np
import pytest

from src.report.labels import Box, Name, place

SHEET = Box(0, 0, 400, 300)


def overlap(a: Box, b: Box) -> bool:
    across = min(a.right, b.right) - max(a.left, b.left)
    return across > 0 and min(a.bottom, b.bottom) - max(a.top, b.top) > 0


def test_a_name_stands_at_the_right_of_its_dot():
    (found,) = place([Name("4 bit", "static", [(100, 100)])], [], [], SHEET, 12)
    assert (found.x, found.text_anchor, found.lead) == (107, "start", None)
    assert found.box.top < 100 < found.box.bottom


def test_a_name_goes_left_where_the_sheet_ends():
    (found,) = place([Name("a long name", "static", [(390, 100)])], [], [], SHEET, 12)
    assert found.text_anchor == "end" and found.box.inside(SHEET)


def test_a_line_is_avoided():
    (found,) = place([Name("4 bit", "static", [(100, 100)])], [], [((100, 100), (300, 100))], SHEET, 12)
    assert not found.box.top < 100 < found.box.bottom or found.box.right < 100


@pytest.mark.parametrize("seed", range(5))
def test_names_of_a_crowd_cover_no_name_and_no_dot(seed):
    rng = np.random.default_rng(seed)
    centres = rng.uniform((60, 40), (340, 260), (14, 2))
    dots = [Box(x - 4, y - 4, x + 4, y + 4) for x, y in centres]
    names = [Name(f"system {n}", "static", [tuple(at)]) for n, at in enumerate(centres)]
    found = place(names, dots, [], SHEET, 12)
    for n, spot in enumerate(found):
        assert spot.box.inside(SHEET)
        assert not any(overlap(spot.box, other) for other in (*dots, *(one.box for one in found[:n])))


def test_of_several_anchors_the_free_one_is_taken():
    walls = [Box(60, 60, 140, 140)]
    (found,) = place([Name("here", "static", [(100, 100), (300, 200)])], walls, [], SHEET, 12)
    assert found.anchor == (300, 200)
