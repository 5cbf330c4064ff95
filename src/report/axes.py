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
"""The room and the axes of an SVG chart: data on pixels, round ticks, grid lines and their labels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from src.report.markup import Markup, join, tag


@dataclass(frozen=True)
class Sheet:
    """A drawing of `width` x `height` units, the margins around its plot, and its steps per axis."""

    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float = 34
    steps: int = 4


CARD = Sheet(360, 206, left=46, right=10, top=18)


@dataclass(frozen=True)
class Axis:
    """One direction of a chart: data from `low` to `high` on pixels `start` to `end`."""

    low: float
    high: float
    start: float
    end: float
    ticks: list[float]

    def at(self, value: float) -> float:
        """The pixel of a data value."""
        return round(
            self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start), 2
        )


def nice_ticks(low: float, high: float, wanted: int = 4) -> list[float]:
    """Values 1, 2, 2.5 or 5 times a power of ten that enclose low..high in about `wanted` steps."""
    rough = (high - low) / wanted
    power = 10 ** math.floor(math.log10(rough))
    step = next(
        factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * (1 - 1e-9)
    )
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(index * step, 12) for index in range(first, last + 1)]


def tick_label(value: float, ticks: Sequence[float]) -> str:
    """A tick with as many decimals as the steps between the ticks need."""
    step = abs(ticks[1] - ticks[0]) if len(ticks) > 1 else 1.0
    digits = next(
        n for n in range(10) if abs(step * 10**n - round(step * 10**n)) < 1e-6 * step * 10**n + 1e-9
    )
    return f"{value:.{digits}f}"


def vertical(values: np.ndarray, zero: bool = False, sheet: Sheet = CARD) -> Axis:
    """A y axis that holds all finite `values`, from zero upwards if asked."""
    low, high = span(values, zero)
    ticks = nice_ticks(low, high, sheet.steps)
    return Axis(ticks[0], ticks[-1], sheet.height - sheet.bottom, sheet.top, ticks)


def horizontal(values: np.ndarray, integer: bool = False, sheet: Sheet = CARD) -> Axis:
    """An x axis over all finite `values`; its ticks lie inside, and are whole numbers if asked."""
    low, high = span(values)
    ticks = nice_ticks(low, high, sheet.steps)
    ticks = [tick for tick in ticks if low - 1e-9 <= tick <= high + 1e-9]
    if integer:
        ticks = [tick for tick in ticks if tick == int(tick)] or [math.ceil(low)]
    return Axis(low, high, sheet.left, sheet.width - sheet.right, ticks)


def padded(values: np.ndarray) -> np.ndarray:
    """The two ends of `values` with room for the points at the edge."""
    low, high = span(values)
    return np.array([low - 0.06 * (high - low), high + 0.06 * (high - low)])


def span(values: np.ndarray, zero: bool = False) -> tuple[float, float]:
    """The smallest and the largest finite value, apart from each other; from 0 at most if asked."""
    finite = np.asarray(values, np.float64)
    finite = finite[np.isfinite(finite)]
    low, high = float(finite.min()), float(finite.max())
    if zero:
        low = min(low, 0.0)
    if high - low < 1e-9 * max(1.0, abs(high)):
        margin = 0.05 * abs(high) or 0.5
        low, high = low - margin, high + margin
    return low, high


def frame(x: Axis, y: Axis, x_title: str, sheet: Sheet = CARD) -> Markup:
    """Grid lines, tick labels and the title of the x axis."""
    parts = []
    for tick in y.ticks:
        label = tick_label(tick, y.ticks)
        parts.append(tag("line", x1=x.start, x2=x.end, y1=y.at(tick), y2=y.at(tick), cls="grid"))
        parts.append(tag("text", label, x=x.start - 7, y=y.at(tick) + 3.5, text_anchor="end"))
    for tick in x.ticks:
        parts.append(
            tag("line", x1=x.at(tick), x2=x.at(tick), y1=y.start, y2=y.start + 4, cls="tick")
        )
        parts.append(
            tag(
                "text",
                tick_label(tick, x.ticks),
                x=x.at(tick),
                y=y.start + 15,
                text_anchor="middle",
            )
        )
    parts.append(tag("text", x_title, x=x.end, y=sheet.height - 4, text_anchor="end", cls="title"))
    return join(parts)


def canvas(
    label: str, *parts: object, width: float = CARD.width, height: float = CARD.height
) -> Markup:
    """The SVG element around a chart; `label` is what a screen reader says."""
    return tag("svg", *parts, viewBox=f"0 0 {width} {height}", role="img", aria_label=label)
