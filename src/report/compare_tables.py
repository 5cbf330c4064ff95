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
"""Tables of a comparison: the runs, what a test says of their accuracies, the settings in which they differ."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import yaml

from src.data.chance import Paired, holm, interval, paired
from src.errors import UserError
from src.report.comparable import Entry, Group
from src.report.formats import DASH, big, known, p_value, percent, plain, ratio, signed, size
from src.report.latency import Milliseconds, milliseconds
from src.report.load import Run
from src.report.markup import Markup, join, tag
from src.report.records import ARTEFACT
from src.report.tables import table
from src.report.totals import net_bitops, static_bitops

BELIEVED = 0.05  # largest p that is called a difference
TESTED = (
    "McNemar's test, exact and two-sided, on the images that only one of the two networks answers right: whether "
    "that network is the better one on images like these. (The images are the same as far as the data set's name, "
    "positions and labels tell.) It says nothing of the methods behind them: another "
    "seed, or a training of another length, gives another network."
)
SEVERAL = " Where several runs are held against one, p is raised for that (Holm)."
SECTIONS = ("data", "model", "quant", "train")  # and the one named like the method
NOT_SHOWN = {"data.workers", "data.eval_batch_size", "train.log_every", "train.tensorboard"}


def runs_table(entries: Sequence[Entry]) -> Markup:
    """A row for each: accuracy with its interval, cost, size of the artefact."""
    heads = (
        *("", "run", "model", "method", "training", "top-1", "95 % interval", "mean bits", "BitOPs"),
        *("ms", "artefact", "of static 4-bit", "BitOPs of the controller", ""),
    )
    rows = [_run_row(entry) for entry in entries]
    empty = [all(row[n] in (DASH, "") for row in rows) for n in range(len(heads))]
    empty[2] = len({row[2] for row in rows}) == 1  # of one model, which the title names
    kept = [n for n in range(len(heads)) if not empty[n]]
    shown = [[row[n] for n in kept] for row in rows]
    right = [at for at, n in enumerate(kept) if n == 0 or 5 <= n < len(heads) - 1]
    return table([heads[n] for n in kept], shown, right, "Runs")


def _run_row(entry: Entry) -> list[object]:
    run, totals = entry.run, entry.totals
    bitops, time = net_bitops(totals), known_ms(run)
    images, top1 = totals.get("images"), totals.get("top1")
    sure = known(images) and known(top1) and images > 0
    low, high = interval(round(top1 * images), images) if sure else (None, None)
    return [
        entry.number,
        run.name,
        run.setting("model.name", DASH),
        run.setting("method.name", DASH),
        tag("span", entry.training, cls="whole"),
        percent(top1),
        f"{100 * low:.1f} to {100 * high:.1f}" if sure else DASH,
        plain(totals.get("mean_bits")) if bitops else DASH,
        big(bitops),
        f"{time.net:.3g}" if time else DASH,
        size(artefact_bytes(run)),
        ratio(bitops, static_bitops(totals, 4)),
        big(totals.get("bitops_controller") or None),
        "collapsed" if totals.get("collapsed") else "",
    ]


def known_ms(run: Run) -> Milliseconds | None:
    """Milliseconds where a table of them is there and can be read; the page of the run says what is wrong."""
    try:
        return milliseconds(run)
    except UserError:
        return None


def artefact_bytes(run: Run) -> int | None:
    """Size of the integer artefact, of a run or of a record; None: there is none."""
    files = (run.path / ARTEFACT, run.path / "export" / ARTEFACT)
    return next((file.stat().st_size for file in files if file.is_file()), None)


def against_first(group: Group) -> Markup:
    """The others of a group held against its first; empty where there is nothing to hold."""
    first, others = group.entries[0], group.others
    if not others:
        return Markup("")
    found = [paired(first.right, entry.right) for entry in others]
    believed = holm([one.p for one in found])
    pairs = zip(others, found, believed, strict=True)
    rows = [_test_row(first, entry, one, p) for entry, one, p in pairs]
    heads = [
        *("", "run", "top-1", "difference, points", "95 % interval", "right alone", f"run {first.number} alone"),
        *("p", "of these images"),
    ]
    start = f"Each run against run {first.number}, {first.run.name} ({percent(first.totals.get('top1'))}). "
    text = start + TESTED + SEVERAL * (len(others) > 1)
    return join((tag("p", text, cls="note"), table(heads, rows, tuple(range(2, 8)), "Tested differences")))


def _test_row(first: Entry, entry: Entry, found: Paired, p: float) -> list[object]:
    low, high = found.interval()
    return [
        entry.number,
        entry.run.name,
        percent(entry.totals.get("top1")),
        signed(100 * found.difference),
        f"{signed(100 * low)} to {signed(100 * high)}",
        found.second_alone,
        found.first_alone,
        p_value(p),
        verdict(first, entry, found, p),
    ]


def verdict(first: Entry, entry: Entry, found: Paired, p: float) -> str:
    """What the test lets one say of two runs."""
    if p > BELIEVED:
        text = "no difference shown"
    else:
        text = f"more right than run {first.number}" if found.difference > 0 else f"fewer right than run {first.number}"
    return text if entry.trained == first.trained else f"{text}; not trained equally long"


def differing(entries: Sequence[Entry]) -> Markup:
    """The settings that at least two runs have and not all of these alike; empty where there are none."""
    tables = [_settings(entry.run) for entry in entries]
    rows = []
    for key in dict.fromkeys(key for found in tables for key in found):
        values = [found.get(key, DASH) for found in tables]
        if len({value for value in values if value != DASH}) > 1:
            rows.append([tag("code", key), *values])
    if not rows:
        return Markup("")
    return table(["", *(entry.number for entry in entries)], rows, (), "Settings that differ")


def _settings(run: Run) -> dict[str, str]:
    """Key -> value as text, of the sections that made the network; of a path its last part."""
    found = {}
    for section in dict.fromkeys((*SECTIONS, run.setting("method.name"))):
        values = run.config.get(section)
        for name, value in values.items() if isinstance(values, dict) else ():
            key = f"{section}.{name}"
            if key not in NOT_SHOWN:
                found[key] = _shown(value)
    return found


def _shown(value: object) -> str:
    if isinstance(value, str) and "/" in value:
        return Path(value).name
    text = value if isinstance(value, str) else yaml.safe_dump(value, default_flow_style=True, width=1000)
    return text.removesuffix("\n").removesuffix("\n...")
