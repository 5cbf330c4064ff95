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
"""Classes of several runs on the same images: accuracies side by side, and what is taken for what."""

from __future__ import annotations

import numpy as np

from src.data.by_class import MOST_CLASSES
from src.report.bars import ALL_CLASSES
from src.report.comparable import Entry, Group
from src.report.confusion import drawing, matrix_of
from src.report.formats import count, percent, signed
from src.report.markup import Markup, join, tag
from src.report.stats import class_name, class_rows
from src.report.tables import table

EACH = (
    "The share of a class that a run answers right, and the difference to run {first} in points. No class is "
    "tested by itself."
)
MOST = " Of {classes} classes, the {listed} in which the runs differ most."
LARGEST = 38  # units, of a cell: two matrices stand beside each other on a desktop
TAKEN = "Each row is a class, each column an answer, each shade the share of the row's images."


def by_class(group: Group) -> Markup:
    """The two of them; empty for a group of one run."""
    entries = [entry for entry in group.entries if entry.arrays is not None]
    if len(entries) < 2:
        return Markup("")
    return join((_accuracies(entries, group.names), _matrices(entries, group.names)))


def _accuracies(entries: list[Entry], names: list[str] | None) -> Markup:
    first, *others = entries
    of_each = [class_rows(entry.run.evaluation, names) for entry in entries]
    accuracy = np.array([[row.accuracy for row in rows] for rows in of_each])  # (runs, classes)
    listed = np.argsort(-np.ptp(accuracy, axis=0), kind="stable")
    text = EACH.format(first=first.number)
    if len(listed) > ALL_CLASSES:
        text += MOST.format(classes=count(len(listed)), listed=ALL_CLASSES)
        listed = listed[:ALL_CLASSES]
    else:
        listed = np.sort(listed)
    rows = []
    for at in listed.tolist():
        row = of_each[0][at]
        cells = [row.name, count(row.images), percent(accuracy[0, at], 1)]
        for run in range(1, len(entries)):
            cells += [percent(accuracy[run, at], 1), signed(100 * (accuracy[run, at] - accuracy[0, at]), 1)]
        rows.append(cells)
    heads = ["class", "images", f"run {first.number}"]
    heads += [head for entry in others for head in (f"run {entry.number}", "points")]
    return join((tag("p", text, cls="note"), table(heads, rows, tuple(range(1, len(heads))), "Accuracy by class")))


def _matrices(entries: list[Entry], names: list[str] | None) -> Markup:
    found = [(entry, matrix_of(entry.run.evaluation, names or [])) for entry in entries]
    if max(len(matrix) for _, matrix in found) > MOST_CLASSES:
        return Markup("")
    drawn = []
    for entry, matrix in found:
        listed = [class_name(label, names) for label in range(len(matrix))]
        box = tag(
            "div", drawing(matrix, listed, LARGEST), cls="scroll matrix", tabindex=0, role="region",
            aria_label=f"Confusion matrix of run {entry.number}",
        )  # fmt: skip
        drawn.append(tag("div", tag("h4", f"{entry.number}  {entry.run.name}"), box))
    head = (tag("h3", "What is taken for what"), tag("p", TAKEN, cls="note"))
    return tag("div", *head, tag("div", join(drawn), cls="matrices"), cls="taken")
