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
"""`bench.py tune`: which kernel does each convolution of an artefact fastest on this machine; it is remembered.

The engine runs once for every kernel that its instruction set has, with all convolutions on it that it can do, and
tells what each took; all take turns. A kernel other than the usual one is taken where it saves LEAST of a
convolution's time, and all that were taken are remembered if the network is faster by them, timed anew. Results
stay the same in every integer.
"""

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np

from src import kernels
from src.bench.layers import ROUND, held, measure
from src.bench.machine import describe_machine, load
from src.bench.options import check_at_least
from src.engine import kernel_choice
from src.engine.artefact import load_artefact
from src.engine.choose_engine import open_engine
from src.engine.count import layer_name
from src.engine.native import Native
from src.engine.program import Program
from src.errors import UserError

LEAST = 0.05  # a gain below is the machine's noise
USUAL = ""  # without a choice


def run_tune(options: argparse.Namespace) -> dict:
    """Time, print, remember, and return what `--json` writes.

    Raises:
        UserError: an option out of range, no native engine, or an artefact that cannot be run.
    """
    if options.forget:
        kernel_choice.forget()
        print("forgotten: convolutions run on what suits most machines")
        return {"machine": describe_machine(), "rows": [], "choice": {}}
    check_at_least("--runs", options.runs, 1)
    if options.model is None:
        raise UserError("--model is missing: the artefact whose convolutions are timed, made by export.py --format int")
    machine = describe_machine()
    program = load_artefact(options.model)
    open_engine(options.model, "native", options.threads)
    rows = timed(program, options.model, options.runs)
    choice = {row["key"]: row["chosen"] for row in rows if row["chosen"] != USUAL}
    machine["load_after"] = load()
    print(f"{options.model}, one image, {kernels.threads()} threads, {kernels.isa()}, {machine['cpu']}, "
          f"load {machine['load'][0]} before, {machine['load_after'][0]} after")  # fmt: skip
    print(format_rows(rows))
    if choice and not _is_faster(program, options.model, choice, options.runs):
        choice = {}
    kept_in = kernel_choice.remember(choice, (row["key"] for row in rows))
    print(f"kept in {kept_in}" if choice else "the usual kernels are the fastest here, and will be used")
    return {"machine": machine, "rows": rows, "choice": choice}


def timed(program: Program, path: Path, runs: int) -> list[dict]:
    """A row for each kind of convolution: what the usual kernel takes, and the one to take."""
    engines = {USUAL: _engine(path, {})}
    engines |= {name: _engine(path, {kernel_choice.ANY: name}) for name in kernel_choice.names()}
    rounds, found = _rounds(program, engines, runs), defaultdict(list)
    for choice in rounds[USUAL]:
        plan, row = held(program, choice)
        ran = {name: engine.kernels(plan, row) for name, engine in engines.items()}
        for i, key in enumerate(engines[USUAL].choice_keys(plan)):
            if key:
                samples = [(ran[name][i], float(times[choice][i])) for name, times in rounds.items()]
                found[key].append((layer_name(program, i), ran[USUAL][i], _least(samples)))
    return [_row(key, some) for key, some in found.items()]


def _least(samples: list[tuple[str, float]]) -> dict[str, float]:
    """By kernel the shortest of its times: others' work only adds to them."""
    return {kernel: min(ms for name, ms in samples if name == kernel) for kernel, _ in samples}


def _row(key: str, found: list[tuple[str, str, dict[str, float]]]) -> dict:
    """found: name, usual kernel and ms by kernel of every convolution that has the key."""
    kinds = {kernel for _, _, ms in found for kernel in ms}
    # Where a kernel cannot do one of them, as its weights are too large, the usual one stands in.
    totals = {kernel: sum(ms.get(kernel, ms[usual]) for _, usual, ms in found) for kernel in kinds}
    before = sum(ms[usual] for _, usual, ms in found)
    fastest = min(totals, key=totals.__getitem__)
    chosen = fastest if totals[fastest] < (1 - LEAST) * before else USUAL
    return {"bench": "tune", "key": key, "layers": list(dict.fromkeys(name for name, _, _ in found)),
            "kernel": found[0][1], "ms": before, "chosen": chosen, "chosen_ms": totals[fastest]}  # fmt: skip


def _is_faster(program: Program, path: Path, choice: dict[str, str], runs: int) -> bool:
    """Whether an image, at all widths together, takes less time by a choice than by the usual kernels."""
    rounds = _rounds(program, {USUAL: _engine(path, {}), "chosen": _engine(path, choice)}, runs)
    before, after = (sum(float(times.sum()) for times in found.values()) for found in rounds.values())
    print(f"all widths together: {before:.3f} ms by the usual kernels, {after:.3f} ms by the chosen ones")
    return after < before


def _rounds(program: Program, engines: dict[str, Native], runs: int) -> dict[str, dict[tuple, np.ndarray]]:
    """By engine what `measure` tells, the least of the rounds in which they take turns."""
    found = {name: [] for name in engines}
    for _ in range(0, runs, ROUND):
        for name, engine in engines.items():
            found[name].append(measure(program, engine, min(ROUND, runs)))
    return {
        name: {choice: np.min([times[choice] for times in turns], 0) for choice in turns[0]}
        for name, turns in found.items()
    }


def _engine(path: Path, choice: dict[str, str]) -> Native:
    kernel_choice.use_remembered()  # before, so that opening an engine does not do it
    kernel_choice.use(choice)
    try:
        return Native(path)
    finally:
        kernel_choice.use(kernel_choice.remembered())


def format_rows(rows: list[dict]) -> str:
    """A line for each kind of convolution."""
    lines = [f"{'first of its layers':<28}{'of':>4}{'ms':>12}  {'usual kernel':<18}{'chosen':<18}{'ms':>10}"]
    for row in rows:
        chosen = ("", "") if row["chosen"] == USUAL else (row["chosen"], f"{row['chosen_ms']:.4f}")
        lines.append(f"{row['layers'][0]:<28}{len(row['layers']):>4}{row['ms']:>12.4f}  {row['kernel']:<18}"
                     f"{chosen[0]:<18}{chosen[1]:>10}")  # fmt: skip
    return "\n".join(lines)
