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
"""The kernels for aarch64, under qemu: the same integers as on this machine."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from src.kernels import build

COMPILER, QEMU = "aarch64-linux-gnu-g++", shutil.which("qemu-aarch64-static")
PROGRAM = Path(__file__).with_name("integers.cc")

pytestmark = pytest.mark.slow


def program(compiler: str, folder: Path, *link: str) -> Path:
    """PROGRAM with the core, as build.py compiles it for the machine of the compiler."""
    folder.mkdir()
    isas = list(build.isa_flags())
    commands = build.common_commands(compiler, folder, isas)
    commands += [c for isa in isas for c in build.isa_commands(compiler, folder, isa)]
    target = folder / "integers"
    for command in commands:
        subprocess.run(command, check=True)
    objects = [command[-1] for command in commands]
    flags = ["-std=c++17", "-pthread", *link]
    subprocess.run([compiler, *flags, str(PROGRAM), *objects, "-o", str(target)], check=True)
    return target


def lines(*command, isa: str = "") -> list[str]:
    variables = dict(os.environ, DYNQUANT_ISA=isa)
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)
    return done.stdout.split("\n")


@pytest.mark.skipif(not shutil.which(COMPILER), reason=f"no {COMPILER}")
@pytest.mark.skipif(not QEMU, reason="no qemu-aarch64-static")
def test_aarch64_computes_the_same_integers(tmp_path, monkeypatch):
    here = program("g++", tmp_path / "here")
    monkeypatch.setattr(build.platform, "machine", lambda: "aarch64")
    there = program(COMPILER, tmp_path / "there", "-static")
    expected = lines(str(here))
    assert len(expected) == 18 and all(line.startswith("0 0 ") for line in expected[1:16])
    assert expected[16] == "floats right"
    for isa in ("dotprod", "portable"):
        got = lines(QEMU, "-cpu", "max", str(there), isa=isa)
        assert got[0] == isa and got[1:] == expected[1:]
    assert lines(QEMU, "-cpu", "cortex-a53", str(there))[0] == "portable"
