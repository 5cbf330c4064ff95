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
from src.report.heatmap import CELLS, Cell, grid, shade
from src.report.load import Evaluation
from src.report.markup import Markup, tag
from src.report.stats import class_name
from src.report.tables import table


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


def drawing(matrix: np.ndarray, names: Sequence[str], largest: int = CELLS[1]) -> Markup:
    """The matrix in SVG; `largest` is the side of a cell at most, in units."""
    images = np.maximum(matrix.sum(1), 1)
    cells = []
    for i, j in np.argwhere(matrix > 0).tolist():
        share = matrix[i, j] / images[i]
        text = f"{matrix[i, j]} of {images[i]} ({100 * share:.1f} %)"
        tip = f"{names[i]} taken for {names[j]}: {text}" if i != j else f"{names[i]} right: {text}"
        cells.append(Cell(i, j, "one" if i == j else "two", shade(share), str(matrix[i, j]), tip))
    label = f"Confusion matrix of {len(matrix)} classes"
    return grid(names, names, cells, ("class", "answer"), label, (largest, largest))
