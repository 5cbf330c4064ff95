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
"""Accuracy against cost: curves and dots of systems on one sheet, with their names beside them.

Between two dots of a line lies what a random mixture of the two gives (each image takes one of them by
chance): whatever chooses by image must lie above it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from src.report.axes import Axis, Sheet, canvas, frame, horizontal, vertical
from src.report.labels import Box, Name, Placed, place
from src.report.markup import Markup, join, tag
from src.report.systems import SYSTEMS, mark

RADIUS, RING = 4.5, 8.5


@dataclass(frozen=True)
class Dot:
    """A net as it was run: mean cost of an image (BitOPs, milliseconds), top-1 0..1, and what is said of it.

    `tip` shows when the dot is pointed at, `name` stands beside it, `row` is its place in a table.
    """

    cost: float
    top1: float
    tip: str = ""
    name: str = ""
    row: int | None = None


@dataclass(frozen=True)
class Curve:
    """The dots of a system by rising cost, `joined` by a line or not; `name` stands at the line."""

    role: str
    dots: Sequence[Dot]
    joined: bool = True
    name: str = ""
    radius: float = RADIUS


@dataclass(frozen=True)
class Drawing:
    """What is drawn, where.

    Attributes:
        unit: the cost of a step of 1 on the axis.
        floats: accuracies (0..1) without a cost, as lines across.
        zero: the axis of costs starts at zero.
        room: right of the last dot, as a share of the axis.
        font: size of the names, in units.
        ring: the row of the dot that has a ring around it.
        below, above: more parts of the drawing, under and over axes.
    """

    curves: Sequence[Curve]
    sheet: Sheet
    unit: float
    floats: Sequence[float] = ()
    zero: bool = False
    room: float = 0.05
    font: float = 11
    ring: int | None = None
    below: Sequence[object] = ()
    above: Sequence[object] = ()

    def axes(self) -> tuple[Axis, Axis]:
        dots = [dot for curve in self.curves for dot in curve.dots]
        costs = np.array([dot.cost for dot in dots]) / self.unit
        low = 0.0 if self.zero else costs.min() - 0.05 * np.ptp(costs)
        high = costs.max() + self.room * (costs.max() - low)
        x = horizontal(np.array([low, high]), sheet=self.sheet)
        y = vertical(100 * np.array([*self.floats, *(dot.top1 for dot in dots)]), sheet=self.sheet)
        return x, y


def draw(label: str, drawing: Drawing, x_title: str) -> Markup:
    """The SVG element; `label` is what a screen reader says of it."""
    sheet, (x, y) = drawing.sheet, drawing.axes()
    at = {
        id(dot): (x.at(dot.cost / drawing.unit), y.at(100 * dot.top1))
        for curve in drawing.curves
        for dot in curve.dots
    }
    levels = [y.at(100 * value) for value in drawing.floats]
    lines = [*_segments(drawing.curves, at), *(((x.start, level), (x.end, level)) for level in levels)]
    ringed = _ringed(drawing)
    dots = [_around(where, RADIUS) for where in at.values()]
    dots += [_around(at[id(dot)], RING) for dot in ringed]
    bounds = Box(x.start + 2, y.end - 2, sheet.width - 4, y.start - 2)
    names = place(_names(drawing, at), dots, lines, bounds, drawing.font)
    return canvas(
        label,
        *drawing.below,
        frame(x, y, x_title, sheet),
        *drawing.above,
        *(
            _float_line(value, level, x)
            for value, level in zip(drawing.floats, levels, strict=True)
        ),
        *(_line(curve, at) for curve in drawing.curves if curve.joined and len(curve.dots) > 1),
        *(_marks(curve, at) for curve in drawing.curves),
        *(_ring(*at[id(dot)]) for dot in ringed),
        *(_text(placed) for placed in names),
        width=sheet.width,
        height=sheet.height,
    )


def _segments(curves: Sequence[Curve], at: dict) -> list[tuple]:
    """The pieces of all lines, as pairs of places."""
    joined = [curve.dots for curve in curves if curve.joined]
    return [(at[id(a)], at[id(b)]) for dots in joined for a, b in zip(dots, dots[1:], strict=False)]


def _ringed(drawing: Drawing) -> list[Dot]:
    dots = (dot for curve in drawing.curves for dot in curve.dots)
    return [dot for dot in dots if dot.row is not None and dot.row == drawing.ring]


def _float_line(value: float, level: float, x: Axis) -> Markup:
    line = tag("path", d=f"M{x.start} {level}H{x.end}", cls="path float dashed thin")
    name = tag("text", f"float {100 * value:.2f}", x=x.start + 6, y=level - 5, cls="name float")
    return join([line, name])


def _line(curve: Curve, at: dict) -> Markup:
    path = "L".join(f"{across} {up}" for across, up in (at[id(dot)] for dot in curve.dots))
    dashed = " dashed" if SYSTEMS[curve.role].dashed else ""
    return tag("path", d=f"M{path}", cls=f"path {curve.role}{dashed}")


def _marks(curve: Curve, at: dict) -> Markup:
    return join(
        mark(curve.role, *at[id(dot)], curve.radius, dot.tip, data_row=dot.row)
        for dot in curve.dots
    )


def _around(where: tuple[float, float], reach: float) -> Box:
    x, y = where
    return Box(x - reach, y - reach, x + reach, y + reach)


def _ring(x: float, y: float) -> Markup:
    return tag("circle", r=RING, transform=f"translate({x} {y})", cls="here")


def _names(drawing: Drawing, at: dict) -> list[Name]:
    """Names of lines first: they have the most places to choose from and are read first."""
    lines = [
        Name(curve.name, f"{curve.role} line", [at[id(dot)] for dot in curve.dots])
        for curve in drawing.curves
        if curve.name
    ]
    dots = [
        Name(dot.name, curve.role, [at[id(dot)]])
        for curve in drawing.curves
        for dot in curve.dots
        if dot.name
    ]
    return [*dots, *lines]


def _text(placed: Placed) -> Markup:
    lead = ""
    if placed.lead is not None:
        (x, y), (across, up) = placed.anchor, placed.lead
        role = placed.name.role.split()[0]
        lead = tag("path", d=f"M{x} {y}L{across:.2f} {up:.2f}", cls=f"path lead {role}")
    text = tag(
        "text",
        placed.name.text,
        x=round(placed.x, 2),
        y=round(placed.y, 2),
        text_anchor=placed.text_anchor,
        cls=f"name {placed.name.role}",
    )
    return join([lead, text])
