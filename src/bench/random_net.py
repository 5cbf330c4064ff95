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
"""A network with random weights, lowered to its integer program."""

import numpy as np

from src.bench.case import classes_of
from src.bench.images import PIXEL_VALUES, SEED, as_real, random_pixels
from src.bench.infer_case import DYNAMIC, DYNAMIC_WIDTHS, ESCALATING, FLOAT, RUNGS, STATIC
from src.config import load_config
from src.deploy.integer.lower import Picture, lower
from src.engine.program import Program
from src.methods import build_system
from src.runtime import start
from src.train.calibrate import calibrate

CALIBRATION = 2  # images


def random_program(model: str, size: int, kind: str, bits: int) -> Program:
    """8-bit ends, quantisers set from some images.

    Args:
        kind: of `infer_case.KINDS`.
        bits: of a static network.
    """
    config = load_config(overrides=[
        *_method(kind, bits), "quant.first_last=8", f"model.name={model}", "device.native=off",
        "device.mode=pynative", f"train.seed={SEED}",
    ])  # fmt: skip
    runtime = start(config.device, SEED)
    system, _ = build_system(config, classes_of(model), size, native=False)
    images = as_real(random_pixels(CALIBRATION, size))
    drawn = system.drawn(np.random.default_rng(SEED), CALIBRATION, train=False)
    calibrate(system.network, (images, *drawn), runtime)
    return lower(system, Picture(size, PIXEL_VALUES), {})


def _method(kind: str, bits: int) -> list[str]:
    lsq = "quant.quantizer=lsq"
    return {
        STATIC: ["method.name=static", lsq, f"quant.w_bits={bits}", f"quant.a_bits={bits}"],
        DYNAMIC: ["method.name=dqt", "dqt.norm=shared", f"dqt.candidates={list(DYNAMIC_WIDTHS)}"],
        ESCALATING: ["method.name=abn", lsq, f"abn.candidates={list(RUNGS)}"],
        FLOAT: ["method.name=float"],
    }[kind]
