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
"""`bench.py layers`: milliseconds of every layer of an artefact at every width, on this machine.

The native engine tells what each of its operations took, and by which kernel. A layer is a convolution with the
quantiser that only it reads; what is left, a plan does not change. All widths take turns, one image each. A
layer's share of the peak counts its multiply-accumulates, whatever the kernel does in their place: Winograd's,
which needs fewer products, may pass 100 %. The `table` in
the JSON file is what `infer.py --max-ms` and controllers that mind a latency read (cost/latency.py).
"""

import argparse
from itertools import product
from pathlib import Path

import numpy as np

from src import kernels
from src.bench.images import random_pixels
from src.bench.infer_ours import peak_gmacs
from src.bench.machine import describe_machine, load
from src.bench.options import check_at_least
from src.cost.latency import LatencyTable, LayerMs
from src.engine.artefact import load_artefact
from src.engine.check import check
from src.engine.choose_engine import open_engine
from src.engine.count import cost_of, layer_cost, layer_name
from src.engine.native import Native
from src.engine.operations import Conv, Quantise
from src.engine.plans import row_of
from src.engine.program import Program

ROUND = 10  # runs of a plan in its turn


def run_layers(options: argparse.Namespace) -> dict:
    """Time, print, and return what `--json` writes.

    Raises:
        UserError: an option out of range, no native engine, or an artefact that cannot be run.
    """
    check_at_least("--runs", options.runs, 1)
    machine = describe_machine()
    program = load_artefact(options.model)
    engine = open_engine(options.model, "native", options.threads)
    times = measure(program, engine, options.runs)
    peak = peak_gmacs()
    machine["load_after"] = load()
    table = as_table(program, times, machine["cpu"])
    rows = _rows(options.model, program, engine, times, peak)
    print(f"{options.model}, one image, {kernels.threads()} threads, {kernels.isa()}, {machine['cpu']}, "
          f"load {machine['load'][0]} before, {machine['load_after'][0]} after; "
          f"integer peak {peak:.0f} GMAC/s")  # fmt: skip
    print(format_rows(rows))
    return {"machine": machine, "rows": rows, "table": table.as_dict()}


def measure(program: Program, engine: Native, runs: int) -> dict[tuple[int, ...], np.ndarray]:
    """Median ms of every operation, (operations,), by the candidates of weights and inputs that all layers
    take, (k,) or (k, k); of a network without a plan by ()."""
    image = random_pixels(1, program.operations[0].height)[0]
    shape = program.plan_shape
    choices = [()] if shape is None else list(product(range(shape[2]), repeat=shape[1]))
    found = {choice: [] for choice in choices}
    while len(found[choices[0]]) * ROUND < runs:
        for choice in choices:
            found[choice].append(engine.times(image, *held(program, choice), runs=min(ROUND, runs)))
    return {choice: 1e3 * np.median(np.concatenate(times), 0) for choice, times in found.items()}


def held(program: Program, choice: tuple[int, ...]) -> tuple[np.ndarray | None, int]:
    """(plan (slots, columns) or None, row of statistics), for all layers at the candidates `choice`."""
    if not choice:
        return None, 0
    tied = len(set(choice)) == 1
    return np.tile(np.array(choice), (program.plan_shape[0], 1)), row_of(program, choice[0]) if tied else 0


def layer_of_operation(program: Program) -> dict[int, int]:
    """Operation -> the convolution that it belongs to: itself, or the only one that reads its codes."""
    found = {}
    for i, op in enumerate(program.operations):
        if isinstance(op, Conv):
            found[i] = i
            readers = [other for other in program.operations if op.x in other.reads]
            if isinstance(program.operations[op.x], Quantise) and len(readers) == 1:
                found[op.x] = i
    return found


