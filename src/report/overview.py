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
"""The picture of a folder of records: accuracy against BitOPs, as an SVG file of its own.

One network on one data set is drawn, the one with the most records. A record whose name says more
than model, data, method and width (`..._4bit_avx512`) is a variation of another, and left out.
"""

import re
from collections import Counter

import numpy as np

from src.report import svg
from src.report.markup import Markup, join, tag

PLAIN = re.compile(r"_[^_]*bit$")  # ends with the width
STYLE = """svg { background: #fff; font-family: system-ui, sans-serif; }
text { font-size: 11px; fill: #57636a; paint-order: stroke; stroke: #fff; stroke-width: 3px; }
.grid { stroke: #e0e1da; } .tick { stroke: #57636a; }
.point { fill: #0e7271; } .point.two { fill: #c8632a; }
.float { stroke: #57636a; stroke-dasharray: 4 3; }"""


def accuracy_picture(rows: list[dict]) -> str:
    """SVG of the rows of `records.rows`; "" where fewer than two can be compared."""
    drawn = [row for row in rows if row["bitops"] and PLAIN.search(row["record"])]
    nets = Counter((row["model"], row["data"]) for row in drawn)
    if not nets or nets.most_common(1)[0][1] < 2:
        return ""
    model, data = nets.most_common(1)[0][0]
    drawn = [row for row in drawn if (row["model"], row["data"]) == (model, data)]
    floats = sorted({row["float_top1"] for row in drawn if row["float_top1"] is not None})
    costs = np.array([_cost(row) for row in drawn])
    x = svg.horizontal(np.array([0.0, 1.05 * costs.max()]))
    y = svg.vertical(100 * np.array([*floats, *(row["top1"] for row in drawn)]))
    label = f"Top-1 accuracy of {model} on {data} against BitOPs per image"
    picture = svg.canvas(
        label,
        tag("style", Markup(STYLE)),
        svg.frame(x, y, "M BitOPs per image, controller included"),
        tag("text", f"top-1 %, {model} on {data}", x=2, y=10),
        *(_float_line(100 * value, x, y) for value in floats),
        *(_dot(row, x, y) for row in drawn),
        _legend(x),
    )
    return picture.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1) + "\n"


def _cost(row: dict) -> float:
    return (row["bitops"] + (row["bitops_controller"] or 0)) / 1e6


def _is_dynamic(row: dict) -> bool:
    return row["plans"] is not None


def _float_line(value: float, x: svg.Axis, y: svg.Axis) -> Markup:
    at = y.at(value)
    line = tag("line", x1=x.start, x2=x.end, y1=at, y2=at, cls="float")
    return join([line, tag("text", f"float {value:.2f}", x=x.start + 4, y=at - 4)])


def _dot(row: dict, x: svg.Axis, y: svg.Axis) -> Markup:
    """A point with its name beside it, on the side where there is room."""
    across, up = x.at(_cost(row)), y.at(100 * row["top1"])
    left = across > (x.start + x.end) / 2 + 20
    name = row["record"].removeprefix(f"{row['model']}_{row['data']}_").replace("_", " ")
    role = "one" if _is_dynamic(row) else "two"
    return join(
        [
            tag("circle", cx=across, cy=up, r=4, cls=f"point {role}"),
            tag("text", f"{name} {100 * row['top1']:.2f}", x=across + (-8 if left else 8), y=up + 4,
                text_anchor="end" if left else "start"),
        ]
    )  # fmt: skip


def _legend(x: svg.Axis) -> Markup:
    entries = [("two", "static", x.end - 130), ("one", "dynamic", x.end - 60)]
    return join(
        part
        for role, name, at in entries
        for part in (
            tag("circle", cx=at, cy=7, r=4, cls=f"point {role}"),
            tag("text", name, x=at + 8, y=11),
        )
    )
