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
"""Bars made of HTML boxes: they grow with the page where an SVG would only scale its text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from src.report.formats import percent, plain
from src.report.load import Layer
from src.report.markup import Markup, join, tag
from src.report.stats import ClassRow, LayerWidths

LABEL_SHARE = 0.09
ALL_CLASSES = 20
LISTED = 10


def width_histogram(layers: Sequence[Layer], widths: Sequence[LayerWidths]) -> Markup:
    """A stacked bar per dynamic layer: how many of the images got which width there."""
    seen = sorted({bits for row in widths for bits in row.options})
    keys = [tag("span", tag("i", cls=f"key b{bits}"), f"{bits} bits") for bits in seen]
    rows = [_layer_row(layer, row) for layer, row in zip(layers, widths, strict=True)]
    return tag("div", tag("p", *keys, cls="legend"), tag("div", join(rows), cls="stacks"))


def _layer_row(layer: Layer, row: LayerWidths) -> Markup:
    if row.tied:
        bars, mean = stack(row.options, row.w_shares), plain(row.w_mean)
    else:
        bars = join((stack(row.options, row.w_shares, "w"), stack(row.options, row.a_shares, "a")))
        mean = tag("span", plain(row.w_mean), tag("br"), plain(row.a_mean))
    return tag(
        "div",
        tag("code", layer.name, title=layer.name),
        tag("div", bars, cls="bars"),
        tag("span", mean, cls="num"),
        cls="stack-row",
    )


def stack(options: Sequence[int], shares: np.ndarray, side: str = "") -> Markup:
    """A bar split into the shares (0..1) of the widths `options`; `side` is written before it."""
    segments = [
        tag(
            "span",
            percent(share, 0) if share >= LABEL_SHARE else "",
            cls=f"b{bits}",
            style=f"width:{100 * share:.3f}%",
            title=f"{side} {bits} bits: {percent(share, 1)}".strip(),
        )
        for bits, share in zip(options, shares, strict=True)
        if share > 0
    ]
    return tag(
        "div",
        tag("i", side) if side else "",
        tag("div", join(segments, ""), cls="stack"),
        cls="side" if side else "",
    )


def class_bars(rows: Sequence[ClassRow]) -> Markup:
    """Width and accuracy per class: every class when they are few, else the ends of both orders."""
    dynamic = rows[0].width is not None
    if len(rows) <= ALL_CLASSES:
        ordered = sorted(rows, key=lambda row: (-row.width if dynamic else row.accuracy, row.label))
        return _class_list("", ordered, rows)
    lists = []
    if dynamic:
        by_width = sorted(rows, key=lambda row: (row.width, row.label))
        lists += [
            _class_list("Most bits", by_width[: -LISTED - 1 : -1], rows),
            _class_list("Fewest bits", by_width[:LISTED], rows),
        ]
    by_accuracy = sorted(rows, key=lambda row: (row.accuracy, row.label))
    lists += [
        _class_list("Least accurate", by_accuracy[:LISTED], rows),
        _class_list("Most accurate", by_accuracy[: -LISTED - 1 : -1], rows),
    ]
    return tag("div", join(lists), cls="class-lists")


def _class_list(title: str, chosen: Sequence[ClassRow], every: Sequence[ClassRow]) -> Markup:
    """Name, width, accuracy. A width bar starts in the middle, at the mean of all classes."""
    dynamic = every[0].width is not None
    mean = sum(row.width for row in every) / len(every) if dynamic else 0.0
    reach = max(abs(row.width - mean) for row in every) if dynamic else 0.0
    heads = [
        tag("span", "class"),
        tag("span", f"mean width, against {mean:.2f} bits") if dynamic else "",
        tag("span", "accuracy"),
    ]
    body = [tag("div", *heads, cls="class-row head")]
    for row in chosen:
        name = tag("span", row.name, cls="name", title=f"{row.name}, {row.images} images")
        width = _around(row.width - mean, reach, plain(row.width, 3)) if dynamic else ""
        body.append(
            tag("div", name, width, _bar(row.accuracy, percent(row.accuracy, 1)), cls="class-row")
        )
    return tag(
        "div",
        tag("h3", title) if title else "",
        *body,
        cls="class-list" if dynamic else "class-list single",
    )


def _bar(share: float, label: str) -> Markup:
    box = tag("span", tag("i", cls="two", style=f"width:{100 * share:.2f}%"), cls="track")
    return tag("span", box, tag("span", label, cls="num"), cls="bar")


def _around(gap: float, reach: float, label: str) -> Markup:
    """A bar from the middle to the left (fewer) or right (more); `reach` fills one half."""
    length = 50 * abs(gap) / reach if reach > 1e-9 else 0.0
    left = 50 - length if gap < 0 else 50
    box = tag(
        "span",
        tag("i", cls="one", style=f"left:{left:.2f}%;width:{length:.2f}%"),
        cls="track middle",
    )
    return tag("span", box, tag("span", label, cls="num"), cls="bar")
