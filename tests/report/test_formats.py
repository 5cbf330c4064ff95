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
import pytest

from src.report import formats

NBSP = "\u00a0"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (40_813_184, f"40.8{NBSP}M"),
        (672_000_000.4, f"672{NBSP}M"),
        (2.718e9, f"2.72{NBSP}G"),
        (432, "432"),
        (0, "0"),
        (12.5, "12.5"),
        (None, formats.DASH),
        (float("nan"), formats.DASH),
        ("many", formats.DASH),
        (True, formats.DASH),
    ],
)
def test_big(value, text):
    assert formats.big(value) == text


def test_percent_and_ratio():
    assert formats.percent(0.9173) == f"91.73{NBSP}%"
    assert formats.ratio(672.0, 679.5) == f"0.989{NBSP}×"
    assert formats.ratio(672.0, 0) == formats.DASH
    assert formats.ratio(None, 4.0) == formats.DASH


def test_signed_has_a_true_minus():
    assert formats.signed(-0.081) == "\u22120.08"
    assert formats.signed(4.3349, 1) == "+4.3"
    assert formats.signed(None) == formats.DASH


def test_change_says_which_way():
    assert formats.change(90.0, 100.0) == f"10.0{NBSP}% fewer"
    assert formats.change(125.0, 100.0) == f"25.0{NBSP}% more"
    assert formats.change(100.0, 100.0) == "the same"
    assert formats.change(1.0, None) == ""


def test_duration_picks_the_unit():
    assert formats.duration(59.94) == f"59.9{NBSP}s"
    assert formats.duration(1245) == f"20.8{NBSP}min"
    assert formats.duration(9000) == f"2.5{NBSP}h"


def test_widths():
    assert formats.widths([3, 4, 5]) == "3, 4, 5"
    assert formats.widths(4) == "4"
    assert formats.widths(None) == formats.DASH
    assert formats.widths([]) == formats.DASH
