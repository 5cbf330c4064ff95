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
"""Builds of the inference program, once for all workers of a run, and how to run them."""

import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.ascend310.program import HARNESS, Program
from tests.shared import made_once

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
    return made_once(tmp_path_factory, "units", _build_units) / "units"


def _build_units(folder: Path) -> None:
    compiler = _needed(os.environ.get("CXX", "g++"))
    sources = [HARNESS / "src" / f"{name}.cc" for name in TESTED] + sorted(UNITS.glob("*.cc"))

    def compiled(source: Path) -> Path:
        target = folder / f"{source.stem}-{source.parent.name}.o"
        command = [compiler, *FLAGS, *WARNINGS, "-I", HARNESS, "-c", source, "-o", target]
        subprocess.run(command, check=True, timeout=300)
        return target

    with ThreadPoolExecutor(2) as pool:
        objects = list(pool.map(compiled, sources))
    subprocess.run([compiler, *FLAGS, *objects, "-o", folder / "units"], check=True, timeout=300)


@pytest.fixture(scope="session")
def program(tmp_path_factory) -> Program:
    """The program, built without MindSpore Lite."""
    return Program([str(built(tmp_path_factory) / "without")])


@pytest.fixture(scope="session")
def lite(tmp_path_factory) -> Program:
    """The program, built with MindSpore Lite."""
    home = os.environ.get("LITE_HOME")
    if not home or not Path(home).is_dir():
        pytest.skip(f"MindSpore Lite not given: LITE_HOME is {home!r}")
    # Without what this process set for MindSpore: the program silences Lite itself.
    return Program(["env", "--unset=GLOG_v", str(built(tmp_path_factory) / "with")])


def built(factory: pytest.TempPathFactory) -> Path:
    """A folder with the program `without` MindSpore Lite and, where there is one, the one `with` it."""
    return made_once(factory, "harness", _build_both)


def _build_both(folder: Path) -> None:
    """In one build folder: the second time only what knows of MindSpore Lite is compiled."""
    _needed("cmake")
    _needed(os.environ.get("CXX", "g++"))
    home = os.environ.get("LITE_HOME", "")
    done = _build(folder, "without", "")
    assert done.stdout == f"{folder}/without\n"
    assert "--device_type=Host only" in done.stderr
    if home and Path(home).is_dir():
        _build(folder, "with", home)


def _build(folder: Path, name: str, home: str) -> subprocess.CompletedProcess:
    command = ["bash", HARNESS / "build.sh", folder / "out", folder / name]
    environment = {**os.environ, "LITE_HOME": home, "MS_LITE_HOME": ""}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return done


def _needed(tool: str) -> str:
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed")
    return tool
