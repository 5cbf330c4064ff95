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
"""`bench.py switch`: what it costs to change widths, on one image at a time.

A DQT network with random weights, lowered to its integer program, answers random images:

    constant   all layers at one width, the same for every image: one row per candidate
    changing   every layer's width drawn anew for every image
    kept       the plan of `changing` once more, on the same image: nothing changes

`changing` and `kept` do the same arithmetic, so what they differ by is the price of the change;
against the mean of the constant rows, which has the same widths on average, it is counted in
another way. All take turns, so that a slow phase of the machine hits all. The oracle has no state
between images: it only shows that the script runs.

Counted beside the times, for the mean plan of `changing`: elements of weights and inputs that leave
the master width. Nested codes need one shift for each; codes of unrelated scales are dequantised and
quantised again, two multiplications for each.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from src import kernels
from src.bench.case import has_imagenet_stem
from src.bench.machine import describe_machine, load
from src.config import load_config
from src.cost.bitops import CostModel
from src.deploy.integer.lower import Picture, lower
from src.engine.artefact import save_artefact
from src.engine.choose_engine import open_engine
from src.engine.count import cost_of
from src.engine.program import Program
from src.errors import UserError
from src.methods import build_method
from src.runtime import start

SEED = 1
PIXEL_VALUES = np.tile(np.linspace(-2, 2, 256, dtype=np.float32), (3, 1))  # as after normalisation
IMAGES = 16  # different ones


def run_switch(options: argparse.Namespace) -> dict:
    """Time, print, and return what `--json` writes. UserError: an option out of range."""
    size = options.image_size or (224 if has_imagenet_stem(options.model) else 32)
    if options.runs < 1:
        raise UserError(f"--runs {options.runs}: must be at least 1")
    program = random_program(options.model, size)
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch, "model.safetensors")
        save_artefact(program, path)
        engine = open_engine(path, options.engine, options.threads)
    machine = describe_machine()
    times, plans = in_turn(program, engine, size, options.runs)
    machine["load_after"] = load()
    name = type(engine).__name__.lower()
    about = {
        "bench": "switch", "model": options.model, "batch": 1, "image_size": size,
        "threads": kernels.threads() if name == "native" else 1, "runner": name,
        "isa": kernels.isa() if name == "native" else "",
    }  # fmt: skip
    rows = as_rows(about, times, cost_of(program), plans)
    print(f"{options.model}, batch 1, {size} pixels, {name}, {about['threads']} threads, "
          f"load {machine['load'][0]} before, {machine['load_after'][0]} after")  # fmt: skip
    print(format_rows(rows))
    return {"machine": machine, "rows": rows}


def random_program(model: str, size: int) -> Program:
    """A DQT network as `config/default.yaml` has it, 8-bit ends, random weights."""
    overrides = [
        "method.name=dqt", "dqt.norm=shared", "quant.first_last=8", f"model.name={model}",
        "device.native=off", "device.mode=pynative", f"train.seed={SEED}",
    ]  # fmt: skip
    config = load_config(overrides=overrides)
    start(config.device, SEED)
    classes = 1000 if has_imagenet_stem(model) else 10
    method, _ = build_method(config, classes, size, native=False)
    return lower(method, Picture(size, PIXEL_VALUES), {})


def in_turn(program: Program, engine, size: int, runs: int) -> tuple[dict, np.ndarray]:
    """(milliseconds of every run by kind: a width, "changing" or "kept"; the plans of "changing").

    A constant row is timed in its second run: the first leaves the other widths behind.
    """
    rng = np.random.default_rng(SEED)
    images = rng.integers(0, 256, (IMAGES, 1, 3, size, size)).astype(np.uint8)
    widths, (layers, columns, _) = program.notes["widths"], program.plan_shape
    shape = (1, layers, columns)
    times = {kind: [] for kind in (*widths, "changing", "kept")}
    plans = rng.integers(0, len(widths), (runs, *shape))
    for run in range(-1, runs):  # the first round only warms up
        image = images[run % IMAGES]
        for choice, width in enumerate(widths):
            plan = np.full(shape, choice, np.int64)
            engine.run(image, plan)
            times[width].append(_milliseconds(engine, image, plan))
        times["changing"].append(_milliseconds(engine, image, plans[run]))
        times["kept"].append(_milliseconds(engine, image, plans[run]))
    return {kind: values[1:] for kind, values in times.items()}, plans[:, 0]


def _milliseconds(engine, image: np.ndarray, plan: np.ndarray) -> float:
    begin = time.perf_counter()
    engine.run(image, plan)
    return 1e3 * (time.perf_counter() - begin)


def as_rows(about: dict, times: dict, cost: CostModel, plans: np.ndarray) -> list[dict]:
    """The rows of `--json`.

    Beside times: bitops of a plan (mean), shifts and pair_macs (see above, means), and in the row
    `changing`, vs_kept and vs_constant: by what share its median exceeds that of `kept`, and the mean
    of the constant rows' medians.
    """
    rows = []
    for kind, ms in times.items():
        is_constant = isinstance(kind, int)
        choice = list(times).index(kind)
        used = np.full_like(plans[:1], choice) if is_constant else plans
        shifts = float(cost.width_changes(*cost.widths(used)).mean())
        rows.append({
            **about, "kind": "constant" if is_constant else kind,
            **({"bits": kind} if is_constant else {}),
            "median_ms": float(np.median(ms)), "min_ms": min(ms), "runs": len(ms),
            "bitops": float(cost.of_plan(used).mean()),
            "shifts": shifts, "pair_macs": 2 * shifts,
            "macs": sum(layer.macs for layer in cost.layers),
        })  # fmt: skip
    medians = {row.get("bits", row["kind"]): row["median_ms"] for row in rows}
    changing = next(row for row in rows if row["kind"] == "changing")
    constant = float(np.mean([ms for kind, ms in medians.items() if isinstance(kind, int)]))
    changing["vs_kept"] = medians["changing"] / medians["kept"] - 1
    changing["vs_constant"] = medians["changing"] / constant - 1
    return rows


def format_rows(rows: list[dict]) -> str:
    """A line per row, and the two differences in words."""
    lines = [f"{'widths':<12}{'median ms':>12}{'min ms':>10}{'M BitOPs':>11}{'shifts':>12}"]
    for row in rows:
        name = f"{row['bits']} bit" if "bits" in row else row["kind"]
        lines.append(
            f"{name:<12}{row['median_ms']:>12.3f}{row['min_ms']:>10.3f}"
            f"{row['bitops'] / 1e6:>11.1f}{row['shifts']:>12.0f}"
        )
    row = next(r for r in rows if r["kind"] == "changing")
    lines.append(
        f"a change costs {row['vs_kept']:+.1%} of an inference against the same plan again, "
        f"{row['vs_constant']:+.1%} against the mean of the constant widths"
    )
    lines.append(
        f"{row['shifts']:.0f} shifts an image ({row['shifts'] / row['macs']:.2%} of the MACs), where "
        f"a dequantise / requantise pair takes {row['pair_macs']:.0f} multiplications"
    )
    return "\n".join(lines)
