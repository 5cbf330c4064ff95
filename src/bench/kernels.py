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
"""`bench.py kernels`: every convolution of a network, as a share of the arithmetic peak.

A convolution's forward pass costs `macs`, its backward pass twice that (to the input and to the
weights), and the inner products of a dynamic layer with K = 3 widths twice that in codes. The
float peak bounds float kernels and gradients, the peak on 16-bit codes those of
device.gradient_dtype=int16, the peak on 4-bit codes the others (kernels.peak).
MACs are those of direct sums: where floats take Winograd's products, 16 for 36, a share may exceed 1.
A depthwise convolution is bound by memory: its rows have `gb_s`, of x and y, in a backward pass of x,
dy and dx, each counted once, beside the `bandwidth_gb_s` of a copy (kernels.bandwidth). What stays in
the caches of a small layer may pass it.
Peak and kernel are timed in turn, so that a slow phase of the machine hits both.
"""

import argparse
import time
from collections import Counter

import numpy as np

from src import kernels
from src.bench.case import classes_of
from src.bench.cases import check_options
from src.bench.kernel_calls import KINDS, Shape, calls
from src.bench.machine import describe_machine, load
from src.bench.options import check_at_least
from src.models import build_backbone
from src.models.geometry import describe


def run_kernels(options: argparse.Namespace) -> dict:
    """Time, print, and return what `--json` writes. UserError: an option out of range."""
    check_at_least("--runs", options.runs, 1)
    check_at_least("--threads", options.threads, 0)
    size = check_options(options.model, options.batch, options.image_size, options.bits)
    kernels.set_threads(options.threads)
    machine = describe_machine()
    rows = []
    for shape, count in conv_shapes(options.model, size).items():
        for kind, call in calls(shape, options.batch, options.bits).items():
            arithmetic = KINDS[kind]
            ms, peak = in_turn(call, lambda a=arithmetic: kernels.peak(a), options.runs)
            rows.append(_row(options, shape, count, kind, ms, peak))
            if shape.is_depthwise and kind != "dynamic inner":
                ms, most = in_turn(call, kernels.bandwidth, options.runs)
                rows[-1] |= _traffic(options, shape, kind, ms, most)
    machine["load_after"] = load()
    head = f"{options.model}, batch {options.batch}, {kernels.threads()} threads, {kernels.isa()}"
    peaks = ", ".join(f"{name} {_median_peak(rows, name):.0f}" for name in kernels.ARITHMETICS)
    print(f"{head}; peak in GMAC/s: {peaks}")
    print(format_table(rows))
    return {"machine": machine, "rows": rows}


def conv_shapes(model: str, size: int) -> Counter:
    """The convolutions of a model and how often each occurs."""
    backbone, shapes = build_backbone(model, classes_of(model)), Counter()
    for layer in describe(backbone, size).layers:
        if layer.type == "conv":
            c = backbone.node(layer.name).cell
            side = round((layer.inputs / c.c_in) ** 0.5)
            shapes[Shape(c.c_in, c.c_out, c.kernel, c.stride, c.padding, c.groups, side)] += 1
    return shapes


def in_turn(call, peak, runs: int) -> tuple[float, float]:
    """Median ms of a call, after one that warms up, and the median of what `peak()` measures in turn
    with it. A call may return its own seconds."""
    call(), peak()
    times, peaks = [], []
    for _ in range(runs):
        peaks.append(peak())
        start = time.perf_counter()
        own = call()
        times.append(own if own is not None else time.perf_counter() - start)
    return 1e3 * float(np.median(times)), float(np.median(peaks))


def _row(options, shape: Shape, count: int, kind: str, ms: float, peak: float) -> dict:
    passes = 1 if kind.endswith("forward") else 2
    speed = passes * shape.macs * options.batch / ms * 1e3
    return {
        "bench": "kernels", "model": options.model, "batch": options.batch, "bits": options.bits,
        "threads": kernels.threads(), "isa": kernels.isa(), "kernel": kind, "layer": str(shape),
        "count": count, "median_ms": ms, "runs": options.runs, "gmacs": speed / 1e9,
        "peak_gmacs": peak / 1e9, "share_of_peak": speed / peak,
    }  # fmt: skip


def _traffic(options, shape: Shape, kind: str, ms: float, most: float) -> dict:
    x, y = shape.maps
    speed = 4 * options.batch * (x + y if kind.endswith("forward") else 2 * x + y) / ms * 1e3
    return {
        "gb_s": speed / 1e9, "bandwidth_gb_s": most / 1e9, "share_of_bandwidth": speed / most,
    }  # fmt: skip


def _cell(row: dict) -> str:
    if "gb_s" in row:
        return f"{row['gb_s']:.0f} GB/s ({row['share_of_bandwidth']:.0%})"
    return f"{row['gmacs']:.0f} ({row['share_of_peak']:.0%})"


def _median_peak(rows: list[dict], arithmetic: str) -> float:
    return float(np.median([r["peak_gmacs"] for r in rows if KINDS[r["kernel"]] == arithmetic]))


def format_table(rows: list[dict]) -> str:
    """A line per layer: GMAC/s and share of the peak of each kind of kernel; GB/s and share of a copy's
    where memory is the bound."""
    lines = [f"{'layer':<26}{'count':>6}" + "".join(f"{kind:>18}" for kind in KINDS)]
    for name in dict.fromkeys(row["layer"] for row in rows):
        mine = {row["kernel"]: row for row in rows if row["layer"] == name}
        cells = [_cell(mine[k]) for k in KINDS]
        count = next(iter(mine.values()))["count"]
        lines.append(f"{name:<26}{count:>6}" + "".join(f"{cell:>18}" for cell in cells))
    return "\n".join(lines)
