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
"""The engine by itself, once for all workers: the C library, and the files of the package."""

import shutil
import subprocess
from pathlib import Path

import pytest

from runtime import pack
from tests.ascend310.conftest import built
from tests.project.files import ROOT
from tests.shared import made_once


@pytest.fixture(scope="session")
def prefix(tmp_path_factory) -> Path:
    """lib/libdynquant.so and include/dynquant.h, linked from the objects of the inference program."""
    out = built(tmp_path_factory) / "out"

    def make(folder: Path) -> None:
        for command in (["--build", out, "--target", "dynquant"], ["--install", out / "runtime", "--prefix", folder]):
            subprocess.run(["cmake", *command], check=True, capture_output=True, timeout=300)

    return made_once(tmp_path_factory, "library", make)


@pytest.fixture(scope="session")
def packed(tmp_path_factory) -> Path:
    """A folder that holds the package as an installation would, and nothing else."""

    def make(folder: Path) -> None:
        shutil.copytree(ROOT / "runtime" / "dynquant", folder / "dynquant")
        pack.write(folder)

    return made_once(tmp_path_factory, "packed", make)
