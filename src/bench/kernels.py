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
Peak and kernel are timed in turn, so that a slow phase of the machine hits both.
"""

import argparse
import time
from collections import Counter
from dataclasses import dataclass

import numpy as np

from src import kernels
from src.bench.case import has_imagenet_stem
from src.bench.cases import check_options
from src.bench.machine import describe_machine, load
from src.errors import UserError
from src.kernels.direct import bind, geometry
from src.models import build_backbone
from src.models.geometry import describe

KINDS = {  # the arithmetic whose peak bounds each
    "float forward": "float",
    "float backward": "float",
    "codes forward": "codes",
    "codes backward": "float",
    "int16 backward": "int16",
    "dynamic inner": "codes",
}
CANDIDATES = 3  # K of a dynamic layer


@dataclass(frozen=True)
class Shape:
    """A convolution of square images and kernels."""

    c_in: int
    c_out: int
    kernel: int
    stride: int
    padding: int
    groups: int
    size: int

    def __str__(self) -> str:
        stride = f" s{self.stride}" if self.stride > 1 else ""
        groups = f" g{self.groups}" if self.groups > 1 else ""
        return f"{self.c_in}->{self.c_out} {self.kernel}x{self.kernel}{stride}{groups} {self.size}"

    @property
    def out(self) -> int:
        return (self.size + 2 * self.padding - self.kernel) // self.stride + 1

    @property
    def macs(self) -> int:
        """Of one image."""
        weights = self.c_out * self.c_in // self.groups * self.kernel**2
        return weights * self.out**2


def run_kernels(options: argparse.Namespace) -> dict:
    """Time, print, and return what `--json` writes. UserError: an option out of range."""
    for name, low in (("runs", 1), ("threads", 0)):
        if getattr(options, name) < low:
            raise UserError(f"--{name} {getattr(options, name)}: must be at least {low}")
    size = check_options(options.model, options.batch, options.image_size, options.bits)
    kernels.set_threads(options.threads)
    machine = describe_machine()
    rows = []
    for shape, count in conv_shapes(options.model, size).items():
        for kind, call in calls(shape, options.batch, options.bits).items():
            ms, peak = in_turn(call, KINDS[kind], options.runs)
            rows.append(_row(options, shape, count, kind, ms, peak))
    machine["load_after"] = load()
    head = f"{options.model}, batch {options.batch}, {kernels.threads()} threads, {kernels.isa()}"
    peaks = ", ".join(f"{name} {_median_peak(rows, name):.0f}" for name in kernels.ARITHMETICS)
    print(f"{head}; peak in GMAC/s: {peaks}")
    print(format_table(rows))
    return {"machine": machine, "rows": rows}


def conv_shapes(model: str, size: int) -> Counter:
    """The convolutions of a model and how often each occurs."""
    network = build_backbone(model, 1000 if has_imagenet_stem(model) else 10)
    cells, shapes = dict(network.cells_and_names()), Counter()
    for layer in describe(network, size)[0]:
        if layer.type == "conv":
            c = cells[layer.name]
            side = round((layer.inputs / c.c_in) ** 0.5)
            shapes[Shape(c.c_in, c.c_out, c.kernel, c.stride, c.padding, c.groups, side)] += 1
    return shapes


def calls(shape: Shape, batch: int, bits: int) -> dict:
    """kind -> a function that runs the kernel once on random data."""
    rng = np.random.default_rng(0)

    def normal(*sizes):
        return rng.standard_normal(sizes).astype(np.float32)

    x = np.abs(normal(batch, shape.c_in, shape.size, shape.size))
    dy = normal(batch, shape.c_out, shape.out, shape.out)
    y, dx, g = dy.copy(), x.copy(), geometry(shape.stride, shape.padding, shape.groups)
    weight = (shape.c_out, shape.c_in // shape.groups, shape.kernel, shape.kernel)
    w = normal(*weight)
    widths = (bits - 1, bits, bits + 1)
    codes = np.stack([np.clip(np.floor(w * 2 ** (b - 2)), -(2 ** (b - 1)), 2 ** (b - 1) - 1)
                      for b in widths]).astype(np.float32)  # fmt: skip
    tops = np.array([2.0**b - 1 for b in widths], np.float32)
    inv, scale = tops / 3, 3 / tops
    ones, one = np.ones(CANDIDATES, np.float32), np.ones(1, np.float32)
    act = [one, inv[1:2], scale[1:2], tops[1:2]]
    hot = np.eye(CANDIDATES, dtype=np.float32)[rng.integers(0, CANDIDATES, batch)]
    dynamic = [x, codes, ones, inv, scale, tops, hot, g, y, dy]
    outs = [dx, np.empty_like(codes), ones.copy(), ones.copy(), np.empty_like(hot)]
    backward = bind("dq_dynamic_conv2d_grad", [*dynamic, *outs])
    short = geometry(shape.stride, shape.padding, shape.groups, short_gradients=True)

    def quantised_backward(geo):
        steps = [one.copy(), one.copy()]
        return bind("dq_quant_conv2d_grad", [x, codes[1], *act, geo, dy, dx, w.copy(), *steps])

    return {
        "float forward": bind("dq_conv2d", [x, w, g, y]),
        "float backward": bind("dq_conv2d_grad", [x, w, g, dy, dx, w.copy()]),
        "codes forward": bind("dq_quant_conv2d", [x, codes[1], *act, one, one, g, y]),
        "codes backward": quantised_backward(g),
        "int16 backward": quantised_backward(short),
        "dynamic inner": lambda: _only_inner(backward),
    }


def _only_inner(backward) -> float:
    """Seconds of the inner products within a dynamic layer's backward call."""
    before = kernels.profile()["conv_inner"][0]
    backward()
    return kernels.profile()["conv_inner"][0] - before


def in_turn(call, arithmetic: str, runs: int) -> tuple[float, float]:
    """Median ms of a call, after one that warms up, and the median peak in multiply-accumulates per
    second. A call may return its own seconds."""
    call()
    times, peaks = [], []
    for _ in range(runs):
        peaks.append(kernels.peak(arithmetic))
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


def _median_peak(rows: list[dict], arithmetic: str) -> float:
    return float(np.median([r["peak_gmacs"] for r in rows if KINDS[r["kernel"]] == arithmetic]))


def format_table(rows: list[dict]) -> str:
    """A line per layer: GMAC/s and share of the peak of each kind of kernel."""
    lines = [f"{'layer':<26}{'count':>6}" + "".join(f"{kind:>18}" for kind in KINDS)]
    for name in dict.fromkeys(row["layer"] for row in rows):
        mine = {row["kernel"]: row for row in rows if row["layer"] == name}
        cells = [f"{mine[k]['gmacs']:.0f} ({mine[k]['share_of_peak']:.0%})" for k in KINDS]
        count = next(iter(mine.values()))["count"]
        lines.append(f"{name:<26}{count:>6}" + "".join(f"{cell:>18}" for cell in cells))
    return "\n".join(lines)
