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
"""Numbers of the page that are computed from the evaluation's arrays.

The width of an image is the plain mean of its chosen widths over the dynamic layers, weights and
activations alike: mean((w_bits + a_bits) / 2). Layers that are static or float do not enter (our
choice: what the controller decides is what is shown).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from src.cost import widths
from src.report.load import Evaluation


@dataclass(frozen=True)
class ClassRow:
    """One class of the test set; `width` is None for a net without dynamic layers."""

    label: int
    name: str
    images: int
    accuracy: float
    width: float | None


@dataclass(frozen=True)
class LayerWidths:
    """How often a dynamic layer got each width: shares of the images, ordered as `options`."""

    options: list[int]
    w_shares: np.ndarray
    a_shares: np.ndarray
    w_mean: float
    a_mean: float

    @property
    def tied(self) -> bool:
        return bool(np.array_equal(self.w_shares, self.a_shares))


def image_widths(evaluation: Evaluation) -> np.ndarray | None:
    """float64[N]: the mean chosen width of every image; None without dynamic layers."""
    if not evaluation.n_dynamic:
        return None
    return widths.mean_bits(evaluation.arrays["w_bits"], evaluation.arrays["a_bits"], axis=1)


def is_correct(evaluation: Evaluation) -> np.ndarray:
    """bool[N]: whether the image was classified correctly."""
    return evaluation.arrays["label"] == evaluation.arrays["predicted"]


def class_rows(evaluation: Evaluation, names: list[str] | None) -> list[ClassRow]:
    """One row per class that occurs in the test set, in label order."""
    labels, inverse, images = np.unique(
        evaluation.arrays["label"], return_inverse=True, return_counts=True
    )
    accuracy = np.bincount(inverse, weights=is_correct(evaluation)) / images
    per_image = image_widths(evaluation)
    width = None if per_image is None else np.bincount(inverse, weights=per_image) / images
    return [
        ClassRow(
            int(label),
            class_name(int(label), names),
            int(images[row]),
            float(accuracy[row]),
            None if width is None else float(width[row]),
        )
        for row, label in enumerate(labels)
    ]


def class_name(label: int, names: list[str] | None) -> str:
    """The data set's name of a class, or its number when no name is known."""
    if names and 0 <= label < len(names):
        return str(names[label])
    return f"class {label}"


def layer_widths(evaluation: Evaluation) -> list[LayerWidths]:
    """The width histogram of every dynamic layer, in slot order."""
    rows = []
    for slot in range(evaluation.n_dynamic):
        w, a = evaluation.arrays["w_bits"][:, slot], evaluation.arrays["a_bits"][:, slot]
        options = np.union1d(w, a).tolist()
        w_shares, a_shares = (
            np.array([shares.get(option, 0.0) for option in options])
            for shares in map(widths.width_shares, (w, a))
        )
        rows.append(LayerWidths(options, w_shares, a_shares, float(w.mean()), float(a.mean())))
    return rows


def widths_by_class(evaluation: Evaluation, classes: int) -> np.ndarray:
    """float64 (L, C): the mean width of each dynamic layer over the images of each class, weights and inputs alike;
    C is at least `classes`. NaN for a class without images."""
    arrays, label = evaluation.arrays, evaluation.arrays["label"]
    per_image = (arrays["w_bits"].astype(np.float64) + arrays["a_bits"]) / 2
    images = np.bincount(label, minlength=classes)
    sums = np.array([np.bincount(label, per_image[:, slot], len(images)) for slot in range(evaluation.n_dynamic)])
    with np.errstate(invalid="ignore"):
        return sums.reshape(evaluation.n_dynamic, len(images)) / images


def plan_use(evaluation: Evaluation) -> tuple[int, float] | None:
    """(number of different plans, share of the images with the most frequent one, 0..1).

    None without dynamic layers.
    """
    if not evaluation.n_dynamic:
        return None
    return widths.plan_use(evaluation.arrays["w_bits"], evaluation.arrays["a_bits"])


def fewest_bits(evaluation: Evaluation, n: int) -> np.ndarray:
    """Positions of the `n` images of smallest mean width; BitOPs, then position break ties."""
    return np.lexsort((evaluation.arrays["bitops"], image_widths(evaluation)))[:n]


def most_bits(evaluation: Evaluation, n: int) -> np.ndarray:
    """Positions of the `n` images of largest mean width; BitOPs, then position break ties."""
    return np.lexsort((-evaluation.arrays["bitops"], -image_widths(evaluation)))[:n]


def worst_mistakes(evaluation: Evaluation, n: int) -> np.ndarray:
    """Positions of the wrongly classified images in which the net was most confident."""
    wrong = np.flatnonzero(~is_correct(evaluation))
    return wrong[np.argsort(-evaluation.arrays["confidence"][wrong], kind="stable")][:n]
