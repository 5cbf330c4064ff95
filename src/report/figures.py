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
"""The charts of a run: training curves, cost against static nets, distributions over images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from src.cost.bitops import STATIC_WIDTHS
from src.report import svg
from src.report.axes import CARD, canvas
from src.report.formats import DASH, big, known, plain, prefix
from src.report.load import Evaluation, Metrics
from src.report.markup import Markup, join, tag
from src.report.stats import ClassRow, image_widths, is_correct
from src.report.totals import bitops_spread, net_bitops, static_bitops

GROUPS = 10


def figure(
    title: str, chart: Markup, keys: Sequence[tuple[str, str]] = (), note: str = ""
) -> Markup:
    """A chart with its title, its legend of (role, label) and a remark below."""
    legend = [tag("span", tag("i", cls=f"key {role}"), label) for role, label in keys]
    return tag(
        "figure",
        tag("figcaption", tag("b", title), tag("span", *legend, cls="legend") if legend else ""),
        chart,
        tag("p", note, cls="note") if note else "",
        cls="chart",
    )


def stage_marks(metrics: Metrics) -> list[tuple[int, str]]:
    """(row counted from 1, name) where each stage starts; empty when the run has one stage only."""
    return metrics.starts if len(metrics.starts) > 1 else []


def training_curves(metrics: Metrics) -> list[Markup]:
    """The charts that `metrics.csv` has values for, without constants that have no budget."""
    size, letter = prefix(_largest(metrics, "bitops", "budget_bitops"))
    plan = [
        ("Loss", (("train", "train_loss", "one"), ("evaluation", "val_loss", "two")), 1.0, 3, ""),
        (
            "Top-1 accuracy, %",
            (("train", "train_top1", "one"), ("evaluation", "val_top1", "two")),
            0.01,
            2,
            "",
        ),
        (
            "Mean width, bits",
            (("chosen", "mean_bits", "one"), ("budget", "budget_bits", "target")),
            1.0,
            2,
            "",
        ),
        (
            f"BitOPs per image, {letter}",
            (("chosen", "bitops", "one"), ("budget", "budget_bitops", "target")),
            size,
            2,
            "",
        ),
        (
            "Controller entropy",
            (("entropy", "entropy", "one"),),
            1.0,
            3,
            "Near zero: the controller always picks the same width.",
        ),
        ("Learning rate", (("rate", "lr", "one"),), 1.0, None, ""),
    ]
    charts = (_curve(metrics, *entry) for entry in plan)
    return [chart for chart in charts if chart]


def _largest(metrics: Metrics, *names: str) -> float:
    values = np.concatenate([metrics.column(name) for name in names])
    values = values[np.isfinite(values)]
    return float(values.max()) if len(values) else 0.0


def _curve(
    metrics: Metrics, title: str, wanted, divisor: float, digits: int | None, note: str
) -> Markup | None:
    series = [
        svg.Series(label, metrics.column(name) / divisor, role) for label, name, role in wanted
    ]
    series = [line for line in series if np.isfinite(line.values).any()]
    measured = [line.values[np.isfinite(line.values)] for line in series if line.role != "target"]
    has_target = any(line.role == "target" for line in series)
    constant = all(len(values) > 1 and np.ptp(values) == 0 for values in measured)
    if not measured or (constant and not has_target):
        return None
    keys = [(line.role, f"{line.label} {_last(line.values, digits)}") for line in series]
    return figure(title, svg.line_chart(title, series, stage_marks(metrics), "epoch"), keys, note)


def _last(values: np.ndarray, digits: int | None) -> str:
    """The last finite value; without `digits` to three significant ones."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return DASH
    return f"{finite[-1]:.3g}" if digits is None else plain(float(finite[-1]), digits)


