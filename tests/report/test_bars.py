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

import numpy as np
import pytest

from src.report import bars
from src.report.load import Layer
from src.report.stats import ClassRow, LayerWidths


def layer(name):
    return Layer(name, "conv", "dynamic", [3, 4], [3, 4], 1, 1, 0, "")


def test_segments_have_the_widths_of_the_shares():
    shares = np.array([0.95, 0.05])
    drawn = bars.width_histogram([layer("a")], [LayerWidths([3, 4], shares, shares, 3.05, 3.05)])
    assert re.findall(r"width:([\d.]+)%", drawn) == ["95.000", "5.000"]
    assert ">95\u00a0%<" in drawn
    assert ">5\u00a0%<" not in drawn  # too narrow for its label
    assert ">3.05<" in drawn
    assert "3 bits" in drawn and "4 bits" in drawn


def test_untied_layers_have_two_bars():
    row = LayerWidths([3, 4], np.array([1.0, 0.0]), np.array([0.5, 0.5]), 3.0, 3.5)
    drawn = bars.width_histogram([layer("a")], [row])
    assert drawn.count('class="stack"') == 2
    assert "3.00<br>3.50" in drawn


def rows(n, dynamic=True):
    return [
        ClassRow(i, f"name{i}", 50, i / n, 3 + 2 * i / (n - 1) if dynamic else None)
        for i in range(n)
    ]


def test_few_classes_are_all_listed_by_width():
    drawn = bars.class_bars(rows(3))
    assert re.findall(r">(name\d)<", drawn) == ["name2", "name1", "name0"]
    assert re.findall(r"left:([\d.]+)%;width:([\d.]+)%", drawn) == [
        ("50.00", "50.00"),
        ("50.00", "0.00"),
        ("0.00", "50.00"),
    ]
    assert "against 4.00 bits" in drawn


def test_a_thousand_classes_are_four_short_lists():
    drawn = bars.class_bars(rows(1000))
    names = re.findall(r">(name\d+)<", drawn)
    assert len(names) == 40
    assert names[:2] == ["name999", "name998"]  # most bits
    assert names[10:12] == ["name0", "name1"]  # fewest bits
    assert names[20:22] == ["name0", "name1"]  # least accurate
    assert names[30:32] == ["name999", "name998"]  # most accurate


@pytest.mark.parametrize(("n", "listed"), [(3, 3), (1000, 20)])
def test_static_nets_have_accuracy_only(n, listed):
    drawn = bars.class_bars(rows(n, dynamic=False))
    assert len(re.findall(r">(name\d+)<", drawn)) == listed
    assert "bits" not in drawn


def test_equal_widths_draw_no_bar():
    # 3.8235... summed over different counts differs in the last digit; that is no difference.
    same = [ClassRow(0, "a", 1, 1.0, 3.0), ClassRow(1, "b", 1, 1.0, 3.0 + 4e-16)]
    assert set(re.findall(r"left:[\d.]+%;width:([\d.]+)%", bars.class_bars(same))) == {"0.00"}
