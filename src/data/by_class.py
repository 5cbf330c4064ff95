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
"""Answers by class: how many images of each class got which answer, and what that says in words.

All of it follows from a confusion matrix, int64 (C, C): row = class of the image, column = class that was
answered. A network may have more outputs than the data has classes; C is then that of the outputs.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

MOST_CLASSES = 100  # of so many at most the whole matrix is written and drawn
LISTED = 10  # confusions, the most frequent first
IN_A_LINE = (5, 3)  # classes and confusions that a line of the log names


class Confusion(NamedTuple):
    """Images of a class that got the answer of another one: how many, and which share of the class."""

    label: int
    answered: int
    images: int
    share: float


class OneClass(NamedTuple):
    """A class that most images get as their answer: its share among all answers, and among the answers to
    images of other classes, 0..1."""

    label: int
    share: float
    of_others: float


def confusion_matrix(label: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Counts int64 (C, C), C at least `classes`; label, predicted: int (N,), 0 or more."""
    size = max([classes, *(int(values.max()) + 1 for values in (label, predicted) if len(values))])
    flat = np.asarray(label, np.int64) * size + np.asarray(predicted, np.int64)
    return np.bincount(flat, minlength=size * size).reshape(size, size)


def confusions(matrix: np.ndarray, most: int = LISTED) -> list[Confusion]:
    """The most frequent wrong answers, the largest number first; share, then order of the classes break
    ties."""
    wrong = matrix - np.diag(np.diag(matrix))
    images = matrix.sum(1)
    found = [
        Confusion(int(i), int(j), int(wrong[i, j]), float(wrong[i, j] / images[i]))
        for i, j in np.argwhere(wrong > 0)
    ]
    return sorted(found, key=lambda item: (-item.images, -item.share, item.label, item.answered))[:most]


def one_class(matrix: np.ndarray) -> OneClass | None:
    """The class that the network answers whatever it sees, or None: it is the answer to more than half of
    all images, and to more than half of those of the other classes (so a class that most images are of,
    and rightly get, is none)."""
    answers, images = matrix.sum(0), matrix.sum()
    label = int(answers.argmax())
    others = images - matrix[label].sum()
    if not others:
        return None
    share, of_others = answers[label] / images, (answers[label] - matrix[label, label]) / others
    return OneClass(label, float(share), float(of_others)) if min(share, of_others) > 0.5 else None


def name_of(label: int, names: Sequence[str]) -> str:
    """Of a class; of an output that no class has, its number."""
    return names[label] if label < len(names) else f"output {label}"


def as_json(matrix: np.ndarray, names: Sequence[str]) -> dict:
    """What `eval/*.json` tells of the classes.

    `classes`: by name, in the order of the labels: `images`, `top1` (0..1, null without images) and, of
    MOST_CLASSES classes at most, `answers`: the row of the matrix by name, without zeros. `confused`: the
    LISTED most frequent wrong answers. `one_class`: see `one_class`, or null.
    """
    images, whole = matrix.sum(1), len(matrix) <= MOST_CLASSES
    classes = {}
    for label, name in enumerate(names):
        top1 = float(matrix[label, label] / images[label]) if images[label] else None
        classes[name] = {"images": int(images[label]), "top1": top1}
        if whole:
            given = np.flatnonzero(matrix[label])
            classes[name]["answers"] = {name_of(i, names): int(matrix[label, i]) for i in given}
    confused = [
        {"class": name_of(c.label, names), "answered": name_of(c.answered, names), "images": c.images}
        for c in confusions(matrix)
    ]
    found = one_class(matrix)
    single = found and {
        "class": name_of(found.label, names), "share": found.share, "of_others": found.of_others,
    }  # fmt: skip
    return {"classes": classes, "confused": confused, "one_class": single}


def told(matrix: np.ndarray, names: Sequence[str]) -> str:
    """A line: the classes, or of many the worst, with the share that is right, and what is confused."""
    images = matrix.sum(1)
    seen = [label for label in range(len(matrix)) if images[label]]
    right = {label: matrix[label, label] / images[label] for label in seen}
    worst = sorted(seen, key=lambda label: (right[label], label))[: IN_A_LINE[0]]
    shown = seen if len(seen) <= LISTED else worst
    what = "right by class" if shown is seen else f"the least right of {len(seen)} classes"
    text = f"{what}: " + ", ".join(f"{name_of(label, names)} ({right[label]:.1%})" for label in shown)
    wrong = [
        f"{name_of(c.label, names)} taken for {name_of(c.answered, names)} ({c.images} of {images[c.label]})"
        for c in confusions(matrix, IN_A_LINE[1])
    ]
    return f"{text}; most often {', '.join(wrong)}" if wrong else text


def told_one_class(found: OneClass, names: Sequence[str]) -> str:
    """A warning."""
    return (
        f"WARNING: {found.share:.1%} of all images, and {found.of_others:.1%} of those of other classes, get one "
        f"answer, {name_of(found.label, names)}: the network hardly tells the classes apart"
    )
