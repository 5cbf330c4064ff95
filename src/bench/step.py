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
"""`bench.py step`: one training step of ours and of the peers, in turn."""

import argparse
import os
import sys

from src.bench.cases import list_cases
from src.bench.machine import describe_machine, load
from src.bench.options import check_at_least
from src.bench.step_rows import add_ratios, step_row
from src.bench.step_table import format_breakdown, format_rows
from src.bench.turns import time_cases


def run_step(options: argparse.Namespace) -> dict:
    """Time, print, and return what `--json` writes. UserError: an option out of range."""
    check_at_least("--runs", options.runs, 1)
    check_at_least("--settle", options.settle, 0)
    cases = list_cases(
        options.model, options.batch, options.image_size, options.kinds, options.bits,
        options.runners, options.peers, options.threads, options.isa,
    )  # fmt: skip
    python = options.peer_python or os.environ.get("DYNQUANT_PEER_PYTHON") or sys.executable
    machine = describe_machine()
    outcomes, _ = time_cases(cases, options.runs, options.settle, python, options.timeout, _say)
    machine["load_after"] = load()
    rows = [step_row(outcome) for outcome in outcomes]
    add_ratios(rows)
    print(f"{cases[0].model}, batch {options.batch}, {cases[0].image_size} pixels, "
          f"{cases[0].threads} threads, {machine['cpu']}, "
          f"load {machine['load'][0]} before, {machine['load_after'][0]} after")  # fmt: skip
    print("\n\n".join(filter(None, [format_rows(rows), format_breakdown(rows)])))
    return {"machine": machine, "rows": rows}


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
