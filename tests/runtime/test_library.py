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
"""libdynquant.so: what it exports, and the C example, whose logits are the oracle's."""

import ctypes
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from src import kernels
from src.engine.artefact import load_artefact, save_artefact
from src.engine.oracle import Oracle
from src.kernels.errors import MESSAGES
from tests.engine import programs
from tests.project.files import ROOT

EXAMPLE = ROOT / "runtime" / "examples" / "classify.c"
HEADER = ROOT / "src" / "kernels" / "csrc" / "dynquant.h"
SHIPPED = ROOT / "results" / "resnet8_digits_abn_234bit" / "model.safetensors"
WARNINGS = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror"]
CROSS, QEMU = "aarch64-linux-gnu-gcc", "qemu-aarch64-static"
MISSING = [tool for tool in (CROSS, "aarch64-linux-gnu-g++", QEMU, "cmake") if shutil.which(tool) is None]


def compiled(compiler: str, prefix: Path, target: Path) -> Path:
    """The example, compiled as its first lines tell, and without a warning."""
    command = [compiler, *WARNINGS, EXAMPLE, f"-I{prefix}/include", f"-L{prefix}/lib", "-ldynquant", "-o", target]
    subprocess.run(command, check=True, timeout=60)
    return target


def answers(command: list, folder: Path, program, image: np.ndarray, **variables) -> tuple[int, list, list]:
    """The class, logits and plan that the example prints."""
    save_artefact(program, folder / "model.safetensors")
    image.tofile(folder / "image.bin")
    done = subprocess.run(
        [*command, "model.safetensors", "image.bin"], cwd=folder, env={**os.environ, **variables},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    index, logits, plan = ([int(word) for word in line.split()[1:]] for line in done.stdout.splitlines())
    return index[0], logits, plan


def assert_like_the_oracle(found: tuple[int, list, list], program, image: np.ndarray) -> None:
    logits, plan = Oracle(program).run(image[None])
    expected = [] if plan is None else plan.ravel().tolist()
    assert found == (logits[0].argmax(), logits[0].tolist(), expected)


@pytest.fixture(scope="module")
def example(prefix, tmp_path_factory) -> list:
    if shutil.which("cc") is None:
        pytest.skip("no C compiler")
    binary = compiled("cc", prefix, tmp_path_factory.mktemp("example") / "classify")
    return ["env", f"LD_LIBRARY_PATH={prefix}/lib", binary]


@pytest.fixture(scope="module")
def library(prefix) -> ctypes.CDLL:
    lib = ctypes.CDLL(str(prefix / "lib" / "libdynquant.so"))
    lib.dq_error.restype = lib.dq_isa.restype = ctypes.c_char_p
    return lib


@pytest.mark.parametrize("name", programs.NAMED)
def test_the_example_prints_the_oracles_integers(name, example, tmp_path):
    program = programs.NAMED[name]()
    image = programs.pixels(program, 1)[0]
    assert_like_the_oracle(answers(example, tmp_path, program, image), program, image)


def test_the_example_runs_what_the_project_ships(example, tmp_path):
    program = load_artefact(SHIPPED)
    image = programs.pixels(program, 1)[0]
    assert_like_the_oracle(answers(example, tmp_path, program, image), program, image)


@pytest.mark.parametrize(
    "damage, words",
    [
        (lambda folder: (folder / "model.safetensors").unlink(), "model.safetensors: cannot be read"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"no"), "model.safetensors: "),
        (lambda folder: (folder / "image.bin").unlink(), "image.bin: cannot be read"),
        (lambda folder: (folder / "image.bin").write_bytes(b"no"), "image.bin: not an image of the network's size"),
    ],
)
def test_the_example_says_what_is_wrong_in_one_line(damage, words, example, tmp_path):
    program = programs.static()
    save_artefact(program, tmp_path / "model.safetensors")
    programs.pixels(program, 1).tofile(tmp_path / "image.bin")
    damage(tmp_path)
    command = [*example, "model.safetensors", "image.bin"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and not done.stdout
    assert done.stderr.startswith(f"error: {words}") and done.stderr.count("\n") == 1


def test_it_exports_what_the_header_declares_and_nothing_else(prefix):
    if shutil.which("nm") is None:
        pytest.skip("no nm")
    path = prefix / "lib" / "libdynquant.so"
    table = subprocess.run(["nm", "-D", "--defined-only", path], check=True, capture_output=True, text=True).stdout
    declared = re.findall(r"^DQ_API .*?\b(dq_\w+)\(", HEADER.read_text(), re.MULTILINE)
    assert sorted(line.split()[2] for line in table.splitlines()) == sorted(declared)
    assert (prefix / "include" / "dynquant.h").read_bytes() == HEADER.read_bytes()


def test_codes_have_the_sentences_of_the_python_side(library):
    codes = re.findall(r"^  DQ_\w+ = (\d+)", HEADER.read_text(), re.MULTILINE)
    assert len(codes) == 7
    for code in map(int, codes):
        assert library.dq_error(code).decode() == ("all is well" if code == 0 else MESSAGES[code])
    assert library.dq_error(-5) == b"unknown return code"


def test_a_damaged_artefact_gives_its_reason_cut_to_size(library):
    program, text = ctypes.c_int64(7), ctypes.create_string_buffer(b"x" * 15, 16)
    code = library.dq_program_open(b"no", ctypes.c_int64(2), ctypes.byref(program), text, 8)
    assert (code, program.value) == (24, 0) and len(text.value) == 7 and text.raw[8:15] == b"x" * 7
    assert library.dq_program_open(b"no", ctypes.c_int64(2), ctypes.byref(program), None, 0) == 24


def test_a_closed_program_is_told(library, tmp_path):
    save_artefact(programs.static(), tmp_path / "net.safetensors")
    content, program = (tmp_path / "net.safetensors").read_bytes(), ctypes.c_int64()
    assert library.dq_program_open(content, ctypes.c_int64(len(content)), ctypes.byref(program), None, 0) == 0
    sizes = (ctypes.c_int64 * 12)()
    assert library.dq_program_sizes(program, sizes) == 0
    assert (sizes[0], sizes[1], sizes[5], sizes[11]) == (9, 8, 0, -1)  # height, width, choices, budget
    for _ in range(2):
        library.dq_program_close(program)
    assert library.dq_program_sizes(program, sizes) == 26 and library.dq_program_batch(program) == 0


def test_threads_and_the_instruction_set(library):
    assert library.dq_set_threads(2) == 2 and library.dq_threads() == 2
    assert library.dq_set_threads(1000) == 256 and library.dq_set_threads(1) == 1
    assert library.dq_isa().decode() in kernels.ISAS


@pytest.mark.slow
@pytest.mark.skipif(bool(MISSING), reason=f"{', '.join(MISSING)} not installed")
def test_the_oracles_integers_on_aarch64(tmp_path):
    """Built by the commands of runtime/README.md."""
    out, prefix = tmp_path / "out", tmp_path / "prefix"
    variables = {**os.environ, "CXX": "aarch64-linux-gnu-g++"}
    steps = ["-S", ROOT / "runtime", "-B", out], ["--build", out, "-j", "2"], ["--install", out, "--prefix", prefix]
    for step in steps:
        subprocess.run(["cmake", *step], check=True, env=variables, capture_output=True, timeout=1200)
    example = compiled(CROSS, prefix, tmp_path / "classify")
    for cpu, isa in (("max", "dotprod"), ("max", "portable"), ("cortex-a53", "")):
        command = [QEMU, "-cpu", cpu, "-L", "/usr/aarch64-linux-gnu", "-E", f"LD_LIBRARY_PATH={prefix}/lib",
                   "-E", f"DYNQUANT_ISA={isa}", example]  # fmt: skip
        for make in programs.NAMED.values():
            program = make()
            image = programs.pixels(program, 1)[0]
            assert_like_the_oracle(answers(command, tmp_path, program, image), program, image)
