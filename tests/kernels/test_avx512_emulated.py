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
"""The engine's AVX-512 kernels on an x86-64 machine without it: by SIMDe, two registers of AVX2 for one, they give the
oracle's integers. Where there is AVX-512 its own tests run."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from src import kernels
from src.kernels import build

ROOT = Path(__file__).resolve().parent.parent.parent
HEADER = Path(__file__).with_name("avx512_emulated.h")
TESTS = ["tests/engine/test_conv_kernels.py", "tests/engine/test_compiled_plan.py"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(platform.machine() != "x86_64", reason="no x86-64"),
    pytest.mark.skipif(not Path("/usr/include/simde/x86/avx512.h").exists(), reason="no SIMDe (libsimde-dev)"),
]


@pytest.fixture
def library_folder(tmp_path, monkeypatch) -> Path:
    """With a library that stands for this machine's, whose AVX-512 is emulated."""
    if not kernels.available():
        pytest.skip("no compiler for the kernels")
    if kernels.handle().dq_has_isa(b"avx512"):
        pytest.skip("this machine has AVX-512 itself")
    compiler = build.find_compiler()
    name = build._name(compiler)  # of the sources and flags as they are
    emulated = ["-mavx2", "-mfma", "-O2", "-w", "-include", str(HEADER)]
    monkeypatch.setattr(build, "_FLAGS", [*build._FLAGS, "-DDQ_EMULATED"])
    monkeypatch.setitem(build._ISA_FLAGS["x86_64"], "avx512", emulated)
    build._compile_into(tmp_path, name, compiler, jobs=2)
    return tmp_path


def test_they_give_the_oracles_integers(library_folder):
    variables = {**os.environ, "DYNQUANT_CACHE_DIR": str(library_folder), "DYNQUANT_ISA": ""}
    command = [sys.executable, "-m", "pytest", "-q", "-m", "slow or not slow", "-k", "avx512", *TESTS]
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
    assert " passed" in done.stdout and " skipped" not in done.stdout, done.stdout[-3000:]
