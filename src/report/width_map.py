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
"""Width maps: the mean width that each layer got for the images of each class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from src.data.by_class import MOST_CLASSES
from src.report.comparable import Entry, Group
from src.report.formats import plain
from src.report.heatmap import Cell, grid, shade
from src.report.load import Evaluation
from src.report.markup import Markup, join, tag
from src.report.stats import class_name, widths_by_class

LARGEST = (38, 24)  # units, of a cell: two maps stand beside each other on a desktop
FLAT = 0.005  # bits; layers that differ by less are one row
SCALE = (
    "Mean width of each layer over the images of each class, weights and inputs alike. Shades have one scale for all "
    "maps of these images, from {low} bits (light) to {high} (dark)."
)


def width_maps(group: Group) -> Markup:
    """A map for each run of the group whose widths are chosen by image; empty without one."""
    drawn = [(entry, _map(entry.run.evaluation, group)) for entry in group.entries if entry.run.dynamic_layers]
    drawn = [(entry, values) for entry, values in drawn if values is not None]
    if not drawn:
        return Markup("")
    low = min(float(np.nanmin(values)) for _, values in drawn)
    high = max(float(np.nanmax(values)) for _, values in drawn)
    intro = tag("p", SCALE.format(low=plain(low), high=plain(high)), cls="note")
    maps = [_figure(entry, values, group.names, low, high) for entry, values in drawn]
    return join((intro, tag("div", join(maps), cls="matrices")))


def _map(evaluation: Evaluation, group: Group) -> np.ndarray | None:
    """float64 (L, C); None without answers or with too many classes to draw."""
    if evaluation.arrays is None:
        return None
    values = widths_by_class(evaluation, len(group.names or ()))
    return values if values.shape[1] <= MOST_CLASSES else None


def _figure(
    entry: Entry, values: np.ndarray, names: Sequence[str] | None, low: float, high: float
) -> Markup:
    layers = [layer.name for layer in entry.run.dynamic_layers]
    alike = len(layers) > 1 and np.nanmax(np.abs(values - values[:1])) < FLAT
    if alike:
        layers, values = [f"all {len(layers)} layers"], values[:1]
    columns = [class_name(label, names) for label in range(values.shape[1])]
    cells = []
    for i, j in np.argwhere(np.isfinite(values)).tolist():
        share = (values[i, j] - low) / (high - low) if high > low else 1.0
        tip = f"{layers[i]}, {columns[j]}: {values[i, j]:.3f} bits"
        cells.append(Cell(i, j, "one", shade(share), f"{values[i, j]:.1f}", tip))
    label = f"Mean widths of run {entry.number} by layer and class"
    drawing = grid(layers, columns, cells, ("layer", "class"), label, LARGEST)
    title = tag("h4", f"{entry.number}  {entry.run.name}")
    return tag("div", title, tag("div", drawing, cls="scroll matrix", tabindex=0, role="region", aria_label=label))