def as_table(program: Program, times: dict, cpu: str) -> LatencyTable:
    """Of what was measured; what no plan changes is the mean over the plans."""
    owner, layers = layer_of_operation(program), []
    slotted = {i: op for i, op in enumerate(program.operations) if isinstance(op, Conv) and op.slot >= 0}
    by_slot = sorted(slotted.items(), key=lambda item: item[1].slot)
    for layer, (i, conv) in zip(cost_of(program).dynamic, by_slot, strict=True):
        mine, bits = [o for o, conv_of in owner.items() if conv_of == i], conv.arrays["bits"]
        ms = {}
        for choice, measured in times.items():
            w, a = bits[0][choice[conv.w_column]], bits[1][choice[conv.a_column]]
            ms[f"{w}x{a}"] = float(measured[mine].sum())
        layers.append(LayerMs(layer_name(program, i), layer.macs, ms))
    fixed = [o for o in range(len(program.operations)) if owner.get(o) not in slotted]
    kept = [o for o in fixed if o < program.steady]
    mean = np.mean(list(times.values()), axis=0)
    fixed_ms, kept_ms = (float(mean[some].sum()) for some in (fixed, kept))
    return LatencyTable(cpu, kernels.isa(), kernels.threads(), fixed_ms, kept_ms, tuple(layers))


def _rows(model: Path, program: Program, engine: Native, times: dict, peak: float) -> list[dict]:
    """A row for each layer and plan, `layer` "other" for all that is no convolution's.

    Args:
        peak: GMAC/s of the machine's bytes.
    """
    owner, registers, rows = layer_of_operation(program), check(program), []
    about = {"bench": "layers", "model": model.name, "batch": 1, "threads": kernels.threads(),
             "isa": kernels.isa(), "runner": "native"}  # fmt: skip
    for choice, measured in times.items():
        names = engine.kernels(*held(program, choice))
        for i, conv in enumerate(program.operations):
            if isinstance(conv, Conv):
                bits = conv.arrays["bits"]
                w, a = (choice[conv.w_column], choice[conv.a_column]) if conv.slot >= 0 else (0, 0)
                mine = [o for o, conv_of in owner.items() if conv_of == i]
                ms = float(measured[mine].sum())
                macs = layer_cost(program, registers, i).macs
                rows.append({**about, "layer": layer_name(program, i), "dynamic": conv.slot >= 0,
                             "w_bits": int(bits[0][w]), "a_bits": int(bits[1][a]), "median_ms": ms, "macs": macs,
                             "kernel": names[i], "share_of_peak": macs / (1e6 * ms * peak) if ms else None,
                             })  # fmt: skip
        rest = [o for o in range(len(program.operations)) if o not in owner]
        rows.append({**about, "layer": "other", "dynamic": False, "median_ms": float(measured[rest].sum())})
    return rows


def format_rows(rows: list[dict]) -> str:
    """A line per layer, a column of ms per pair of widths of dynamic layers; the last line sums up. The share of
    the peak and the kernel are those of the first pair."""
    widths = list(dict.fromkeys(_widths(row) for row in rows if row["dynamic"])) or [""]
    heads = [*(width or "ms" for width in widths), "of peak"]
    lines = [f"{'layer':<28}" + "".join(f"{head:>12}" for head in heads) + "  kernel"]
    totals = dict.fromkeys(widths, 0.0)
    for name in dict.fromkeys(row["layer"] for row in rows):
        mine = [row for row in rows if row["layer"] == name]
        fixed = float(np.mean([row["median_ms"] for row in mine]))
        by_width = {_widths(row): row["median_ms"] for row in mine if row["dynamic"]}
        cells = [by_width.get(width, fixed) for width in widths]
        totals = {width: totals[width] + cell for width, cell in zip(widths, cells, strict=True)}
        line = f"{name:<28}" + "".join(f"{cell:>12.4f}" for cell in cells)
        if mine[0].get("share_of_peak") is not None:
            line += f"{mine[0]['share_of_peak']:>12.0%}  {mine[0]['kernel']}"
        lines.append(line)
    lines.append(f"{'all':<28}" + "".join(f"{total:>12.4f}" for total in totals.values()))
    return "\n".join(lines)


def _widths(row: dict) -> str:
    return f"{row['w_bits']}x{row['a_bits']}" if row["dynamic"] else ""
