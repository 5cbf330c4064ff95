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
"""Latency against width: a chart for each model, batch and count of threads, peers as lines across (of those
with floats only the fastest).

The drawing follows the reader's light or dark theme, as the project's other pictures do.
"""

from pathlib import Path

import numpy as np

from src.bench.infer_case import DYNAMIC, ESCALATING, FLOAT, NATIVE, STATIC
from src.files import whole_file
from src.report.axes import Axis, Sheet, frame, horizontal, vertical
from src.report.markup import Markup, join, tag

SHEET = Sheet(560, 300, left=52, right=150, top=48, bottom=40)
OURS = {STATIC: "static", DYNAMIC: "dynamic (large: mix)", ESCALATING: "escalating (large: mix)"}
STYLE = """
text { font: 11px sans-serif; fill: #33404a; } .title { font-weight: bold; }
.grid { stroke: #33404a22; } .tick { stroke: #33404a88; }
.peer { stroke: #7b868c; stroke-dasharray: 5 4; fill: none; } .float { stroke: #b4772a; }
.static { stroke: #0b6e6d; fill: #0b6e6d; } .dynamic { stroke: #c2571f; fill: #c2571f; }
.escalating { stroke: #6d48a8; fill: #6d48a8; } .path { fill: none; stroke-width: 2; }
@media (prefers-color-scheme: dark) {
  text { fill: #d5dde2; } .grid { stroke: #d5dde222; } .tick { stroke: #d5dde288; }
  .static { stroke: #56c2b7; fill: #56c2b7; } .dynamic { stroke: #f09b62; fill: #f09b62; }
  .escalating { stroke: #bda0ee; fill: #bda0ee; } .path { fill: none; }
}
"""


def save_picture(rows: list[dict], path: Path) -> None:
    """Write an SVG file. UserError: it cannot be written."""
    with whole_file(path) as file:
        file.write_text(draw(rows) + "\n", encoding="utf-8")


def draw(rows: list[dict]) -> Markup:
    """The charts of all groups, one below the other."""
    groups: dict[tuple, list[dict]] = {}
    for row in rows:
        if "median_ms" in row:
            groups.setdefault((row["model"], row["batch"], row["threads"]), []).append(row)
    charts = [
        tag("g", _chart(name, group), transform=f"translate(0 {place * SHEET.height})")
        for place, (name, group) in enumerate(groups.items())
    ]
    height = SHEET.height * max(1, len(charts))
    return tag(
        "svg", tag("style", Markup(STYLE)), *charts, xmlns="http://www.w3.org/2000/svg", role="img",
        viewBox=f"0 0 {SHEET.width} {height:g}", aria_label="milliseconds by width, ours and other runtimes",
    )  # fmt: skip


def _chart(name: tuple, rows: list[dict]) -> Markup:
    model, batch, threads = name
    peers = [row for row in rows if row["runner"] != NATIVE]
    ours = [row for row in rows if row["runner"] == NATIVE]
    floats = sorted((row for row in peers if row["kind"] == FLOAT), key=lambda row: row["median_ms"])
    peers = [row for row in peers if row["kind"] == STATIC] + floats[:1]
    rows = [*ours, *peers]
    x = horizontal(np.array([1.5, 8.5]), integer=True, sheet=SHEET)
    y = vertical(np.array([row["median_ms"] for row in rows]), zero=True, sheet=SHEET)
    title = f"{model}, batch {batch}, {threads} thread{'s' * (threads > 1)}: ms a batch, median"
    return join([
        tag("text", title, x=SHEET.left, y=16, cls="title"),
        *_legend([kind for kind in OURS if any(row["kind"] == kind for row in ours)]),
        frame(x, y, "bits", SHEET),
        *_peer_lines(peers, x, y),
        *(_curve(kind, [row for row in ours if row["kind"] == kind], x, y) for kind in OURS),
    ])  # fmt: skip


def _peer_lines(rows: list[dict], x: Axis, y: Axis) -> list[Markup]:
    """Lines across, named at their right ends, from the slowest down; names keep a line's distance."""
    parts, free = [], 0.0
    for row in sorted(rows, key=lambda row: -row["median_ms"]):
        level = y.at(row["median_ms"])
        free = max(free, level + 4)
        cls = "peer float" if row["kind"] == FLOAT else "peer"
        kind = "float" if row["kind"] == FLOAT else "int8"
        parts.append(tag("path", d=f"M{x.start} {level}H{x.end}", cls=cls))
        parts.append(tag("text", f"{row['runner']} {kind} {row['median_ms']:.3g}", x=x.end + 6, y=free))
        free += 12
    return parts


def _curve(kind: str, rows: list[dict], x: Axis, y: Axis) -> Markup:
    """Our rows of a kind: dots, and of those of one width throughout a line."""
    at = [(x.at(row["bits"]), y.at(row["median_ms"]), row) for row in sorted(rows, key=lambda row: row["bits"])]
    line = [f"{across} {up}" for across, up, row in at if "plan" not in row]
    parts = [tag("path", d="M" + "L".join(line), cls=f"path {kind}")] if len(line) > 1 else []
    for across, up, row in at:
        tip = tag("title", f"{kind} {row.get('plan', '')} {row['bits']:g} bits: {row['median_ms']:.4g} ms")
        parts.append(tag("circle", tip, cx=across, cy=up, r=6 if "plan" in row else 4, cls=kind))
    return join(parts)


def _legend(kinds: list[str]) -> list[Markup]:
    parts, left = [], SHEET.left
    for kind in kinds:
        parts.append(tag("circle", cx=left + 4, cy=30, r=4, cls=kind))
        parts.append(tag("text", OURS[kind], x=left + 12, y=34))
        left += 26 + 6 * len(OURS[kind])
    return parts
