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
"""The files of `bench.py infer`, made once for all runners: artefacts for ours, ONNX files for peers.

Both come from one lowered network. An integer runtime holds everything in 8 bits, sums of residuals too,
where our program has 32: the ONNX file says so (`as_qdq(held=...)`), with the range that a register takes
on an image as its scale, so that peers run what they run fastest.
"""

from functools import cache
from pathlib import Path

import numpy as np

from src.bench.case import classes_of
from src.bench.images import random_pixels
from src.bench.infer_case import FLOAT, STATIC, InferCase
from src.engine.artefact import load_artefact, save_artefact
from src.engine.choose_engine import open_engine
from src.engine.count import cost_of
from src.engine.operations import Add, Affine, Conv, MaxPool, Pool, Quantise, Subsample
from src.engine.program import Program
from src.errors import UserError


class Nets:
    """Makes each file when it is first asked for, or takes the one that is there.

    Args:
        folder: of the files. A lowered network takes seconds to minutes to make.
    """

    def __init__(self, folder: Path):
        self.folder = folder

    def file(self, case: InferCase) -> Path:
        """The file of a case. UserError: a network that cannot be built, or onnx is not installed."""
        artefact = self._artefact(case)
        if not artefact.exists():
            from src.bench.random_net import random_program  # needs MindSpore

            program = random_program(case.model, case.image_size, case.kind, _stored_bits(case))
            save_artefact(program, artefact)
        if not case.is_peer:
            return artefact
        path = artefact.with_suffix(f".batch{case.batch}.onnx")
        if not path.exists():
            _save_onnx(artefact, case, path)
        return path

    def macs(self, case: InferCase) -> int:
        """Multiply-accumulates of an image, the controller's left out."""
        return _macs(self._artefact(case))

    def _artefact(self, case: InferCase) -> Path:
        bits = f"{_stored_bits(case)}bit" if case.kind == STATIC else ""
        return self.folder / f"{case.model}_{case.image_size}_{case.kind}{bits}.safetensors"


def _stored_bits(case: InferCase) -> int:
    """Width of a static network; dynamic ones are one file for all plans."""
    return int(case.bits) if case.kind == STATIC else 0


@cache
def _macs(artefact: Path) -> int:
    return sum(layer.macs for layer in cost_of(load_artefact(artefact)).layers)


def _save_onnx(artefact: Path, case: InferCase, path: Path) -> None:
    try:
        from src.deploy.onnx.qdq import as_qdq
    except ImportError as error:
        raise UserError(
            f"{error}: peers read ONNX files; install it with pip install -r requirements-onnx.txt"
        ) from error
    program = load_artefact(artefact)
    held = None if case.kind == FLOAT else held_in_8_bits(program, artefact)
    model = as_qdq(program, case.image_size, classes_of(case.model), case.batch, held)
    path.write_bytes(model.SerializeToString())


def held_in_8_bits(program: Program, artefact: Path) -> dict:
    """For `as_qdq`: every register between the layers, as codes of 8 bits.

    The scale is that of the quantiser which reads a register, of a max-pool's input that of its output, of
    pixels that were picked that of the picture, else the register's largest value on an image: a runtime
    then needs no step between pools and layers.
    """
    from src.deploy.onnx.qdq import Held

    registers = open_engine(artefact).trace(random_pixels(1, program.operations[0].height)[0])
    unit = 2.0 ** program.notes["exponent"]
    readers = {op.x: op for op in program.operations if isinstance(op, Quantise)}
    pooled = {op.x: i for i, op in enumerate(program.operations) if isinstance(op, MaxPool)}
    held: dict[int, Held] = {}
    for i, op in enumerate(program.operations):
        reader = readers.get(pooled.get(i, i))
        if not isinstance(op, Conv | Affine | Add | MaxPool | Pool | Subsample):
            continue
        if isinstance(op, Subsample):
            held[i] = held[op.x]
        elif reader is not None:
            scale = 2.0**reader.shift / (float(reader.arrays["multiplier"][0]) * unit)
            held[i] = Held(scale, bool(reader.signed))
        else:
            signed = bool(registers[i].min() < 0)
            top = float(np.abs(registers[i]).max()) / unit
            held[i] = Held((top or 1.0) / (127 if signed else 255), signed)
    return held
