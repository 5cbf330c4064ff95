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
"""The short table at the end of a run, for the terminal.

python -m src.report.summary --run runs/NAME
"""

from __future__ import annotations

import argparse
import sys

from src.entry import guarded
from src.errors import UserError
from src.paths import as_path
from src.printable import printable
from src.report.formats import big, change, known, percent, plain, ratio
from src.report.latency import latency_rows
from src.report.load import Run, load_run
from src.report.totals import float_top1, net_bitops, static_bitops
from src.report.worth import pays


def summary_rows(run: Run) -> list[tuple[str, str]]:
    """(name, value) lines; raises UserError when the run is not evaluated."""
    if run.evaluation is None:
        gap = run.gaps["evaluation"]
        raise UserError(f"{run.path}: {gap.what} {gap.how}")
    totals = run.evaluation.totals
    bitops, static = net_bitops(totals), static_bitops(totals, 4)
    rows = [("run", run.name), ("top-1", percent(totals.get("top1")))]
    if float_top1(totals) is not None:
        rows.append(("top-1, float net", percent(float_top1(totals))))
    if known(totals.get("mean_bits")):
        rows.append(("mean width", f"{plain(totals['mean_bits'])} bits"))
    if bitops is not None:
        rows.append(("BitOPs per image", big(bitops)))
    if static and bitops is not None:
        rows.append(("BitOPs, static 4-bit", big(static)))
        rows.append(("against static 4-bit", f"{ratio(bitops, static)} ({change(bitops, static)})"))
    if totals.get("bitops_controller"):
        rows.append(("controller, apart", f"{big(totals['bitops_controller'])} BitOPs"))
    rows += latency_rows(run)
    if totals.get("collapsed"):
        rows.append(
            ("warning", "the controller has collapsed: (nearly) all images got the same widths")
        )
    found = totals.get("one_class")
    if isinstance(found, dict):
        rows.append(("warning", f"{percent(found.get('share'), 1)} of the answers are {found.get('class')}"))
    top = run.knob.top
    if run.evaluation.climbs and top is not None:
        share = f"{percent(top.top1)}; {ratio(bitops, top.bitops)} of its BitOPs"
        rows.append((f"{top.bits[0]} bits throughout", share))
    if known(totals.get("shuffled_top1")):
        verdict = "the choice pays" if pays(totals) else "the choice is worth nothing beyond chance"
        rows.append(("at others' widths", f"{percent(totals['shuffled_top1'])}: {verdict}"))
    page = run.path / "report" / "index.html"
    rows.append(
        ("report", str(page) if page.is_file() else f"not written yet: {run.command('report.py')}")
    )
    return rows


def summary(run: Run) -> str:
    """The table as text, names and values in two columns."""
    rows = summary_rows(run)
    width = max(len(name) for name, _ in rows)
    lines = (f"{name:<{width}}  {printable(value)}" for name, value in rows)
    return "\n".join(lines).replace("\u00a0", " ")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Print the result of a run as a short table.")
    parser.add_argument("--run", type=as_path, required=True, help="run folder")
    options = parser.parse_args(arguments)
    print(summary(load_run(options.run)))
    return 0


if __name__ == "__main__":
    sys.exit(guarded(main, sys.argv[1:]))
