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
"""Time this project, and PyTorch beside it: `python bench.py step [options]`.

step: one training step (forward, backward, update) of float, static (LSQ) and dynamic (DQNet)
networks on fixed synthetic images. Every runner is a process of its own; they take turns.
"""

import argparse
import json
import os
import sys
from pathlib import Path

from src.bench.case import ISAS, KINDS, OURS
from src.bench.cases import list_cases
from src.bench.machine import describe_machine, load
from src.bench.rows import add_ratios, step_row
from src.bench.table import format_breakdown, format_rows
from src.bench.turns import time_cases
from src.entry import guarded
from src.errors import UserError


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    step = parser.add_subparsers(dest="bench", required=True).add_parser("step")
    add = step.add_argument
    add("--model", default="resnet20", help="as model.name in config/default.yaml")
    add("--batch", type=int, default=128, help="images per step")
    add("--image-size", type=int, help="side in pixels; default: 32, or 224 for ImageNet's models")
    add("--kinds", type=_words, default=list(KINDS), help=f"of {','.join(KINDS)}; default: all")
    add("--bits", type=int, default=4, help="static width, middle dynamic width; 3..7")
    add("--runs", type=int, default=20, help="timed steps of each runner")
    add("--runners", type=_words, default=list(OURS), help=f"of {','.join(OURS)}; default: both")
    add("--peers", type=_words, default=[], help="torch: the same networks in PyTorch")
    add("--peer-python", help="Python of the peers; default: DYNQUANT_PEER_PYTHON, or this one")
    add("--isa", default="", choices=ISAS, help="limit everybody to these instructions")
    add("--threads", type=int, default=0, help="CPU threads of each runner; 0: all cores")
    add("--timeout", type=float, default=900, help="seconds that a runner may take for a turn")
    add("--json", type=Path, metavar="FILE", help="write machine and rows here")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    if options.runs < 1:
        raise UserError(f"--runs {options.runs}: must be at least 1")
    if options.json and not options.json.absolute().parent.is_dir():
        raise UserError(f"--json {options.json}: no folder {options.json.absolute().parent}")
    cases = list_cases(
        options.model, options.batch, options.image_size, options.kinds, options.bits,
        options.runners, options.peers, options.threads, options.isa,
    )  # fmt: skip
    python = options.peer_python or os.environ.get("DYNQUANT_PEER_PYTHON") or sys.executable
    machine = describe_machine()
    outcomes = time_cases(cases, options.runs, python, options.timeout, _say)
    machine["load_after"] = load()
    rows = [step_row(outcome) for outcome in outcomes]
    add_ratios(rows)
    if options.json:
        text = json.dumps({"machine": machine, "rows": rows}, indent=1)
        options.json.write_text(text + "\n", encoding="utf-8")
    print(f"{cases[0].model}, batch {options.batch}, {cases[0].image_size} pixels, "
          f"{cases[0].threads} threads, {machine['cpu']}, "
          f"load {machine['load'][0]} before, {machine['load_after'][0]} after")  # fmt: skip
    print("\n\n".join(filter(None, [format_rows(rows), format_breakdown(rows)])))
    return 0


def _words(text: str) -> list[str]:
    return [word for word in text.split(",") if word]


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(guarded(main, sys.argv[1:]))
