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
import xml.etree.ElementTree

import pytest

from src.report.overview import accuracy_pictures

NET = "resnet20_cifar10"


def row(record: str, top1: float, bitops: float, controller: float | None = None, **other) -> dict:
    return {
        "record": record, "method": "static", "system": "static", "quantizer": "lsq", "model": "resnet20",
        "data": "cifar10", "top1": top1, "bitops": bitops, "mean_bits": 4.0, "bitops_controller": controller,
        "float_top1": 0.92, "epochs": 15, "uniform": [], "ladder": [], "searched": [], "budgets": [], **other,
    }  # fmt: skip


def points(*pairs: tuple[float, float], bits=()) -> list[dict]:
    listed = enumerate(pairs, 2)
    return [{"bitops": 1e6 * cost, "top1": top1, "bits": list(bits or [at])} for at, (cost, top1) in listed]


ROWS = [
    row(f"{NET}_lsq_2bit", 0.88, 100e6, mean_bits=2.0),
    row(f"{NET}_lsq_4bit", 0.91, 400e6),
    row(f"{NET}_dqnet_4bit", 0.90, 380e6, 20e6, method="dqnet", system="dqnet"),
]
WHOLE = [
    *ROWS,
    row(f"{NET}_dorefa_4bit", 0.905, 400e6, quantizer="dorefa"),
    row(f"{NET}_dqt_248bit", 0.89, 390e6, 20e6, method="dqt", system="dqt"),
    row(f"{NET}_dqt_248bit_counterfactual", 0.895, 380e6, 20e6, method="dqt", system="dqt"),
    row(
        f"{NET}_abn_lsq_234bit", 0.909, 180e6, method="abn", system="supernet",
        uniform=points((100, 0.879), (225, 0.905), (400, 0.91)),
        searched=points((120, 0.885), (200, 0.901), (300, 0.907), bits=[3]),
        ladder=points(*((100 + 8 * n, 0.879 + 0.031 * (n / 14) ** 0.4) for n in range(15)), bits=[2, 4]),
    ),
    row(
        f"{NET}_abn_lsq_234bit_agent", 0.9, 210e6, 5e6, method="abn", system="agent",
        budgets=points((130, 0.884), (210, 0.9), (320, 0.907)),
    ),
]  # fmt: skip


def accuracy_picture(rows: list[dict]) -> str:
    """The one of the longest training."""
    return accuracy_pictures(rows)["accuracy.svg"]


def dots(picture: str, role: str) -> list[tuple[float, float]]:
    """Where the marks of a system are."""
    found = re.findall(rf'transform="translate\(([\d.]+) ([\d.]+)\)" class="mark {role}"', picture)
    return [(float(x), float(y)) for x, y in found]


def names(picture: str) -> list[tuple[str, str, float, float, str]]:
    """(text, role, x, y, anchor) of each name in the picture."""
    form = r'<text x="([\d.-]+)" y="([\d.-]+)" text-anchor="(\w+)" class="name ([^"]+)">([^<]+)<'
    return [(text, role, float(x), float(y), anchor) for x, y, anchor, role, text in re.findall(form, picture)]


def test_a_dot_per_record_where_its_numbers_are():
    picture = accuracy_picture(ROWS)
    (x2, y2), (x4, y4) = dots(picture, "static")
    ((xd, yd),) = dots(picture, "dqnet")
    assert xd == x4 > x2  # 380 and the controller's 20
    assert y4 < yd < y2
    assert (yd - y4) / (y2 - y4) == pytest.approx(1 / 3, abs=0.01)
    told = [text for text, *_ in names(picture)]
    assert sorted(told) == ["2 bit", "4 bit", "DQNet 4 bit", "static LSQ"] and "float 92.00" in picture


def test_variations_floats_and_other_networks_are_left_out():
    others = [
        row(f"{NET}_lsq_4bit_avx512", 0.95, 410e6),
        row(f"{NET}_float", 0.93, 0.0, method="float", system="float"),
        row("resnet8_digits_dqnet_4bit", 0.99, 1e6, 1e5, model="resnet8", data="digits", system="dqnet"),
    ]
    assert accuracy_picture([*others, *ROWS]) == accuracy_picture(ROWS)


