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
"""`bench.py levels`: three ways to multiply by weights that are levels.

    products   weights as int8, a product for each: what an engine does with any weights
    look-up    weights as indices of b bits, whose levels are looked up in a register and multiplied
    sums       inputs of each level are summed first, and 2^b products follow

Dense layers on one image, and 1x1 convolutions on as many pixels as one image of 224 has there; a single
thread. Integers are compared before anything is timed. Forms take turns, so that a slow phase of the machine
hits all.
"""

import argparse
import time

import numpy as np

from src import kernels
from src.bench.level_forms import BLOCK, FORMS, PRODUCTS, call
from src.bench.machine import describe_machine, load
from src.bench.options import check_at_least
from src.errors import UserError

SEED = 1
WIDTHS = (2, 3, 4)
SHAPES = {  # name: pixels, inputs, outputs
    "fc of ResNet-18": (1, 512, 1000),
    "fc of MobileNetV2": (1, 1280, 1000),
    "fc of VGG-16": (1, 4096, 4096),
    "1x1 of ResNet-50, 14 px": (196, 1024, 256),
    "1x1 of MobileNetV2, 7 px": (49, 256, 1280),
}


def run_levels(options: argparse.Namespace) -> dict:
    """Time, print, and return what `--json` writes. UserError: an option out of range, or no compiler."""
    check_at_least("--runs", options.runs, 1)
    if not kernels.available():
        raise UserError("bench.py levels times native kernels, and there is no C++ compiler for them")
    machine = describe_machine()
    rows = [row for name in SHAPES for bits in WIDTHS for row in rows_of(name, bits, options.runs)]
    machine["load_after"] = load()
    print(f"one thread, {kernels.isa()}, load {machine['load'][0]} before, {machine['load_after'][0]} after")
    print(format_rows(rows))
    return {"machine": machine, "rows": rows}


def rows_of(name: str, bits: int, runs: int) -> list[dict]:
    """A row for each form of a layer at a width."""
    pixels, inputs, outputs = SHAPES[name]
    calls = calls_of(pixels, inputs, outputs, bits)
    times = in_turn(calls, runs)
    usual = float(np.median(times[PRODUCTS]))
    return [
        {
            "bench": "levels", "layer": name, "pixels": pixels, "inputs": inputs, "outputs": outputs,
            "bits": bits, "threads": 1, "isa": kernels.isa(), "form": form,
            "median_ms": float(np.median(ms)), "min_ms": min(ms), "runs": len(ms),
            "vs_products": float(np.median(ms)) / usual,
        }
        for form, ms in times.items()
    ]  # fmt: skip


def calls_of(pixels: int, inputs: int, outputs: int, bits: int) -> dict:
    """form -> a function that runs it on the same random layer. ValueError: their integers differ."""
    rng = np.random.default_rng(SEED)
    x = rng.integers(0, 256, (pixels, -(-inputs // BLOCK) * BLOCK), dtype=np.uint8)
    x[:, inputs:] = 0
    indices = rng.integers(0, 2**bits, (outputs, x.shape[1]), dtype=np.uint8)
    levels = np.sort(rng.choice(np.arange(-128, 128), 2**bits, replace=False)).astype(np.int8)
    calls = {form: call(form, x, indices, levels) for form in FORMS}
    expected = x[:1].astype(np.int64) @ levels[indices].astype(np.int64).T
    for form, run in calls.items():
        if not (run()[:1] == expected).all() or not (run() == calls[PRODUCTS]()).all():
            raise ValueError(f"{form}: other integers than the sum of products")
    return calls


def in_turn(calls: dict, runs: int) -> dict[str, list[float]]:
    """Milliseconds of every run of every form."""
    times = {form: [] for form in calls}
    for _ in range(runs):
        for form, run in calls.items():
            begin = time.perf_counter()
            run()
            times[form].append(1e3 * (time.perf_counter() - begin))
    return times


def format_rows(rows: list[dict]) -> str:
    """A line per layer and width: the time of products, and the others' as a multiple of it."""
    lines = [f"{'layer':<28}{'bits':>5}{PRODUCTS + ', ms':>14}" + "".join(f"{form:>12}" for form in FORMS[1:])]
    for i in range(0, len(rows), len(FORMS)):
        first, *others = rows[i : i + len(FORMS)]
        cells = "".join(f"{row['vs_products']:>10.2f} x" for row in others)
        lines.append(f"{first['layer']:<28}{first['bits']:>5}{first['median_ms']:>14.4f}{cells}")
    return "\n".join(lines)
