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
"""Runs the built inference program on small artefacts and reads what it wrote."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from src.engine.artefact import save_artefact
from src.engine.oracle import Oracle
from src.engine.program import Program as IntegerProgram
from tests.engine import programs
from tests.project.files import ROOT

HARNESS = ROOT / "ascend310_infer"


@dataclass
class Program:
    """The built program: the command that starts it."""

    command: list[str]

    def __call__(self, cwd: Path, *arguments: str, **options) -> subprocess.CompletedProcess:
        return subprocess.run(
            [*self.command, *arguments], cwd=cwd, capture_output=True, text=True, timeout=120,
            **options,
        )  # fmt: skip


def choosing(count: int) -> IntegerProgram:
    """A program whose choices change from image to image of write_case: its controller's values are
    centred on these images."""
    program = programs.nested_untied()
    dense = program.operations[program.choosers[0]].x
    images = programs.pixels(program, count)
    means = np.mean([Oracle(program).trace(image)[dense] for image in images], 0)
    op = program.operations[dense]
    op.arrays["bias"] -= np.round(means).astype(np.int64).reshape(1, -1) << op.shift
    return program


def write_case(program: IntegerProgram, folder: Path, count: int) -> np.ndarray:
    """FOLDER/model.safetensors and images FOLDER/images/*.bin for it; gives the images."""
    save_artefact(program, folder / "model.safetensors")
    images = programs.pixels(program, count)
    (folder / "images").mkdir()
    for n, image in enumerate(images):
        (folder / "images" / f"image{n:03}.bin").write_bytes(image.tobytes())
    return images


def host(folder: str = ".") -> list[str]:
    """Flags that run the case in a folder."""
    return ["--device_type=Host", f"--mindir_path={folder}", f"--dataset_path={folder}/images"]


def results(folder: Path, number: int) -> np.ndarray:
    """The files FOLDER/result_Files/*_<number>.bin in the order of their names, int32."""
    paths = sorted((folder / "result_Files").glob(f"*_{number}.bin"))
    return np.stack([np.fromfile(path, np.int32) for path in paths])


def assert_like_the_oracle(program: IntegerProgram, images: np.ndarray, folder: Path) -> None:
    """The results in a folder are the oracle's, to the last integer."""
    logits, plan = Oracle(program).run(images)
    np.testing.assert_array_equal(results(folder, 0), logits)
    if plan is None:
        assert not list((folder / "result_Files").glob("*_1.bin"))
    else:
        np.testing.assert_array_equal(results(folder, 1), plan.reshape(len(images), -1))


def assert_one_error(done: subprocess.CompletedProcess, code: int, *words: str) -> None:
    """The exit code, and one line `error: ...` that has the words, and nothing else."""
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1, done.stderr
    assert all(word in done.stderr for word in words), done.stderr
