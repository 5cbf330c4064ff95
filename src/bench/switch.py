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
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from src import kernels
from src.bench.case import classes_of, side_of
from src.bench.images import PIXEL_VALUES, SEED
from src.bench.machine import describe_machine, load
from src.bench.options import check_at_least
from src.bench.switch_rows import as_rows, format_rows
from src.config import load_config
from src.deploy.integer.lower import Picture, lower
from src.engine.artefact import save_artefact
from src.engine.choose_engine import open_engine
from src.engine.count import cost_of
from src.engine.program import Program
from src.methods import build_system
from src.runtime import start

IMAGES = 16  # different ones


def run_switch(options: argparse.Namespace) -> dict:
    """Time, print, and return what `--json` writes. UserError: an option out of range."""
    size = side_of(options.model, options.image_size)
    check_at_least("--runs", options.runs, 1)
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
    system, _ = build_system(config, classes_of(model), size, native=False)
    return lower(system, Picture(size, PIXEL_VALUES), {})


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
