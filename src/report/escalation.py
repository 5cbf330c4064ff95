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
"""The section of a net with a knob: accuracy and cost along all its settings, with a slider.

The slider is a script in the page, which reads as well without it: the setting that the run stands for
is marked and written out, and a table lists the others.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from src.report import figures, knob_charts, rungs
from src.report.bars import stack
from src.report.formats import DASH, big, count, percent, plain, ratio, signed
from src.report.knob import Setting, nearest
from src.report.load import Run
from src.report.markup import Markup, join, tag
from src.report.notices import with_code
from src.report.tables import table

SCRIPT = Path(__file__).with_name("slider.js")
HEADS = (
    *("widths", "margin below", "top-1", "points", "BitOPs", "of the widest"),
    "images answered at each width",
)
HOW = (
    "An image is answered at the lowest width first, and again at the next where its margin, the best "
    "minus the second-best logit, is below a threshold; every pass is counted. Each dot of that line is "
    "a setting of the thresholds, chosen on images held out from training; accuracy and cost are of the "
    "test set. Between two dots of a line lies what a random mixture of the two gives."
)
SEARCHED = (
    "Plans for all images, tried on images held out from training; the line joins the best of a kind. "
    "Whatever chooses by image must beat them."
)


def escalation(run: Run) -> Markup:
    """All settings of the net, as far as they were measured; empty for a net with one only."""
    how = tag("p", HOW, cls="note") if run.knob.ladder else ""
    parts = [how, knob_box(run), _by_rung(run), _searched(run)]
    if gap := run.gaps.get("knob"):
        parts.insert(0, tag("p", tag("b", gap.what), " ", with_code(gap.how), cls="gap"))
    return join(parts)


def knob_box(run: Run, anchor: str = "knob") -> Markup:
    """The chart, and for a ladder what a setting gives, the slider and the table; `anchor` is its id."""
    ladder = run.knob.ladder
    at = _stands_for(run) if ladder else None
    chart = knob_charts.on_test(run, at) or ""
    if at is None:
        return tag("div", chart, cls="wide") if chart else Markup("")
    rows = [_cells(setting, run.knob.top) for setting in ladder]
    settings = table(HEADS, rows, tuple(range(1, len(HEADS) - 1)), "All settings", strong=(at,))
    slider = tag(
        "label",
        tag("span", "Fewer BitOPs"),
        tag("input", type="range", min=0, max=len(ladder) - 1, value=at, aria_label="Setting"),
        tag("span", "more"),
        cls="slider",
        hidden=True,
    )
    return join(
        (
            tag(
                "div",
                tag(
                    "div",
                    tag("div", chart, slider),
                    _panel(rows[at], ladder, run.knob.top),
                    cls="knob",
                ),
                tag("details", tag("summary", f"All {len(ladder)} settings"), settings),
                id=anchor,
                cls="settings",
            ),
            tag("script", Markup(SCRIPT.read_text(encoding="utf-8"))),
        )
    )


def _stands_for(run: Run) -> int:
    """The place in the ladder of the setting that was evaluated, or that cost as much."""
    totals = {} if run.evaluation is None else run.evaluation.totals
    cost = (totals.get("bitops") or 0) + (totals.get("bitops_controller") or 0)
    if run.evaluation is not None and run.evaluation.climbs:
        cost = totals.get("bitops")
    return nearest(run.knob.ladder, cost, totals.get("top1"))


def _cells(setting: Setting, top: Setting | None) -> list[object]:
    """A row of the table of settings; the panel shows the same cells."""
    shares = setting.shares or (1.0,) * (len(setting.bits) == 1)
    return [
        " → ".join(map(str, setting.bits)),
        ", ".join(plain(margin) for margin in setting.margins) or DASH,
        percent(setting.top1),
        signed(100 * (setting.top1 - top.top1)) if top else DASH,
        big(setting.bitops),
        ratio(setting.bitops, top.bitops if top else None),
        stack(setting.bits, np.array(shares)) if shares else DASH,
    ]


def _panel(cells: list[object], ladder: list[Setting], top: Setting | None) -> Markup:
    """What the marked setting gives, in large; each slot holds a cell of its row."""
    widths = sorted({bits for setting in ladder for bits in setting.bits})
    keys = [tag("span", tag("i", cls=f"key b{bits}"), f"{bits} bits") for bits in widths]
    legend = tag("p", *keys, cls="legend")

    def slot(column: int) -> Markup:
        return tag("span", cells[column], data_column=column)

    against = f" against {top.bits[0]} bits throughout" if top else ""
    cards = (
        ("Widths, in turn", slot(0), join(("again below a margin of ", slot(1)), "")),
        ("Top-1", slot(2), join((slot(3), f" points{against}"), "")),
        ("BitOPs per image", slot(4), join((slot(5), against.replace("against", "of")), "")),
    )
    shown = [
        tag("div", tag("span", name), tag("strong", value), tag("small", note), cls="card")
        for name, value, note in cards
    ]
    shares = tag(
        "div", tag("span", "Images answered at each width"), slot(6), legend, cls="card shares"
    )
    return tag("div", *shown, shares, cls="panel", aria_live="polite")


def _by_rung(run: Run) -> Markup:
    """Of the evaluation itself: who was answered where, and how sure the answers were."""
    evaluation = run.evaluation
    found = [] if evaluation is None else rungs.rungs(evaluation)
    if not found:
        return Markup("")
    rows = [
        [
            rung.name,
            count(rung.images),
            percent(rung.share, 1),
            percent(rung.accuracy, 1),
            big(rung.bitops),
        ]
        for rung in found
    ]
    heads = ("answered at", "images", "share", "right", "BitOPs of such an image")
    chart = figures.margins(evaluation)
    left = (
        tag("h3", "Images by the width that answered"),
        table(heads, rows, (1, 2, 3, 4), "Rungs"),
    )
    return tag("div", tag("div", *left), tag("div", chart or ""), cls="columns rungs")


def _searched(run: Run) -> Markup:
    chart = knob_charts.on_held_out(run)
    if chart is None:
        return Markup("")
    head = (tag("h3", "Searched plans"), tag("p", SEARCHED, cls="note"))
    return tag("div", *head, chart, cls="wide search")
