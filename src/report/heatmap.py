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
"""A grid of shaded cells in SVG with a name for each row and column: confusion matrices, maps of widths."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from src.report.labels import text_width
from src.report.markup import Markup, tag

SIDE = 640  # units that the cells of many columns share; a unit is a pixel
CELLS = (9, 44)  # units, of the smallest and the largest cell
LETTERS = 11  # units, of the largest letters; cells with smaller ones hold no numbers
LONGEST_NAME = 120  # units
SHADES = 5  # steps of a colour; the last two are dark enough for light letters


@dataclass(frozen=True)
class Cell:
    """A shaded place: its row and column, colour (`one`, `two`), shade 0..SHADES-1, number and tooltip."""

    row: int
    column: int
    role: str
    shade: int
    text: str
    tip: str


def shade(share: float) -> int:
    """The shade of a share of 0..1."""
    return min(int(share * SHADES), SHADES - 1)


def grid(
    rows: Sequence[str], columns: Sequence[str], cells: Iterable[Cell], corner: tuple[str, str], label: str,
    largest: tuple[int, int] = (CELLS[1], CELLS[1]),
) -> Markup:  # fmt: skip
    """The SVG element, of one size on every screen: the box around it scrolls.

    Args:
        corner: what the rows and what the columns are.
        label: what a screen reader says of it.
        largest: width and height, in units, that a cell has at most.
    """
    wide = min(max(SIDE // len(columns), CELLS[0]), largest[0])
    high = min(wide, largest[1])
    letters = min(LETTERS, high - 1)
    below, beside = ([shortened(name, letters) for name in names] for names in (columns, rows))
    top = max(text_width(name, letters) for name in below) + 24
    left = max(text_width(name, letters) for name in beside) + 24
    parts = [tag("rect", x=left, y=top, width=len(columns) * wide, height=len(rows) * high, cls="ground")]
    style = f"font-size:{letters}px"
    for i, name in enumerate(beside):
        y = _round(top + (i + 0.5) * high + 0.36 * letters)
        parts.append(tag("text", name, x=left - 5, y=y, text_anchor="end", style=style))
    for j, name in enumerate(below):
        turned = f"translate({_round(left + (j + 0.5) * wide + 0.36 * letters)} {_round(top - 5)}) rotate(-90)"
        parts.append(tag("text", name, transform=turned, style=style))
    for cell in cells:
        x, y, look = left + cell.column * wide, top + cell.row * high, f"{cell.role} s{cell.shade}"
        box = tag("rect", tag("title", cell.tip), x=_round(x), y=_round(y), width=wide - 1, height=high - 1,
                  cls=f"fill {look}")  # fmt: skip
        parts.append(box)
        if text_width(cell.text, letters) < wide - 2 and letters == LETTERS:
            middle = {"x": _round(x + wide / 2 - 0.5), "y": _round(y + high / 2 + 3.5)}
            parts.append(tag("text", cell.text, text_anchor="middle", cls=f"entry {look}", **middle))
    parts.append(tag("text", corner[0], x=left - 5, y=_round(top - 5), text_anchor="end", cls="title"))
    parts.append(tag("text", corner[1], x=left, y=11, cls="title"))
    width, height = _round(left + len(columns) * wide + 8), _round(top + len(rows) * high + 8)
    return tag("svg", *parts, viewBox=f"0 0 {width} {height}", width=width, height=height, role="img",
               aria_label=label)  # fmt: skip


def shortened(name: str, letters: float) -> str:
    """A name cut to LONGEST_NAME."""
    if text_width(name, letters) <= LONGEST_NAME:
        return name
    kept = next(n for n in range(len(name), -1, -1) if text_width(f"{name[:n]}…", letters) <= LONGEST_NAME)
    return f"{name[:kept]}…"


def _round(value: float) -> float:
    return round(float(value), 1)
