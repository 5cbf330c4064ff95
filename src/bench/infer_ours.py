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
"""Our engine, ready to answer images: `bench.py infer`, and the peak that it is compared with."""

import time
from pathlib import Path

import numpy as np

from src import kernels
from src.bench.images import SEED, random_pixels
from src.bench.infer_case import ESCALATING, MIX, InferCase
from src.bench.runner import Runner
from src.cost.ladder import margin_of
from src.engine import kernel_choice
from src.engine.artefact import load_artefact
from src.engine.choose_engine import open_engine
from src.engine.plans import uniform_plan
from src.engine.program import Program
from src.engine.rungs import rungs_of

PEAKS = 3
BATCHES = 16  # different ones, so that a mix of widths is one


def build_native(case: InferCase) -> Runner:
    """The native engine on the artefact of a case.

    Raises:
        UserError: no compiler, or the artefact cannot be run.
    """
    program = load_artefact(Path(case.file))
    pixels = random_pixels(BATCHES * case.batch, case.image_size)
    batches = pixels.reshape(BATCHES, case.batch, *pixels.shape[1:])
    kernels.handle()  # a peer's library is there, too, when it begins
    begun = time.perf_counter()
    engine = open_engine(Path(case.file), "native", case.threads)
    answer = _answer(case, program, engine, batches)
    logits, turn = answer(0)[0], 0
    start_ms = 1e3 * (time.perf_counter() - begun)

    def step() -> float:
        nonlocal turn
        turn = (turn + 1) % BATCHES
        return float(answer(turn)[0, 0])

    about = {
        "isa": kernels.isa(), "threads": kernels.threads(), "version": "",
        **({"tuned": True} if kernel_choice.remembered() else {}),  # by bench.py tune
        **({"start_ms": start_ms} if case.plan != MIX else {}),
        "logits": (logits * 2.0 ** -program.notes["exponent"]).tolist(),
    }  # fmt: skip
    return Runner(step, about, peak=peak_gmacs)


def peak_gmacs() -> float:
    """GMAC/s of integers, the best of some measurements of milliseconds: others' work only lowers them."""
    return max(kernels.peak("codes") for _ in range(PEAKS)) / 1e9


def _answer(case: InferCase, program: Program, engine, batches: np.ndarray):
    """Place of a batch -> logits int32 (N, classes)."""
    if case.plan == MIX and case.kind == ESCALATING:
        return _escalating(program, engine, batches)
    if case.plan == MIX:
        layers, columns, choices = program.plan_shape
        shape = (*batches.shape[:2], layers, columns)
        plans = np.random.default_rng(SEED).integers(0, choices, shape)
        return lambda n: engine.run(batches[n], plans[n])[0]
    if program.plan_shape is None:
        return lambda n: engine.run(batches[n])[0]
    plan, row = uniform_plan(program, int(case.bits))
    plans = np.repeat(plan, batches.shape[1], 0)
    return lambda n: engine.run(batches[n], plans, row)[0]


def _escalating(program: Program, engine, batches: np.ndarray):
    """The narrow width first, and the wide one for the half of all images with the smaller margin."""
    bits = tuple(sorted(program.notes["widths"]))
    first = rungs_of(program, bits[:1])
    margins = [margin_of(engine.climb(images, first)[0]) for images in batches]
    rungs = rungs_of(program, bits, (int(np.median(np.concatenate(margins))),))
    return lambda n: engine.climb(batches[n], rungs)[0]
