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
"""The picture of the records: which rows it draws, where, and that it stands alone."""

import re
import xml.etree.ElementTree

import pytest

from src.report.overview import accuracy_picture


def row(record: str, top1: float, bitops: float, controller: float | None = None, **other) -> dict:
    plans = None if controller is None else 3
    return {
        "record": record, "model": "resnet20", "data": "cifar10", "top1": top1, "bitops": bitops,
        "bitops_controller": controller, "plans": plans, "float_top1": 0.92, **other,
    }  # fmt: skip


NET = "resnet20_cifar10"
ROWS = [
    row(f"{NET}_lsq_2bit", 0.88, 100e6),
    row(f"{NET}_lsq_4bit", 0.91, 400e6),
    row(f"{NET}_dqnet_4bit", 0.90, 380e6, 20e6),
]


def points(picture: str) -> list[tuple[str, float, float]]:
    """(class, x, y) of each dot that stands for a record; those of the legend are at the top."""
    found = re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)" r="4" class="point (\w+)"', picture)
    return [(role, float(x), float(y)) for x, y, role in found if float(y) != 7]


def test_a_dot_per_record_where_its_numbers_are():
    picture = accuracy_picture(ROWS)
    (low, x2, y2), (high, x4, y4), (dynamic, xd, yd) = points(picture)
    assert (low, high, dynamic) == ("two", "two", "one")
    assert xd == x4 > x2  # 380 and the controller's 20
    assert y4 < yd < y2
    assert (yd - y4) / (y2 - y4) == pytest.approx(1 / 3, abs=0.01)
    assert all(text in picture for text in ("lsq 2bit 88.00", "dqnet 4bit 90.00", "float 92.00"))


def test_variations_floats_and_other_networks_are_left_out():
    others = [
        row(f"{NET}_lsq_4bit_avx512", 0.95, 410e6),
        row(f"{NET}_float", 0.93, 0.0),
        row("resnet8_digits_dqnet_4bit", 0.99, 1e6, 1e5, model="resnet8", data="digits"),
    ]
    assert accuracy_picture([*others, *ROWS]) == accuracy_picture(ROWS)


@pytest.mark.parametrize("rows", [[], ROWS[:1], [ROWS[0], row("x_y_lsq_2bit", 0.5, 1e6, model="x", data="y")]])
def test_fewer_than_two_of_one_network_make_no_picture(rows):
    assert accuracy_picture(rows) == ""


def test_the_file_is_an_svg_of_its_own():
    root = xml.etree.ElementTree.fromstring(accuracy_picture(ROWS))
    assert root.tag == "{http://www.w3.org/2000/svg}svg" and root.attrib["aria-label"]
