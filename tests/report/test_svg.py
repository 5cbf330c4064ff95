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
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from src.report import svg
from src.report.axes import CARD


def test_a_line_breaks_at_gaps():
    values = np.array([1.0, 2.0, np.nan, 4.0, 5.0])
    chart = svg.line_chart("x", [svg.Series("a", values, "one")], [], "epoch")
    (path,) = re.findall(r'd="([^"]+)"', chart)
    assert path.count("M") == 2
    assert path.count("L") == 2
    assert chart.count("<circle") == 4


def test_stage_marks_stand_between_the_epochs():
    series = [svg.Series("a", np.arange(10.0), "one")]
    chart = svg.line_chart("x", series, [(1, "float"), (6, "dqnet")], "epoch")
    (x,) = re.findall(r'x1="([\d.]+)"[^>]*class="stage"', chart)
    expected = CARD.left + (5.5 - 1) / 9 * (CARD.width - CARD.right - CARD.left)
    assert float(x) == pytest.approx(expected, abs=0.01)
    assert ">float<" in chart
    assert ">dqnet<" in chart


def test_a_stage_name_without_room_is_left_out():
    series = [svg.Series("a", np.arange(200.0), "one")]
    chart = svg.line_chart("x", series, [(1, "warm-up"), (2, "dqnet")], "epoch")
    assert "warm-up" not in chart


def test_bins_hold_equally_many_lattice_points():
    # 3, 3 + 1/17, ..., 5 once each: every bin but the last must hold the same number of them.
    values = 3 + np.arange(35) / 17
    counts = np.histogram(values, svg.bin_edges(values, 28))[0]
    assert set(counts[:-1]) == {2}
    assert counts.sum() == 35


def test_bins_of_values_off_a_lattice():
    values = np.sort(np.random.default_rng(1).normal(size=500))
    edges = svg.bin_edges(values, 28)
    assert len(edges) == 29
    assert edges[0] == values[0]
    assert edges[-1] == values[-1]


@pytest.mark.parametrize("values", [[2.0, 4.0], [2.0, 3.0, 4.0], [1e8, 3e8]])
def test_a_few_values_are_slim_bars_in_their_places(values):
    edges = svg.bin_edges(np.array(values), 28)
    width = edges[1] - edges[0]
    assert len(edges) <= 29 and width < (values[1] - values[0]) / 5
    counts, _ = np.histogram(values, edges)
    centres = (edges[:-1] + edges[1:]) / 2
    np.testing.assert_allclose(centres[counts > 0], values)


def test_names_of_lines_cover_neither_each_other_nor_a_line():
    values = np.linspace(0, 10, 50)
    chart = svg.histogram("x", values, values > 1, [(4.0, "static 3-bit"), (4.6, "static 4-bit"), (9, "c")], "bits")
    assert chart.count('class="line target"') == 3
    shown = re.findall(r'x="([\d.]+)"[^>]*text-anchor="(\w+)" class="title">(static \d-bit)<', chart)
    assert {name for *_, name in shown} == {"static 3-bit", "static 4-bit"}
    (a, left, _), (b, right, _) = shown
    assert (left, right) == ("end", "start") and float(a) < float(b)


def test_histogram_counts_right_and_wrong():
    values = np.array([3.0, 3.0, 4.0, 5.0])
    split = np.array([True, False, True, True])
    chart = svg.histogram("x", values, split, [(4.0, "budget"), (9.0, "outside")], "bits")
    tips = set(re.findall(r"<title>(.*?): (\d+) right, (\d+) wrong", chart))
    assert sorted(tip[1:] for tip in tips) == [("1", "0"), ("1", "0"), ("1", "1")]
    assert chart.count('class="fill one"') == 3
    assert chart.count('class="fill two"') == 1
    assert "budget" in chart
    assert "outside" not in chart


def test_charts_are_well_formed():
    points = [svg.Point(1.0, 2.0, "a < b"), svg.Point(3.0, 2.0, "&", "two", 7)]
    ElementTree.fromstring(svg.scatter("x", points, "bits"))
    values = np.array([1.0, 2.0, 2.5])
    ElementTree.fromstring(svg.histogram("x", values, values > 1, [], "bits"))