def cost_bars(totals: dict) -> Markup | None:
    """BitOPs of this net (5th to 95th percentile marked) beside the same net at static widths."""
    rows = [
        (f"static {bits}-bit", value, "rest")
        for bits in STATIC_WIDTHS
        if (value := static_bitops(totals, bits)) is not None
    ]
    mean, spread = net_bitops(totals), bitops_spread(totals)
    if not rows or mean is None:
        return None
    rows = sorted([*rows, ("this net", mean, "one")], key=lambda row: row[1])
    right = max([row[1] for row in rows] + [spread[1] if spread else 0])
    left, width, step = 78, CARD.width - 78 - 66, 30
    parts = []
    for row, (name, value, role) in enumerate(rows):
        top, length = row * step + 6, round(value / right * width, 2)
        end = length
        parts.append(
            tag("text", name, x=left - 8, y=top + 12.5, text_anchor="end", cls=f"row {role}")
        )
        parts.append(tag("rect", x=left, y=top, width=length, height=17, cls=f"fill {role}"))
        if role == "one" and spread:
            ends = [round(left + edge / right * width, 2) for edge in spread]
            end = max(end, ends[1] - left)
            parts.append(
                tag(
                    "path",
                    d=f"M{ends[0]} {top + 4}v9m0-4.5H{ends[1]}m0-4.5v9",
                    cls="whisker",
                )
            )
        parts.append(tag("text", big(value), x=left + end + 7, y=top + 12.5, cls=f"row {role}"))
    chart = canvas("BitOPs per image", *parts, height=len(rows) * step + 4)
    return figure(
        "BitOPs per image",
        chart,
        note="The mark on this net's bar spans the 5th to the 95th percentile of the images."
        if spread
        else "",
    )


def distributions(evaluation: Evaluation, budget_bits: float | None) -> list[Markup]:
    """Mean width and BitOPs over the test images, split into right and wrong answers."""
    widths, correct, bitops = (
        image_widths(evaluation),
        is_correct(evaluation),
        evaluation.arrays["bitops"],
    )
    keys = [("one", "right answer"), ("two", "wrong answer")]
    charts = []
    if np.ptp(widths) > 0:
        mark = [(budget_bits, f"budget {budget_bits:g}")] if known(budget_bits) else []
        charts.append(
            figure(
                "Mean width per image, bits",
                svg.histogram("Mean width per image", widths, correct, mark, "bits"),
                keys,
            )
        )
    if np.ptp(bitops) > 0:
        size, letter = prefix(float(bitops.max()))
        static = [
            (value / size, f"static {bits}-bit")
            for bits in STATIC_WIDTHS
            if (value := static_bitops(evaluation.totals, bits)) is not None
        ]
        charts.append(
            figure(
                f"BitOPs per image, {letter}",
                svg.histogram(
                    "BitOPs per image", bitops / size, correct, static, f"{letter} BitOPs"
                ),
                keys,
            )
        )
    if np.ptp(widths) > 0:
        charts.append(accuracy_by_width(widths, correct))
    return charts


def margins(evaluation: Evaluation) -> Markup | None:
    """How far the best logit is above the second-best, where an image was answered; None if unknown."""
    margin = evaluation.arrays.get("margin")
    if margin is None or not np.ptp(margin) > 0:
        return None
    chart = svg.histogram("Margin of the answers", margin, is_correct(evaluation), [], "margin")
    return figure(
        "Margin of the answers, best minus second-best logit",
        chart,
        [("one", "right answer"), ("two", "wrong answer")],
    )


def accuracy_by_width(widths: np.ndarray, correct: np.ndarray) -> Markup:
    """Accuracy of groups of images sorted by mean width: do the bits go where it errs?"""
    values = np.unique(np.round(widths, 9))
    if len(values) <= GROUPS:
        groups = [np.flatnonzero(np.isclose(widths, value)) for value in values]
        note = "Each dot is the images of one mean width."
    else:
        groups = np.array_split(np.argsort(widths, kind="stable"), min(GROUPS, len(widths)))
        note = "Each dot is a tenth of the images, from the fewest to the most bits."
    points = [
        svg.Point(
            float(widths[group].mean()),
            100 * float(correct[group].mean()),
            f"{len(group)} images at {widths[group].mean():.2f} bits: "
            f"{100 * correct[group].mean():.1f} % right",
        )
        for group in groups
    ]
    chart = svg.scatter("Accuracy by mean width", points, "bits", radius=4.5)
    return figure("Accuracy by mean width, %", chart, note=note)


def class_scatter(rows: Sequence[ClassRow]) -> Markup:
    """Accuracy against mean width, a dot per class."""
    points = [
        svg.Point(
            row.width,
            100 * row.accuracy,
            f"{row.name}: {row.width:.3f} bits, {100 * row.accuracy:.1f} %",
        )
        for row in rows
    ]
    return figure(
        "Accuracy by mean width, %",
        svg.scatter(
            "Accuracy by mean width of a class",
            points,
            "bits",
            radius=2.5 if len(rows) > 100 else 4,
        ),
        note="Each dot is a class.",
    )


def chart_grid(charts: Sequence[Markup]) -> Markup:
    """Charts side by side, as many as fit."""
    return tag("div", join(charts), cls="charts") if charts else Markup("")
