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
"""Builds of the inference program, once per session, and how to run them."""

import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.ascend310.program import HARNESS, Program

UNITS = Path(__file__).parent / "units"
TESTED = (
    "artefact_notes", "bundle", "bundle_text", "files", "flags", "json", "ladder", "ladder_text", "part",
    "pipeline", "report", "results", "spending", "text",
)  # fmt: skip
FLAGS = ["-std=c++17", "-O0", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
WARNINGS = ["-Wall", "-Wextra", "-Werror"]


@pytest.fixture(scope="session")
def units(tmp_path_factory) -> Path:
    """The unit tests, compiled with sanitizers; takes the name of a test."""
    compiler = _needed(os.environ.get("CXX", "g++"))
    folder = tmp_path_factory.mktemp("units")
    sources = [HARNESS / "src" / f"{name}.cc" for name in TESTED] + sorted(UNITS.glob("*.cc"))

    def compiled(source: Path) -> Path:
        target = folder / f"{source.stem}-{source.parent.name}.o"
        command = [compiler, *FLAGS, *WARNINGS, "-I", HARNESS, "-c", source, "-o", target]
        subprocess.run(command, check=True, timeout=300)
        return target

    with ThreadPoolExecutor(2) as pool:
        objects = list(pool.map(compiled, sources))
    subprocess.run([compiler, *FLAGS, *objects, "-o", folder / "units"], check=True, timeout=300)
    return folder / "units"


@pytest.fixture(scope="session")
def program(tmp_path_factory) -> Program:
    """The program, built without MindSpore Lite."""
    _needed("cmake")
    _needed(os.environ.get("CXX", "g++"))
    out = tmp_path_factory.mktemp("out")
    environment = {**os.environ, "LITE_HOME": "", "MS_LITE_HOME": ""}
    command = ["bash", HARNESS / "build.sh", out]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{out}/main\n"
    assert "--device_type=Host only" in done.stderr
    return Program([str(out / "main")])


def _needed(tool: str) -> str:
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed")
    return tool
