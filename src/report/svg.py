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
"""Small SVG charts that take their colours from the page, so they follow its light and dark theme.

A chart is 360 units wide, about the width of a phone and of a third of the page, so its text keeps
its size everywhere. Colours are CSS classes: `one` and `two` are the two series, `target` a dashed
reference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from src.report.axes import CARD, Axis, canvas, frame, horizontal, padded, span, vertical
from src.report.labels import text_width
from src.report.markup import Markup, join, tag

MAX_DOTS = 24


@dataclass(frozen=True)
class Series:
    """A line of a chart: NaN leaves a gap. `role` is `one`, `two` or `target`."""

    label: str
    values: np.ndarray
    role: str


@dataclass(frozen=True)
class Point:
    """A dot of a scatter chart; `number` is written into it."""

    x: float
    y: float
    tip: str
    role: str = "one"
    number: int | None = None


def line_chart(
    label: str, series: Sequence[Series], marks: Sequence[tuple[int, str]], x_title: str
) -> Markup:
    """Lines over epochs 1..n, a value per epoch. `marks`: (first epoch of a stage, name)."""
    x = horizontal(np.arange(1, len(series[0].values) + 1), integer=True)
    y = vertical(np.concatenate([line.values for line in series]))
    lines = [_line(line, x, y) for line in series]
    return canvas(label, frame(x, y, x_title), _stage_marks(marks, x, y), *lines)


def _line(line: Series, x: Axis, y: Axis) -> Markup:
    """The path of one series, with dots where there are few points, and tooltips on them."""
    points = [(epoch, value) for epoch, value in enumerate(line.values, start=1)]
    path, pen = [], "M"
    for epoch, value in points:
        if np.isfinite(value):
            path.append(f"{pen}{x.at(epoch)} {y.at(value)}")
        pen = "L" if np.isfinite(value) else "M"
    parts = [tag("path", d="".join(path), cls=f"line {line.role}")]
    finite = [(epoch, value) for epoch, value in points if np.isfinite(value)]
    if line.role != "target" and len(finite) <= MAX_DOTS:
        parts += [
            tag(
                "circle",
                tag("title", f"{line.label}, epoch {epoch}: {value:.4g}"),
                cx=x.at(epoch),
                cy=y.at(value),
                r=2.4,
                cls=f"dot {line.role}",
            )
            for epoch, value in finite
        ]
    return join(parts)


def _stage_marks(marks: Sequence[tuple[int, str]], x: Axis, y: Axis) -> Markup:
    """A rule where a stage starts, and its name above the plot where there is room for it."""
    parts = []
    starts = [max(x.start, x.at(first - 0.5)) for first, _ in marks] + [x.end]
    for (_, name), here, there in zip(marks, starts, starts[1:], strict=False):
        if here > x.start:
            parts.append(tag("line", x1=here, x2=here, y1=CARD.top - 12, y2=y.start, cls="stage"))
        if 6.2 * len(name) + 6 < there - here:
            parts.append(
                tag(
                    "text", name, x=here + (4 if here > x.start else 0), y=CARD.top - 6, cls="title"
                )
            )
    return join(parts)


def bin_edges(values: np.ndarray, bins: int) -> np.ndarray:
    """Edges of at most `bins` equal bins.

    Mean widths lie on a lattice (multiples of 1 / layers). Bins then hold a whole number of lattice
    points each, or one at most; else some hold one more than others and show peaks that the data does
    not have.
    """
    low, high = span(values)
    gaps = np.diff(np.unique(np.round(values, 9)))
    step = gaps.min() if len(gaps) else 0.0
    if step <= 0 or not np.allclose(gaps / step, np.floor(gaps / step + 0.5), atol=1e-4):
        return np.linspace(low, high, bins + 1)
    points = int(np.floor((high - low) / step + 0.5)) + 1
    if 3 * points <= bins:  # a slim bar on each of a few
        finer = (bins // points - 1) // 2 * 2 + 1
        return low + step / finer * (np.arange((points - 1) * finer + 2) - 0.5)
    per_bin = -(-points // bins)
    return low + step * (per_bin * np.arange(-(-points // per_bin) + 1) - 0.5)


def histogram(
    label: str,
    values: np.ndarray,
    split: np.ndarray,
    reference: Sequence[tuple[float, str]],
    x_title: str,
    bins: int = 28,
) -> Markup:
    """Counts of `values`, bars split into `split` (lower, `one`) and the rest (upper, `two`).

    `reference` are (value, label) lines; only those inside the range of the data are drawn.
    """
    edges = bin_edges(values, bins)
    lower, upper = (np.histogram(values[chosen], edges)[0] for chosen in (split, ~split))
    x, y = horizontal(edges), vertical(lower + upper, zero=True)
    parts = [frame(x, y, x_title)]
    for left, right, low, high in zip(edges, edges[1:], lower, upper, strict=False):
        tip = f"{left:.4g} to {right:.4g}: {low} right, {high} wrong"
        width = max(round(x.at(right) - x.at(left) - 1, 2), 0.5)
        for start, n, role in ((0, low, "one"), (low, high, "two")):
            if n:
                parts.append(
                    tag(
                        "rect",
                        tag("title", tip),
                        x=x.at(left),
                        y=y.at(start + n),
                        width=width,
                        height=round(y.at(start) - y.at(start + n), 2),
                        cls=f"fill {role}",
                    )
                )
    parts.append(_references(reference, x, y))
    return canvas(label, *parts)


def _references(reference: Sequence[tuple[float, str]], x: Axis, y: Axis) -> Markup:
    """Dashed lines with their names above the plot, those that there is room for."""
    parts, taken = [], -np.inf
    shown = [(x.at(value), name) for value, name in sorted(reference) if x.low <= value <= x.high]
    for across, name in shown:
        wide = text_width(name, 11)
        parts.append(
            tag(
                "line",
                tag("title", name),
                x1=across,
                x2=across,
                y1=CARD.top - 12,
                y2=y.start,
                cls="line target",
            )
        )
        for anchor, start, left in (
            ("end", across - 4, across - 4 - wide),
            ("start", across + 4, across + 4),
        )[:: 1 if across > (x.start + x.end) / 2 else -1]:
            crossed = any(left - 2 < other < left + wide + 2 for other, _ in shown)
            if left >= taken and left + wide <= CARD.width and not crossed:
                parts.append(
                    tag("text", name, x=start, y=CARD.top - 6, text_anchor=anchor, cls="title")
                )
                taken = left + wide + 4
                break
    return join(parts)


def scatter(label: str, points: Sequence[Point], x_title: str, radius: float = 3.5) -> Markup:
    """Dots with tooltips on axes that fit them."""
    x = horizontal(padded(np.array([point.x for point in points])))
    y = vertical(np.array([point.y for point in points]))
    parts = [frame(x, y, x_title)]
    for point in points:
        across, up = x.at(point.x), y.at(point.y)
        parts.append(
            tag(
                "circle",
                tag("title", point.tip),
                cx=across,
                cy=up,
                r=radius,
                cls=f"point {point.role}",
            )
        )
        if point.number is not None:
            parts.append(
                tag("text", point.number, x=across, y=up + 3.5, text_anchor="middle", cls="number")
            )
    return canvas(label, *parts)
