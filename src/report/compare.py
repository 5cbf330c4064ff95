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
"""A page that puts several runs side by side: accuracy against BitOPs, and a table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from src.errors import UserError
from src.report import svg
from src.report.figures import figure
from src.report.formats import DASH, big, known, percent, plain, prefix, ratio
from src.report.load import Run, load_run
from src.report.markup import Markup, tag
from src.report.notices import with_code
from src.report.page import document, write_page
from src.report.tables import table
from src.report.totals import net_bitops, static_bitops


def write_comparison(paths: Sequence[Path], target: Path) -> Path:
    """Compare the run folders `paths` in the file `target`. UserError for fewer than two."""
    runs = [load_run(path) for path in paths]
    ready = [run for run in runs if run.evaluation is not None]
    if len(ready) < 2:
        missing = "; ".join(
            f"{run.path}: {run.gaps['evaluation'].how}" for run in runs if run.evaluation is None
        )
        raise UserError(
            f"--compare needs at least two evaluated runs, found {len(ready)}. {missing}"
        )
    return write_page(target, comparison_page(runs))


def comparison_page(runs: Sequence[Run]) -> str:
    """The whole page; runs without an evaluation are named, not drawn."""
    ready = sorted(
        (run for run in runs if run.evaluation is not None),
        key=lambda run: net_bitops(run.evaluation.totals) or float("inf"),
    )
    waiting = [
        tag(
            "p",
            tag("b", run.name),
            " is not evaluated. ",
            with_code(run.gaps["evaluation"].how),
            cls="gap",
        )
        for run in runs
        if run.evaluation is None
    ]
    data = sorted({str(run.setting("data.name", "unknown data")) for run in ready})
    mixed = (
        tag(
            "p",
            tag("b", "These runs are on different data sets:"),
            f" {', '.join(data)}. Their accuracies do not compare.",
            cls="warning",
        )
        if len(data) > 1
        else ""
    )
    head = tag(
        "header",
        tag("p", "Dynamic quantization · comparison", cls="overline"),
        tag("h1", f"{len(ready)} runs on {', '.join(data)}"),
        mixed,
        *waiting,
    )
    chart = _scatter(ready)
    return document(
        "Comparison of runs",
        head,
        tag("section", tag("h2", "Accuracy against BitOPs"), chart, cls="wide") if chart else "",
        tag("section", tag("h2", "Runs"), _table(ready)),
    )


def _scatter(runs: Sequence[Run]) -> Markup:
    """Top-1 over BitOPs, each point with its row in the table; only runs with both."""
    drawn = [
        (number, run)
        for number, run in enumerate(runs, start=1)
        if net_bitops(run.evaluation.totals) is not None
        and known(run.evaluation.totals.get("top1"))
    ]
    if not drawn:
        return Markup("")
    size, letter = prefix(max(run.evaluation.totals["bitops"] for _, run in drawn))
    points = [
        svg.Point(
            run.evaluation.totals["bitops"] / size,
            100 * run.evaluation.totals["top1"],
            f"{run.name}: {_point(run)}",
            "one" if run.dynamic_layers else "two",
            number,
        )
        for number, run in drawn
    ]
    return figure(
        "Top-1, %",
        svg.scatter(
            "Top-1 accuracy against BitOPs", points, f"{letter} BitOPs per image", radius=8
        ),
        [("one", "dynamic"), ("two", "static")],
        "The numbers are the rows of the table.",
    )


def _point(run: Run) -> str:
    totals = run.evaluation.totals
    return f"{percent(totals['top1'])}, {big(totals['bitops'])}"


def _table(runs: Sequence[Run]) -> Markup:
    rows = []
    for number, run in enumerate(runs, start=1):
        totals = run.evaluation.totals
        rows.append(
            [
                number,
                run.name,
                run.setting("model.name", DASH),
                run.setting("method.name", DASH),
                percent(totals.get("top1")),
                percent(totals.get("top5")),
                plain(totals.get("mean_bits")),
                big(net_bitops(totals)),
                ratio(net_bitops(totals), static_bitops(totals, 4)),
                "collapsed" if totals.get("collapsed") else "",
            ]
        )
    heads = [
        "",
        "run",
        "model",
        "method",
        "top-1",
        "top-5",
        "mean bits",
        "BitOPs",
        "of static 4-bit",
        "",
    ]
    return table(heads, rows, (0, 4, 5, 6, 7, 8), "Runs")
