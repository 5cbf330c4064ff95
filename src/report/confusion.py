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
"""Which classes are taken for which: the confusion matrix as a picture, and its worst entries in words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from src.data import by_class
from src.report.formats import count, percent
from src.report.labels import text_width
from src.report.load import Evaluation
from src.report.markup import Markup, tag
from src.report.stats import class_name
from src.report.tables import table

SIDE = 640  # units that the cells of many classes share; a unit is a pixel
CELLS = (9, 44)  # units, of the smallest and the largest cell
LETTERS = 11  # units, of the largest letters; cells with smaller ones hold no numbers
LONGEST_NAME = 120  # units
SHADES = 5  # steps of a colour; the last two are dark enough for light letters


def matrix_of(evaluation: Evaluation, names: Sequence[str]) -> np.ndarray:
    """int64 (C, C), rows are classes, columns answers; C covers all that occur and all that are named."""
    arrays = evaluation.arrays
    return by_class.confusion_matrix(arrays["label"], arrays["predicted"], len(names))


def confusion(evaluation: Evaluation, names: list[str] | None) -> Markup:
    """The picture, of not too many classes, and the table of the most frequent wrong answers."""
    matrix = matrix_of(evaluation, names or [])
    listed = [class_name(label, names) for label in range(len(matrix))]
    title, words = tag("h3", "What is taken for what"), worst(matrix, listed)
    if len(matrix) > by_class.MOST_CLASSES:
        return tag("div", title, words, cls="taken")
    intro = "Each row is a class, each column an answer, each shade the share of the row's images."
    picture = tag(
        "div", drawing(matrix, listed), cls="scroll matrix", tabindex=0, role="region",
        aria_label="Confusion matrix",
    )  # fmt: skip
    both = tag("div", picture, words, cls="beside")
    return tag("div", title, tag("p", intro, cls="note"), both, cls="taken")


def worst(matrix: np.ndarray, names: Sequence[str]) -> Markup:
    """A row for each of the most frequent wrong answers."""
    found = by_class.confusions(matrix)
    if not found:
        return tag("p", "No image got the answer of another class.", cls="note")
    rows = [
        [names[c.label], names[c.answered], count(c.images), f"{percent(c.share, 1)}"] for c in found
    ]
    heads = ["class", "taken for", "images", "of the class"]
    return table(heads, rows, (2, 3), "Most frequent wrong answers")


def drawing(matrix: np.ndarray, names: Sequence[str]) -> Markup:
    """The matrix in SVG, of one size on every screen: the box around it scrolls."""
    size = len(matrix)
    cell = min(max(SIDE // size, CELLS[0]), CELLS[1])
    letters = min(LETTERS, cell - 1)
    short = [shortened(name, letters) for name in names]
    edge = max(text_width(name, letters) for name in short) + 8
    top, left = edge + 16, edge + 16
    images = np.maximum(matrix.sum(1), 1)
    parts = [tag("rect", x=left, y=top, width=size * cell, height=size * cell, cls="ground")]
    for i, name in enumerate(short):
        middle = (i + 0.5) * cell + 0.36 * letters
        style = f"font-size:{letters}px"
        parts.append(tag("text", name, x=left - 5, y=_round(top + middle), text_anchor="end", style=style))
        turned = f"translate({_round(left + middle)} {_round(top - 5)}) rotate(-90)"
        parts.append(tag("text", name, transform=turned, style=style))
    for i, j in np.argwhere(matrix > 0).tolist():
        x, y, share = left + j * cell, top + i * cell, matrix[i, j] / images[i]
        text = f"{matrix[i, j]} of {images[i]} ({100 * share:.1f} %)"
        tip = f"{names[i]} taken for {names[j]}: {text}" if i != j else f"{names[i]} right: {text}"
        shade = f"{'one' if i == j else 'two'} s{min(int(share * SHADES), SHADES - 1)}"
        box = tag("rect", tag("title", tip), x=_round(x), y=_round(y), width=cell - 1, height=cell - 1,
                  cls=f"fill {shade}")  # fmt: skip
        parts.append(box)
        if text_width(str(matrix[i, j]), letters) < cell - 2 and letters == LETTERS:
            middle = {"x": _round(x + cell / 2 - 0.5), "y": _round(y + cell / 2 + 3.5)}
            parts.append(tag("text", matrix[i, j], text_anchor="middle", cls=f"entry {shade}", **middle))
    parts.append(tag("text", "class", x=left - 5, y=_round(top - 5), text_anchor="end", cls="title"))
    parts.append(tag("text", "answer", x=left, y=11, cls="title"))
    width, height = (_round(edge_of + size * cell + 8) for edge_of in (left, top))
    label = f"Confusion matrix of {size} classes"
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
