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
"""`bench.py infer`: answers of our engine and of other runtimes, in turn."""

import argparse
import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from src.bench.infer_case import InferCase, list_groups
from src.bench.infer_nets import Nets
from src.bench.infer_picture import save_picture
from src.bench.infer_rows import add_ratios, format_rows, infer_row
from src.bench.machine import describe_machine, load
from src.bench.options import check_at_least
from src.bench.turns import time_cases
from src.errors import UserError

TURN_S = 0.05  # a turn lasts at least so long: a small network answers many times


def run_infer(options: argparse.Namespace) -> dict:
    """Time, print, and return what `--json` writes. UserError: an option out of range."""
    check_at_least("--runs", options.runs, 1)
    check_at_least("--settle", options.settle, 0)
    groups = list_groups(options)
    python = options.peer_python or os.environ.get("DYNQUANT_PEER_PYTHON") or sys.executable
    machine, rows = describe_machine(), []
    with _folder(options.nets) as folder:
        nets = Nets(folder)
        for group in groups:
            found, whole = _time(group, nets, options, python)
            if found:
                print(format_rows(found), flush=True)
            rows += found
            if not whole:
                break
    machine["load_after"] = load()
    print(f"{machine['cpu']}, load {machine['load'][0]} before, {machine['load_after'][0]} after")
    if options.picture:
        save_picture(rows, options.picture)
    return {"machine": machine, "rows": rows}


def _time(
    group: list[InferCase], nets: Nets, options: argparse.Namespace, python: str
) -> tuple[list[dict], bool]:
    """The rows of cases that take turns, and whether nobody ended it."""
    try:
        ready, macs = _made(group, nets)
    except KeyboardInterrupt:
        _say("interrupted while networks are made: the rows before them count")
        return [], False
    outcomes, whole = time_cases(ready, options.runs, options.settle, python, options.timeout, _say, TURN_S)
    rows = [infer_row(outcome, macs) for outcome in outcomes]
    add_ratios(rows)
    return rows, whole


def _made(group: list[InferCase], nets: Nets) -> tuple[list[InferCase], int]:
    """The cases with their files, and the most multiply-accumulates of an image among them."""
    ready, macs = [], 0
    for case in group:
        _say(f"{case.model}, batch {case.batch}, {case.threads} threads: {case.name} ...")
        ready.append(replace(case, file=str(nets.file(case))))
        macs = max(macs, nets.macs(case))
    return ready, macs


@contextlib.contextmanager
def _folder(kept: Path | None) -> Iterator[Path]:
    """Where the networks lie: a folder that is kept, or one for this run."""
    if kept is None:
        with tempfile.TemporaryDirectory() as scratch:
            yield Path(scratch)
        return
    try:
        kept.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--nets {kept}: {error.strerror}; name a folder that can be written to") from error
    yield kept


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
