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
"""The C++ engine on aarch64 (NEON), cross-compiled and run by qemu: the oracle's registers."""

import shutil
import subprocess

import numpy as np
import pytest

from src.engine.artefact import save_artefact
from src.engine.check import check
from src.engine.oracle import Oracle
from tests.engine import programs
from tests.project.files import ROOT

CSRC = ROOT / "src" / "kernels" / "csrc"
COMPILER, EMULATOR = "aarch64-linux-gnu-g++", "qemu-aarch64-static"
MISSING = [tool for tool in (COMPILER, EMULATOR) if shutil.which(tool) is None]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=f"{', '.join(MISSING)} not installed"),
]


@pytest.fixture(scope="module")
def tracer(tmp_path_factory):
    binary = tmp_path_factory.mktemp("aarch64") / "trace_program"
    # engine_abi.cc is what Python calls; it chooses among instruction sets, of which there is one.
    sources = [path for path in sorted((CSRC / "engine").glob("*.cc")) if path.name != "engine_abi.cc"]
    sources += [CSRC / "threads" / "threads.cc", ROOT / "tests" / "engine" / "trace_program.cc"]
    flags = [f"-I{CSRC}", "-std=c++17", "-O2", "-static", "-pthread", "-DDQ_NS=dq_portable"]
    command = [COMPILER, *flags, *map(str, sources), "-o", str(binary)]
    subprocess.run(command, check=True, timeout=300)
    return binary


@pytest.mark.parametrize("name", programs.NAMED)
def test_registers_on_aarch64(name, tracer, tmp_path):
    program = programs.NAMED[name]()
    artefact, pixels, out = (tmp_path / n for n in ("model.safetensors", "pixels", "registers"))
    save_artefact(program, artefact)
    image = programs.pixels(program, 1)[0]
    pixels.write_bytes(image.tobytes())
    subprocess.run([EMULATOR, tracer, artefact, pixels, out], check=True, timeout=120)
    found, at = np.fromfile(out, np.int32), 0
    for register, expected in zip(check(program), Oracle(program).trace(image), strict=True):
        shape = register.shape[:2] if register.kind == "plan" else register.shape
        count = int(np.prod(shape))
        np.testing.assert_array_equal(found[at : at + count].reshape(shape), expected)
        at += count
    assert at == len(found)
