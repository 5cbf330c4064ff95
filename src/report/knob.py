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
"""The settings at which the net of a run was measured, besides the one that the run stands for.

    eval/test_<bits>bit.json   that width throughout, on the test set
    eval/test_<budget>M.json   an agent that was told so many million BitOPs
    eval/ladder.json           the settings of its ladder (`src/cost/ladder.py`), on the test set
    ladder.json                the ladder itself: the same settings, on the images held out for it
    search.json                plans for all images that a search tried on held-out images, and its front

None of them is needed: what a run lacks is empty here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from src.cost.ladder import Ladder
from src.errors import UserError
from src.report.formats import known


@dataclass(frozen=True)
class Setting:
    """One way to run a net, and what it gave.

    Attributes:
        bitops: mean of an image, every pass counted.
        top1: 0..1.
        bits: widths of its rungs, rising; one alone: that width throughout; none: a mixed plan.
        margins: thresholds of all rungs but the last, in units of the logits.
        shares: of the images that end at each rung, 0..1; none where they were not counted.
        found_by: the search that tried a plan first: uniform, random, greedy, evolution.
        budget: BitOPs that an agent was told to keep to; None of any other setting.
    """

    bitops: float
    top1: float
    bits: tuple[int, ...] = ()
    margins: tuple[float, ...] = ()
    shares: tuple[float, ...] = ()
    found_by: str = ""
    budget: float | None = None


@dataclass
class Knob:
    """All of them, each list by rising BitOPs; `tried` and `fitted` are of held-out images."""

    uniform: list[Setting] = field(default_factory=list)
    ladder: list[Setting] = field(default_factory=list)
    fitted: list[Setting] = field(default_factory=list)
    budgets: list[Setting] = field(default_factory=list)
    searched: list[Setting] = field(default_factory=list)
    tried: list[Setting] = field(default_factory=list)

    @property
    def top(self) -> Setting | None:
        """The widest width throughout, on the test set."""
        return max(self.uniform, key=lambda setting: setting.bits, default=None)

    def budget_of(self, setting: Setting) -> float | None:
        """The budget, in whole tenths of a million BitOPs, with which the ladder gives this setting.

        A budget is of held-out images, `setting` of the test set. None without its like among them,
        where the next setting is so near that no such budget lies between, or where an agent keeps to budgets.
        """
        if self.budgets:
            return None
        alike = [(row.bits, row.margins) for row in self.fitted]
        if (setting.bits, setting.margins) not in alike:
            return None
        at = alike.index((setting.bits, setting.margins))
        budget = math.ceil(self.fitted[at].bitops / 1e5) * 1e5
        following = self.fitted[at + 1 : at + 2]
        return None if following and following[0].bitops <= budget else budget


def nearest(settings: list[Setting], bitops: float | None, top1: float | None) -> int:
    """The place of the setting that cost about `bitops`, of equals the one of about `top1`."""
    cost, hits = (value if known(value) else 0.0 for value in (bitops, top1))
    return min(
        range(len(settings)),
        key=lambda at: (abs(settings[at].bitops / max(cost, 1) - 1), abs(settings[at].top1 - hits)),
    )


def read_knob(folder: Path, read: Callable[[str, Callable], object]) -> Knob:
    """What a run folder holds of it.

    Args:
        read: (name of a file, its reader) -> what the reader gave, None without a file that it can
            read. A reader raises ValueError, TypeError or KeyError where the file is damaged.
    """

    def all_of(pattern: str, reader: Callable) -> list[Setting]:
        files = sorted((folder / "eval").glob(pattern))
        found = [read(f"eval/{file.name}", reader) for file in files]
        return _by_cost(setting for setting in found if setting is not None)

    tried, on_test = read("search.json", _search) or ([], [])
    return Knob(
        uniform=all_of("test_[2-8]bit.json", _uniform),
        budgets=all_of("test_[0-9]*M.json", _budget),
        ladder=read("eval/ladder.json", _ladder) or [],
        fitted=read("ladder.json", _fitted) or [],
        searched=on_test,
        tried=tried,
    )


def _uniform(file: Path) -> Setting:
    return _setting({**_json(file), "bits": [int(file.stem[len("test_")])]})


def _budget(file: Path) -> Setting | None:
    """What an agent that was told a budget gave; None of a net that kept to it by its ladder."""
    totals, budget = _json(file), float(file.stem[len("test_") : -len("M")]) * 1e6
    if "rungs" in totals:
        return None
    cost = totals["bitops"] + (totals.get("bitops_controller") or 0)
    return replace(_setting({"bitops": cost, "top1": totals["top1"]}), budget=budget)


def _ladder(file: Path) -> list[Setting]:
    rows = _json(file)
    return _by_cost(_setting(row) for row in (rows["rows"] if isinstance(rows, dict) else rows))


def _fitted(file: Path) -> list[Setting]:
    try:
        rows = Ladder.from_dict(_json(file)).rows
    except UserError as error:
        raise ValueError(str(error)) from error
    return [Setting(row.bitops, row.top1, row.bits, row.margins) for row in rows]


def _search(file: Path) -> tuple[list[Setting], list[Setting]]:
    """(plans that were tried, on held-out images; those of the front, on the test set)."""
    search = _json(file)
    tried = [_plan(row, "top1") for row in search["tried"]]
    front = [_plan(row, "test_top1") for row in search["front"] if known(row.get("test_top1"))]
    return _by_cost(tried), _by_cost(front)


def _json(file: Path) -> dict | list:
    return json.loads(file.read_text(encoding="utf-8"))


def _plan(row: dict, top1: str) -> Setting:
    return _setting({"bitops": row["bitops"], "top1": row[top1]}, str(row["method"]))


def _setting(row: dict, found_by: str = "") -> Setting:
    if not (known(row["bitops"]) and known(row["top1"])):
        raise ValueError(f"bitops {row['bitops']} and top1 {row['top1']} are no numbers")
    bits = tuple(int(width) for width in row.get("bits", ()))
    margins, shares = (tuple(map(float, row.get(name, ()))) for name in ("margins", "shares"))
    if len(margins) != max(len(bits) - 1, 0) or len(shares) not in (0, len(bits)):
        raise ValueError(f"{len(margins)} margins and {len(shares)} shares of {len(bits)} rungs")
    return Setting(float(row["bitops"]), float(row["top1"]), bits, margins, shares, found_by)


def _by_cost(settings: Iterable[Setting]) -> list[Setting]:
    return sorted(set(settings), key=lambda setting: (setting.bitops, setting.top1))
