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
"""Accuracy against BitOPs of one net at all settings that were measured: on the test set, and on the
held-out images on which thresholds and plans were chosen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from src.report.axes import Sheet
from src.report.figures import figure
from src.report.formats import big, known, percent, prefix
from src.report.knob import Setting
from src.report.load import Run
from src.report.markup import Markup
from src.report.systems import SYSTEMS
from src.report.totals import net_bitops
from src.report.tradeoff import Curve, Dot, Drawing, draw

SHEET = Sheet(560, 340, left=54, right=34, top=14)


def on_test(run: Run, at: int | None) -> Markup | None:
    """All settings on the test set; the ladder's one number `at` has a ring, which the slider moves."""
    return _figure("Top-1 on the test set, %", [*settings_on_test(run), *_this_net(run)], at)


def settings_on_test(run: Run) -> list[Curve]:
    """The curves of that; one may have no dots."""
    knob = run.knob
    return [
        Curve("uniform", [_dot(setting, f"{setting.bits[0]} bit") for setting in knob.uniform]),
        Curve("searched", _dots(knob.searched), radius=4),
        Curve("agent", _dots(knob.budgets)),
        Curve("escalation", [_dot(row, at=n) for n, row in enumerate(knob.ladder)], radius=3.5),
    ]


def on_held_out(run: Run) -> Markup | None:
    """What a search tried, with the best of each kind joined, and the ladder as it was set."""
    tried = run.knob.tried
    if not tried:
        return None
    curves = [
        Curve("random", _dots(_by(tried, "random")), joined=False),
        Curve("uniform", _dots(_by(tried, "uniform"))),
    ]
    for role in ("greedy", "evolution"):
        mine = _by(tried, role)
        curves.append(Curve(role, _dots(mine), joined=False, radius=2.2))
        curves.append(Curve(role, _dots(_best(mine)), radius=3.2))
    curves.append(Curve("escalation", _dots(run.knob.fitted), radius=3))
    return _figure("Top-1 on the held-out images, %", curves)


def _figure(title: str, curves: Sequence[Curve], at: int | None = None) -> Markup | None:
    curves = [curve for curve in curves if curve.dots]
    if sum(len(curve.dots) for curve in curves) < 2:
        return None
    unit, letter = prefix(max(dot.cost for curve in curves for dot in curve.dots))
    chart = draw(
        f"{title} against BitOPs per image",
        Drawing(curves, SHEET, unit, ring=at),
        f"{letter} BitOPs per image",
    )
    keys = dict.fromkeys(curve.role for curve in curves)
    return figure(title, chart, [(role, SYSTEMS[role].title) for role in keys])


def _this_net(run: Run) -> list[Curve]:
    """The run's own evaluation, where that is no setting of its ladder: its controller chose."""
    evaluation, role = run.evaluation, str(run.setting("method.name"))
    role = "agent" if role == "abn" else role
    if evaluation is None or evaluation.climbs or role not in ("agent", "dqnet", "dqt"):
        return []
    totals = evaluation.totals
    cost, controller = net_bitops(totals), totals.get("bitops_controller")
    if cost is None or not known(totals.get("top1")) or not _chosen(run):
        return []
    whole = Setting(cost + (controller or 0), totals["top1"])
    return [Curve(role, [_dot(whole, "this net")], joined=False)]


def _chosen(run: Run) -> bool:
    """True if the images differ in what they cost: else it is one of the plans for all of them."""
    arrays, totals = run.evaluation.arrays, run.evaluation.totals
    if arrays is not None:
        return np.ptp(arrays["bitops"]) > 0
    return totals.get("bitops_p5") != totals.get("bitops_p95")


def _by(settings: Sequence[Setting], role: str) -> list[Setting]:
    return [row for row in settings if row.found_by == role]


def _best(settings: Sequence[Setting]) -> list[Setting]:
    """Those of which none that costs no more is as good; the settings rise in BitOPs."""
    front: list[Setting] = []
    for setting in settings:
        if not front or setting.top1 > front[-1].top1:
            front.append(setting)
    return front


def _dots(settings: Sequence[Setting]) -> list[Dot]:
    return [_dot(setting) for setting in settings]


def _dot(setting: Setting, name: str = "", at: int | None = None) -> Dot:
    tip = f"{percent(setting.top1)}, {big(setting.bitops)} BitOPs"
    return Dot(setting.bitops, setting.top1, tip, name, at)