def test_static_nets_of_another_recipe_are_a_line_of_their_own():
    numbers = ((2, 0.885, 1e8), (4, 0.914, 4e8))
    others = [row(f"{NET}_lsq_{bits}bit_distilled", top1, cost) for bits, top1, cost in numbers]
    picture = accuracy_picture([*ROWS, *others])
    assert picture.count('class="path static"') == 2
    assert {"static LSQ", "static LSQ distilled"} <= {text for text, *_ in names(picture)}


def test_learned_widths_are_a_line_for_each_form():
    found = [("ddq_2bit", 0.886, 1e8), ("ddq_4bit", 0.915, 4e8), ("ddq_4bit_uniform", 0.9, 4e8)]
    others = [row(f"{NET}_{n}", top1, cost, method="ddq", system="ddq") for n, top1, cost in found]
    picture = accuracy_picture([*ROWS, *others])
    assert len(dots(picture, "ddq")) == 3 and picture.count('class="path ddq"') == 1
    assert {"DDQ", "DDQ uniform"} <= {text for text, *_ in names(picture)}


def test_seeds_are_one_dot_their_mean():
    seeds = [row(f"{NET}_lsq_4bit_seed{n}", 0.91 + d, 400e6) for n, d in ((2, 0.004), (3, -0.004))]
    picture = accuracy_picture([*ROWS, *seeds])
    assert dots(picture, "static") == dots(accuracy_picture(ROWS), "static")
    assert "91.00 ± 0.40 %, mean and standard deviation of 3 seeds" in picture


def test_a_super_network_gives_curves_and_its_agent_one_by_budget():
    picture = accuracy_picture(WHOLE)
    assert [len(dots(picture, role)) for role in ("uniform", "searched", "escalation", "agent")] == [3, 3, 15, 3]
    for role in ("static", "uniform", "searched", "escalation", "agent"):
        assert picture.count(f'class="path {role}"') == 1
    told = [text for text, *_ in names(picture)]
    for name in (
        *("escalation", "best searched plans", "super-network, one width", "static DoReFa"),
        "ABN LSQ 234 bit agent",
    ):
        assert told.count(name) == 1
    assert "DQT 248 bit counterfactual" in told


def test_names_cover_neither_each_other_nor_a_dot():
    picture, boxes = accuracy_picture(WHOLE), []
    for text, role, x, y, anchor in names(picture):
        wide = (0.57 if "line" not in role else 0.61) * 13 * len(text)  # as a browser draws it, about
        left = x - wide * {"start": 0, "middle": 0.5, "end": 1}[anchor]
        boxes.append((text, left, y - 10, left + wide, y + 2))
        assert left >= 0 and left + wide <= 860, text
    for n, (text, left, top, right, bottom) in enumerate(boxes):
        for other, l2, t2, r2, b2 in boxes[:n]:
            assert min(right, r2) <= max(left, l2) or min(bottom, b2) <= max(top, t2), (text, other)
    marks = re.findall(r'translate\(([\d.]+) ([\d.]+)\)" class="mark', picture)
    for x, y in ((float(x), float(y)) for x, y in marks):
        covering = [text for text, left, top, right, bottom in boxes if left < x < right and top < y < bottom]
        assert not covering, (x, y, covering)


@pytest.mark.parametrize("rows", [[], ROWS[:1], [ROWS[0], row("x_y_lsq_2bit", 0.5, 1e6, model="x", data="y")]])
def test_fewer_than_two_of_one_network_make_no_picture(rows):
    assert accuracy_pictures(rows) == {}


def test_shorter_trainings_have_a_picture_of_their_own():
    short = [{**one, "epochs": 6, "record": f"{one['record']}_6"} for one in ROWS[:2]]
    alone = [{**ROWS[0], "epochs": 30, "record": "longest"}]
    pictures = accuracy_pictures([*short, *ROWS, *alone])
    assert set(pictures) == {"accuracy.svg", "accuracy_6_epochs.svg"}
    assert pictures["accuracy.svg"] == accuracy_picture(ROWS)
    assert len(dots(pictures["accuracy_6_epochs.svg"], "static")) == 2


@pytest.mark.parametrize("rows", [ROWS, WHOLE])
def test_the_file_is_an_svg_of_its_own_for_light_and_dark(rows):
    picture = accuracy_picture(rows)
    root = xml.etree.ElementTree.fromstring(picture)
    assert root.tag == "{http://www.w3.org/2000/svg}svg" and root.attrib["aria-label"]
    assert picture.count("prefers-color-scheme: dark") == 2 and "var(" not in picture
