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
"""A page that puts several runs side by side: accuracy against cost, what a test says of the differences,
what their choices are worth, their classes and widths, and in which settings they differ."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from src.errors import UserError
from src.report.comparable import Entry, Group, groups, objections
from src.report.compare_charts import tradeoff
from src.report.compare_classes import by_class
from src.report.compare_tables import against_first, differing, runs_table
from src.report.escalation import HOW, knob_box
from src.report.load import Run, load_run
from src.report.markup import Markup, join, tag
from src.report.notices import gap_note, warning
from src.report.page import document, write_page
from src.report.tables import table
from src.report.width_map import width_maps
from src.report.worth import worth


def write_comparison(paths: Sequence[Path], target: Path) -> Path:
    """Compare the run folders `paths` in the file `target`. UserError for fewer than two."""
    runs = [load_run(path) for path in {path.resolve(): path for path in paths}.values()]
    ready = [run for run in runs if run.evaluation is not None]
    if len(ready) < 2:
        missing = "; ".join(f"{run.path}: {run.gaps['evaluation'].how}" for run in runs if run.evaluation is None)
        raise UserError(
            f"a comparison needs at least two evaluated runs, found {len(ready)}; name another with --run. {missing}"
        )
    return write_page(target, comparison_page(runs))


def comparison_page(runs: Sequence[Run]) -> str:
    """The whole page; runs without an evaluation are named, not compared."""
    ready = [run for run in runs if run.evaluation is not None]
    entries = [Entry(number, run) for number, run in enumerate(ready, 1)]
    found = groups(entries)
    built = [
        ("accuracy", "Accuracy and cost", _each(found, lambda group: tag("div", tradeoff(group), cls="pair"))),
        ("tested", "Tested", _each(found, against_first)),
        ("choice", "What the choice is worth", _choices(entries)),
        ("settings", "Bits against accuracy", _knobs(entries)),
        ("classes", "Classes", _each(found, by_class)),
        ("widths", "Width maps", _each(found, width_maps)),
        ("differences", "Settings that differ", differing(entries)),
        ("how-made", "How they were made", _made(entries)),
    ]
    shown = [(anchor, title, body) for anchor, title, body in built if body]
    links = [tag("a", title, href=f"#{anchor}") for anchor, title, _ in shown]
    sections = [tag("section", tag("h2", title), body, id=anchor) for anchor, title, body in shown]
    nav = tag("nav", *links, aria_label="Sections")
    return document("Comparison of runs", _header(runs, entries, found), nav, *sections)


def _header(runs: Sequence[Run], entries: Sequence[Entry], found: Sequence[Group]) -> Markup:
    models, data = (
        ", ".join(dict.fromkeys(str(entry.run.setting(key, "unknown")) for entry in entries))
        for key in ("model.name", "data.name")
    )
    waiting = [
        tag("div", tag("p", tag("b", run.name), " is not evaluated."), gap_note(run, "evaluation"))
        for run in runs
        if run.evaluation is None
    ]
    return tag(
        "header",
        tag("p", "Dynamic quantization · comparison", cls="overline"),
        tag("h1", f"{len(entries)} runs of {models} on {data}"),
        *(warning(title, text) for title, text in objections(found)),
        *waiting,
        runs_table(entries),
    )


def _each(found: Sequence[Group], part: Callable[[Group], Markup]) -> Markup:
    """A part for each group, under its name where there are several."""
    made = [(group, part(group)) for group in found]
    made = [(group, body) for group, body in made if "<" in body.replace('<div class="pair"></div>', "")]
    if len(found) == 1:
        return join(body for _, body in made)
    return join(tag("div", tag("h3", group.title), body) for group, body in made)


def _choices(entries: Sequence[Entry]) -> Markup:
    """The shuffle test of each run whose images differ in their widths."""
    found = [(entry, worth(entry.run)) for entry in entries]
    return join(tag("div", tag("h3", _name(entry)), said) for entry, said in found if said)


def _knobs(entries: Sequence[Entry]) -> Markup:
    """A slider for each net that was measured along a ladder."""
    boxes = [(entry, knob_box(entry.run, f"knob-{entry.number}")) for entry in entries if entry.run.knob.ladder]
    if not boxes:
        return Markup("")
    return join((tag("p", HOW, cls="note"), *(tag("div", tag("h3", _name(entry)), box) for entry, box in boxes)))


def _made(entries: Sequence[Entry]) -> Markup:
    heads = ["", "run", "commit", "seed", "machine", "command"]
    rows = []
    for entry in entries:
        versions = entry.run.versions
        seed = versions.get("seed", entry.run.setting("train.seed", ""))
        command = tag("code", versions.get("command", ""))
        commits, machines = (", then ".join(entry.run.made_by(key)) for key in ("commit", "machine"))
        rows.append([entry.number, entry.run.name, tag("code", commits), seed, machines, command])
    return table(heads, rows, (0, 3), "How they were made")


def _name(entry: Entry) -> str:
    return f"{entry.number}  {entry.run.name}"
