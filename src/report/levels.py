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
"""Learned levels of a run: a picture for each layer, the weights' histogram behind them."""

from __future__ import annotations

import numpy as np

from src.report import figures
from src.report.axes import CARD, Axis, canvas, frame, horizontal, vertical
from src.report.level_file import LayerLevels
from src.report.load import Run
from src.report.markup import Markup, join, tag
from src.report.notices import gap_note

SHOWN = 40  # layers; more would hide the rest of the page


def levels(run: Run) -> Markup:
    """The section; empty where nothing was learned."""
    if "levels" in run.gaps:
        return gap_note(run, "levels")
    if not run.levels:
        return Markup("")
    intro = (
        "What each layer learned: a line is a level of the weights, in front of how many weights there are; a dot "
        "above is a level of the inputs, on a scale of its own. Lines are dense where the layer needs resolution."
    )
    more = f" The first {SHOWN} of {len(run.levels)} layers." if len(run.levels) > SHOWN else ""
    charts = [_figure(layer) for layer in run.levels[:SHOWN]]
    return join((tag("p", intro + more, cls="note"), figures.chart_grid(charts)))


def _figure(layer: LayerLevels) -> Markup:
    bits = [float(np.log2(len(v))) for v in (layer.weights, layer.inputs)]
    title = f"{layer.name}: weights {bits[0]:g} bit, inputs {bits[1]:g} bit"
    return figures.figure(title, draw(layer, title))


def draw(layer: LayerLevels, label: str) -> Markup:
    """The picture of a layer."""
    x = horizontal(np.concatenate([layer.edges[[0, -1]], layer.weights]))
    y = vertical(layer.counts, zero=True)
    parts = [frame(x, y, "weight")]
    for left, right, count in zip(layer.edges, layer.edges[1:], layer.counts, strict=False):
        if count:
            parts.append(
                tag(
                    "rect",
                    tag("title", f"{count:.0f} weights from {left:.4g} to {right:.4g}"),
                    x=x.at(left),
                    y=y.at(count),
                    width=max(round(x.at(right) - x.at(left), 2), 0.5),
                    height=round(y.at(0) - y.at(count), 2),
                    cls="fill one",
                )  # fmt: skip
            )
    for level in layer.weights:
        tip = tag("title", f"level {level:.4g}")
        across = x.at(level)
        parts.append(tag("line", tip, x1=across, x2=across, y1=y.end, y2=y.start, cls="line two"))
    return canvas(label, *parts, *_dots(layer.inputs, x))


def _dots(inputs: np.ndarray, x: Axis) -> list[Markup]:
    """Levels of the inputs along the upper edge, from the smallest to the largest."""
    width = float(np.ptp(inputs)) or 1.0
    return [
        tag(
            "circle", tag("title", f"input level {level:.4g}"),
            cx=round(x.start + (level - inputs[0]) / width * (x.end - x.start), 2),
            cy=CARD.top - 6, r=2.5, cls="point one",
        )
        for level in inputs
    ]  # fmt: skip
