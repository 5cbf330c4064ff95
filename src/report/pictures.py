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
"""Strips of test images: the fewest bits, the most bits, the worst mistakes.

The pictures come from the data set itself, read again by position, and are embedded as PNG. A data
set that is gone, or is not the one that was evaluated, costs the pictures only, never the page.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from src.errors import UserError
from src.report.formats import percent, plain
from src.report.load import Evaluation, Gap, Run
from src.report.markup import Markup, join, tag
from src.report.stats import class_name, image_widths

PER_STRIP = 12
LONGEST_SIDE = 144
PIXELATED_BELOW = 80


@dataclass(frozen=True)
class Pictures:
    """The test images of a run: `source.raw(i)` is uint8[H, W, 3], RGB. None when they are gone."""

    source: object | None
    names: list[str] | None


def open_pictures(run: Run) -> Pictures:
    """The test split named by the run's config; on failure a Gap under `images`."""
    try:
        # Imported here: a page without pictures does not need the code that reads data.
        from src.data import load

        source = load(
            run.setting("data.name"),
            run.setting("data.path"),
            "test",
            image_size=run.setting("data.image_size"),
            val_split=run.setting("data.val_split", 0.0),
            seed=run.setting("train.seed", 0),
            test_split=run.setting("data.test_split", 0.2),
        )
        _check_same_images(run, source)
    except (UserError, ImportError, OSError, ValueError, TypeError, KeyError) as error:
        run.gaps["images"] = Gap(
            f"The test images cannot be shown: {error}.".replace("..", "."),
            f"Make the evaluated data reachable (data.path in {run.path / 'config.yaml'}), "
            f"then `{run.command('report.py')}`",
        )
        return Pictures(None, None)
    return Pictures(source, [str(name) for name in getattr(source, "classes", [])] or None)


def _check_same_images(run: Run, source: object) -> None:
    """The labels of the data must be those that were evaluated, else the pictures would lie."""
    labels = getattr(source, "labels", None)
    if labels is None or run.evaluation is None or run.evaluation.arrays is None:
        return
    index, label = (run.evaluation.arrays[name] for name in ("index", "label"))
    if index.min() < 0 or index.max() >= len(labels) or not np.array_equal(labels[index], label):
        raise ValueError("the data set is not the one that was evaluated (its labels differ)")


def strip(
    title: str, note: str, chosen: np.ndarray, evaluation: Evaluation, pictures: Pictures
) -> Markup:
    """One strip; `chosen` are positions in the arrays of the evaluation."""
    arrays, widths = evaluation.arrays, image_widths(evaluation)
    cards = []
    for at in chosen:
        image = pictures.source.raw(int(arrays["index"][at]))
        label, predicted = (
            class_name(int(arrays[key][at]), pictures.names) for key in ("label", "predicted")
        )
        sure = percent(float(arrays["confidence"][at]), 0)
        if evaluation.climbs and "margin" in arrays:
            facts = f"{widths[at]:.3g} bits, margin {plain(float(arrays['margin'][at]), 1)}"
        elif widths is not None:
            facts = f"{plain(float(widths[at]))} bits, {sure}"
        else:
            facts = f"{sure} sure"
        cards.append(_card(image, label, predicted, facts))
    return tag(
        "div",
        tag("h3", title),
        tag("p", note, cls="note"),
        tag("div", join(cards), cls="strip"),
        cls="strip-box",
    )


def _card(image: np.ndarray, label: str, predicted: str, facts: str) -> Markup:
    verdict = (
        tag("span", label, cls="right", title=label)
        if label == predicted
        else tag(
            "span",
            label,
            tag("b", f"→ {predicted}"),
            cls="wrong",
            title=f"{label}, taken for {predicted}",
        )
    )
    style = "pixelated" if max(image.shape[:2]) < PIXELATED_BELOW else None
    picture = tag("img", src=data_uri(image), alt=f"{label}, predicted {predicted}", cls=style)
    return tag("figure", picture, tag("figcaption", verdict, tag("span", facts, cls="facts")))


def data_uri(image: np.ndarray) -> str:
    """A uint8[H, W, 3] RGB image as an embedded PNG, at most 144 pixels on its longest side."""
    longest = max(image.shape[:2])
    if longest > LONGEST_SIDE:
        size = [
            max(1, round(side * LONGEST_SIDE / longest))
            for side in (image.shape[1], image.shape[0])
        ]
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    done, encoded = cv2.imencode(".png", np.ascontiguousarray(image[..., ::-1]))
    if not done:
        raise ValueError(f"OpenCV cannot write a PNG of shape {image.shape}")
    return "data:image/png;base64," + base64.b64encode(encoded.tobytes()).decode("ascii")


def strips(
    evaluation: Evaluation, pictures: Pictures, wanted: Sequence[tuple[str, str, np.ndarray]]
) -> Markup:
    """Several strips side by side where there is room; those without an image are left out."""
    shown = [
        strip(title, note, chosen, evaluation, pictures)
        for title, note, chosen in wanted
        if len(chosen)
    ]
    return tag("div", join(shown), cls=f"strips n{len(shown)}")
