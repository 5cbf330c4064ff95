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
"""Accuracy against cost of several runs on one sheet: BitOPs, and milliseconds where they were measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from src.report.axes import Sheet
from src.report.comparable import Entry, Group
from src.report.compare_tables import known_ms
from src.report.figures import figure
from src.report.formats import big, known, percent, prefix
from src.report.knob import Setting
from src.report.knob_charts import settings_on_test
from src.report.markup import Markup, join
from src.report.systems import SYSTEMS, role_of
from src.report.totals import float_top1, net_bitops
from src.report.tradeoff import Curve, Dot, Drawing, draw

SHEET = Sheet(620, 400, left=54, right=30, top=14)
NUMBERS = "Numbers are rows of the table; between two dots of a line lies what a random mixture of the two gives."


def tradeoff(group: Group) -> Markup:
    """The charts of a group, empty with fewer than two dots."""
    return join((_bitops(group), *_latencies(group)))


def _bitops(group: Group) -> Markup:
    """All settings of every run, and the runs themselves with the BitOPs of their controllers."""
    curves = []
    for entry in group.entries:
        cost, top1 = net_bitops(entry.totals), entry.totals.get("top1")
        curves += [_numbered(curve, entry) for curve in settings_on_test(entry.run)]
        if cost is not None and known(top1):
            cost += entry.totals.get("bitops_controller") or 0
            curves.append(_own(entry, Dot(cost, top1, f"{percent(top1)}, {big(cost)} BitOPs")))
    return _figure("Top-1 against BitOPs, %", curves, _floats(group), _bitops_title)


def _latencies(group: Group) -> list[Markup]:
    """A chart for each machine on which at least two dots were measured."""
    found: dict[str, list[Curve]] = {}
    for entry in group.entries:
        time = known_ms(entry.run)
        if time is None or not known(entry.totals.get("top1")):
            continue
        curves = found.setdefault(time.machine, [])
        knob = entry.run.knob
        for role, settings in (("uniform", knob.uniform), ("escalation", knob.ladder)):
            placed = [(time.at(setting), setting) for setting in settings]
            dots = [_timed(ms, setting) for ms, setting in sorted(placed, key=_ms) if ms is not None]
            curves.append(_numbered(Curve(role, dots, radius=3.5), entry))
        top1 = entry.totals["top1"]
        curves.append(_own(entry, Dot(time.net, top1, f"{percent(top1)}, {time.net:.3g} ms")))
    title, axis = "Top-1 against milliseconds, %", lambda _: (1.0, "ms per image")
    drawn = [_figure(title, curves, (), axis, f"Measured on {machine}. ") for machine, curves in found.items()]
    return [chart for chart in drawn if chart]


def _ms(placed: tuple[float | None, Setting]) -> float:
    return placed[0] or 0.0


def _timed(ms: float, setting: Setting) -> Dot:
    name = f"{setting.bits[0]} bit" if len(setting.bits) == 1 else ""
    return Dot(ms, setting.top1, f"{percent(setting.top1)}, {ms:.3g} ms", name)


def _own(entry: Entry, dot: Dot) -> Curve:
    """The run as it was evaluated, with its number."""
    tip = f"{entry.run.name}: {dot.tip}"
    return Curve(role_of(entry.run), [replace(dot, tip=tip, name=str(entry.number))], joined=False, radius=5.5)


def _numbered(curve: Curve, entry: Entry) -> Curve:
    """A line of a run's settings, whose dots say of which run they are and are not rows of a table."""
    dots = [replace(dot, tip=f"{entry.run.name}: {dot.tip}", row=None) for dot in curve.dots]
    return replace(curve, dots=dots)


def _floats(group: Group) -> list[float]:
    return sorted({top1 for entry in group.entries if (top1 := float_top1(entry.totals)) is not None})


def _bitops_title(most: float) -> tuple[float, str]:
    unit, letter = prefix(most)
    return unit, f"{letter} BitOPs per image, controllers included".lstrip()


def _figure(
    title: str, curves: Sequence[Curve], floats: Sequence[float], axis: Callable, note: str = ""
) -> Markup:
    curves = [curve for curve in curves if curve.dots]
    if sum(len(curve.dots) for curve in curves) < 2:
        return Markup("")
    unit, x_title = axis(max(dot.cost for curve in curves for dot in curve.dots))
    chart = draw(title.removesuffix(", %"), Drawing(curves, SHEET, unit, floats=floats), x_title)
    keys = dict.fromkeys(curve.role for curve in curves)
    return figure(title, chart, [(role, SYSTEMS[role].title) for role in keys], note + NUMBERS)
