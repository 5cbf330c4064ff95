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
"""Names beside dots, placed so that they cover neither each other nor a dot nor, if it can be, a line.

Each name tries the places around its anchors, near ones first, and takes the cheapest; then all try
again, twice, knowing where the others stand (our choice: greedy with repair, the same every time).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

NARROW = set("ijlt.,:;'|!()[] fr1")
AROUND = ((1, 0), (-1, 0), (0, -1), (0, 1), (1, -1), (-1, -1), (1, 1), (-1, 1))
REACH = (0, 6, 13, 21, 30, 40, 52)  # units between the edge of a dot and its name
LED = 13  # from here on a thin line leads from the dot to its name
REPAIRS = 2


@dataclass(frozen=True)
class Box:
    """A rectangle in SVG units, y downwards."""

    left: float
    top: float
    right: float
    bottom: float

    def inside(self, other: Box) -> bool:
        return (
            self.left >= other.left
            and self.right <= other.right
            and self.top >= other.top
            and self.bottom <= other.bottom
        )


@dataclass(frozen=True)
class Name:
    """A text that wants to stand beside one of its anchors (x, y); `gap` is the size of the dot there."""

    text: str
    role: str
    anchors: Sequence[tuple[float, float]]
    gap: float = 7.0


@dataclass(frozen=True)
class Placed:
    """Where a name stands: (x, y) on its baseline is its start, middle or end, as `text_anchor` says;
    `lead` is the end of the line from its dot, if it has one."""

    name: Name
    x: float
    y: float
    text_anchor: str
    box: Box
    anchor: tuple[float, float]
    lead: tuple[float, float] | None


def text_width(text: str, size: float) -> float:
    """About how wide a sans-serif text of a font size is, bold too; rather more than less."""
    ems = (0.38 if letter in NARROW else 0.78 if letter.isupper() else 0.66 for letter in text)
    return size * sum(ems)


def place(
    names: Sequence[Name],
    dots: Sequence[Box],
    lines: Sequence[tuple[tuple[float, float], tuple[float, float]]],
    bounds: Box,
    size: float,
) -> list[Placed]:
    """A place for each name.

    Args:
        dots: what no name may cover.
        lines: segments ((x, y), (x, y)) that a name had better not cover.
        bounds: what no name may leave.
        size: of the font, in units.
    """
    along = [np.linspace(start, end, 24) for start, end in lines]
    drawn = np.concatenate(along) if along else np.empty((0, 2))
    spots = [list(_places(name, size)) for name in names]
    boxes = [_as_array([spot.box for spot in around]) for around in spots]
    alone = [
        _alone(around, corners, _as_array(dots), drawn, bounds)
        for around, corners in zip(spots, boxes, strict=True)
    ]
    found: list[int | None] = [None] * len(names)
    for _ in range(1 + REPAIRS):
        for at, around in enumerate(spots):
            placed = [(n, spot) for n, spot in enumerate(found) if spot is not None and n != at]
            others = np.array([boxes[n][spot] for n, spot in placed]).reshape(-1, 4)
            cost = alone[at] + 100 * _overlaps(boxes[at], others)
            found[at] = int((cost + 400 * _crossed(around, others)).argmin())
    return [around[spot] for around, spot in zip(spots, found, strict=True)]


def _places(name: Name, size: float) -> Iterator[Placed]:
    wide, high = text_width(name.text, size), size
    for x, y in name.anchors:
        for reach in REACH:
            for across, down in AROUND:
                step = (name.gap + reach) * (0.75 if across and down else 1.0)
                edge = (x + across * step, y + down * step)
                left = edge[0] + wide * (across - 1) / 2
                top = edge[1] + high * (down - 1) / 2
                yield Placed(
                    name=name,
                    x=edge[0],
                    y=top + 0.8 * high,
                    text_anchor=("end", "middle", "start")[across + 1],
                    box=Box(left, top, left + wide, top + high),
                    anchor=(x, y),
                    lead=edge if reach >= LED else None,
                )


def _alone(
    spots: Sequence[Placed], boxes: np.ndarray, dots: np.ndarray, drawn: np.ndarray, bounds: Box
) -> np.ndarray:
    """Costs that do not depend on other names, (S,): leaving the sheet is much worse than covering a
    dot, that than a line, that than distance."""
    out = np.array([not spot.box.inside(bounds) for spot in spots])
    lines = _holds(boxes + np.array([0, -1, 0, 1]), drawn[None]).sum(1)
    away = np.array([np.hypot(s.x - s.anchor[0], s.y - s.anchor[1]) for s in spots])
    led = np.array([spot.lead is not None for spot in spots])
    return 1e6 * out + 60 * _overlaps(boxes, dots) + 25 * lines + 20 * led + 0.3 * away


def _crossed(spots: Sequence[Placed], others: np.ndarray) -> np.ndarray:
    """How many of the boxes `others` the line from the dot to its name runs through, (S,)."""
    ways = np.array([np.linspace(s.anchor, s.lead or s.anchor, 12) for s in spots])
    return sum(_holds(np.tile(box, (len(ways), 1)), ways).any(1) for box in others) + np.zeros(
        len(ways)
    )


def _as_array(boxes: Sequence[Box]) -> np.ndarray:
    """(N, 4): left, top, right, bottom."""
    corners = [(box.left, box.top, box.right, box.bottom) for box in boxes]
    return np.array(corners, np.float64).reshape(-1, 4)


def _overlaps(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The area of each of the boxes that `others` cover, one after the other, (N,)."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    return np.clip(high - low, 0, None).prod(2).sum(1)


def _holds(boxes: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Whether each box, (N, 4), holds each of the points, (N or 1, P, 2): bool (N, P)."""
    inside = (points > boxes[:, None, :2]) & (points < boxes[:, None, 2:])
    return inside.all(2)
