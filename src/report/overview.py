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
"""The pictures of a folder of records: top-1 against BitOPs, the controller's included.

One network on one data set is drawn, the one with the most records, and only trainings of equally many
epochs together. Records that differ in their seed alone are one dot, their mean. Static nets of one
quantiser are a line, one of its own for each word that their names have behind the width. A record whose
name has a word of `NOT_DRAWN` (`..._4bit_avx512`) shows something else than accuracy against cost, and
is left out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import groupby
from statistics import fmean

from src.report.axes import Sheet
from src.report.markup import Markup, tag
from src.report.seeds import by_seed, mean_and_deviation, stem
from src.report.systems import rules, static_role
from src.report.tradeoff import Curve, Dot, Drawing, draw

NOT_DRAWN = {"avx512", "int16", "no"}  # no: ..._no_diversity
WIDTH = re.compile(r"([\dto]+)bit")
CHOOSERS = ("dqnet", "dqt", "agent")  # systems that choose by image, a dot each
NAMES = {
    "uniform": "super-network, one width",
    "searched": "best searched plans",
    "escalation": "escalation",
}
WORDS = {
    **{"lsq": "LSQ", "dorefa": "DoReFa", "pact": "PACT"},
    **{"dqnet": "DQNet", "dqt": "DQT", "abn": "ABN", "ddq": "DDQ"},
}
SHEET = Sheet(860, 540, left=50, right=18, top=40, bottom=42, steps=5)
FONT = 13
CHORDS = "Between two dots of a line: a random mixture of both."
STYLE = """text { font: 13px system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; fill: #57636a;
  paint-order: stroke; stroke: #fff; stroke-width: 3px; stroke-linejoin: round; }
.sheet { fill: #fff; } .grid { stroke: #e4e5df; } .tick { stroke: #57636a; }
.line { font-weight: 600; } .heading { font-size: 15px; font-weight: 600; fill: #1c2226; }
.lead { stroke-width: 1; stroke-opacity: .6; } .thin { stroke-width: 1.2; }
@media screen and (prefers-color-scheme: dark) {
  text { fill: #9dabb0; stroke: #151b1e; } .heading { fill: #e7ebe9; }
  .sheet { fill: #151b1e; } .grid { stroke: #2d363b; } .tick { stroke: #9dabb0; }
}
"""


def accuracy_pictures(rows: Sequence[dict]) -> dict[str, str]:
    """SVG by file name of the rows of `records.rows`: `accuracy.svg` of the longest training that several
    share, `accuracy_N_epochs.svg` of each shorter one; none where fewer than two can be compared."""
    drawn = [row for row in rows if row["bitops"] and not NOT_DRAWN & set(_words(row))]
    nets = Counter((row["model"], row["data"]) for row in drawn)
    if not nets:
        return {}
    net = nets.most_common(1)[0][0]
    drawn = [row for row in drawn if (row["model"], row["data"]) == net]
    shared = [(n, group) for n, group in _groups(drawn, lambda row: row["epochs"]) if len(group) > 1]
    found = {f"accuracy_{epochs}_epochs.svg": _picture(group) for epochs, group in shared[:-1]}
    if shared:
        found["accuracy.svg"] = _picture(shared[-1][1])
    return found


def _picture(drawn: Sequence[dict]) -> str:
    """SVG of records of one network, trained for equally many epochs."""
    model, data, epochs = (drawn[0][name] for name in ("model", "data", "epochs"))
    curves = _curves(drawn)
    style = rules({"float", *(curve.role for curve in curves)}) + STYLE
    drawing = Drawing(
        curves=curves,
        sheet=SHEET,
        unit=1e6,
        floats=sorted({row["float_top1"] for row in drawn if row["float_top1"] is not None}),
        zero=True,
        room=0.12,
        font=FONT,
        below=[tag("style", Markup(style)), _sheet()],
        above=[
            tag("text", f"Top-1 %, {model} on {data}, {epochs} epochs", x=14, y=24, cls="heading"),
            tag("text", CHORDS, x=14, y=SHEET.height - 4),
        ],
    )
    label = f"Top-1 accuracy of {model} on {data} against BitOPs per image"
    picture = draw(label, drawing, "M BitOPs per image, controller included")
    return picture.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1) + "\n"


def _sheet() -> Markup:
    return tag("rect", width=SHEET.width, height=SHEET.height, rx=8, cls="sheet")


def _curves(rows: Sequence[dict]) -> list[Curve]:
    """Baselines first, so that what is compared with them lies on top."""
    return [*_static(rows), *_learned(rows), *_super_networks(rows), *_choosers(rows)]


def _static(rows: Sequence[dict]) -> list[Curve]:
    static = [row for row in rows if row["method"] == "static"]
    return [
        Curve(
            static_role(quantizer),
            [_mean(group, f"{group[0]['mean_bits']:g} bit") for group in _by_seed(alike)],
            name=" ".join(["static", WORDS.get(quantizer, quantizer), *more]),
        )
        for (quantizer, *more), alike in _groups(static, _recipe)
    ]


def _learned(rows: Sequence[dict]) -> list[Curve]:
    """DDQ's: static in use, a line over the widths for each form that its name says behind them."""
    learned = [row for row in rows if row["method"] == "ddq"]
    return [
        Curve(
            "ddq",
            [_mean(group, f"{group[0]['mean_bits']:.3g} bit") for group in _by_seed(alike)],
            name=" ".join(["DDQ", *more]),
        )
        for (_, *more), alike in _groups(learned, _recipe)
    ]


def _super_networks(rows: Sequence[dict]) -> list[Curve]:
    """Of each without an agent, else of the first with one: of one seed, as its curves are its own."""
    found = [group[0] for group in _by_seed(rows) if group[0]["method"] == "abn"]
    bare = [row for row in found if row["system"] == "supernet"]
    return [
        curve
        for row in bare or found[:1]
        for curve in _of_one_artefact(row, f" ({_name(row)})" if len(bare) > 1 else "")
    ]


def _choosers(rows: Sequence[dict]) -> list[Curve]:
    """What chooses by image: a line over its budgets, or a dot."""
    found = []
    for group in _by_seed(rows):
        role, budgets = group[0]["system"], group[0]["budgets"]
        if role in CHOOSERS and budgets:
            found.append(Curve(role, [_dot(point) for point in budgets], name=_name(group[0])))
        elif role in CHOOSERS:
            found.append(Curve(role, [_mean(group, _name(group[0]))], joined=False))
    return found


def _of_one_artefact(row: dict, which: str) -> list[Curve]:
    """What a super-network gives: one width throughout, the best searched plans, its ladder; `which`
    tells it from others."""
    found = [
        Curve("uniform", [_dot(point, f"{point['bits'][0]} bit") for point in row["uniform"]]),
        Curve("searched", [_dot(point) for point in row["searched"]], radius=3.5),
        Curve("escalation", [_dot(point) for point in row["ladder"]], radius=3),
    ]
    return [replace(curve, name=NAMES[curve.role] + which) for curve in found if curve.dots]


def _dot(point: dict, name: str = "") -> Dot:
    tip = f"{100 * point['top1']:.2f} %, {point['bitops'] / 1e6:.1f} M"
    return Dot(point["bitops"], point["top1"], tip, name)


def _by_seed(rows: Sequence[dict]) -> list[list[dict]]:
    """Records that differ in their seed alone, groups by rising BitOPs."""
    return sorted(by_seed(rows), key=lambda group: group[0]["bitops"])


def _recipe(row: dict) -> tuple[str, ...]:
    """The quantiser of a static net, and what its name says behind the width."""
    words = _words(row)
    width = next((at for at, word in enumerate(words) if WIDTH.fullmatch(word)), len(words))
    return (row["quantizer"], *words[width + 1 :])


def _groups(rows: Sequence[dict], key: Callable) -> list[tuple]:
    """(key, the rows that have it), by key."""
    return [(name, list(group)) for name, group in groupby(sorted(rows, key=key), key)]


def _mean(group: Sequence[dict], name: str) -> Dot:
    costs = [row["bitops"] + (row["bitops_controller"] or 0) for row in group]
    top1 = [row["top1"] for row in group]
    told = f"{100 * top1[0]:.2f} %"
    if len(group) > 1:
        told = f"{mean_and_deviation(top1, 100, 2)} %, mean and standard deviation of {len(group)} seeds"
    return Dot(fmean(costs), fmean(top1), f"{stem(group[0])}: {told}", name)


def _name(row: dict) -> str:
    """The record's name as text writes it."""
    named = (WIDTH.fullmatch(word) for word in _words(row))
    return " ".join(
        f"{width[1]} bit" if width else WORDS.get(word, word)
        for width, word in zip(named, _words(row), strict=True)
    )


def _words(row: dict) -> list[str]:
    """Of the record's name, without those that all records in the picture share and without its seed."""
    return stem(row).removeprefix(f"{row['model']}_{row['data']}_").split("_")
