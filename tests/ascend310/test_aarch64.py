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
"""The inference program for aarch64, cross-compiled and run by qemu: the oracle's integers."""

import os
import shutil
import subprocess
from functools import partial
from pathlib import Path

import pytest

from tests.ascend310.bundles import QUICK, assert_answers, flags, made
from tests.ascend310.program import Program, assert_like_the_oracle, choosing, host, write_case
from tests.engine import programs
from tests.project.files import ROOT

COMPILER, EMULATOR = "aarch64-linux-gnu-g++", "qemu-aarch64-static"
MISSING = [tool for tool in (COMPILER, EMULATOR, "cmake") if shutil.which(tool) is None]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=f"{', '.join(MISSING)} not installed"),
]


@pytest.fixture(scope="module")
def emulated(tmp_path_factory) -> Program:
    out = tmp_path_factory.mktemp("aarch64")
    return build(out, "--host-only")


def build(out: Path, *options: str, **environment: str) -> Program:
    command = ["bash", ROOT / "scripts" / "build_aarch64.sh", *options, out]
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    system = ["-L", "/usr/aarch64-linux-gnu"]
    return Program([EMULATOR, *system, "-E", "GLOG_v=4", str(out / "main")])


@pytest.mark.parametrize("make", [programs.static, programs.nested, partial(choosing, 4)])
def test_the_oracles_answers(make, emulated, tmp_path):
    artefact = make()
    images = write_case(artefact, tmp_path, 4)
    done = emulated(tmp_path, *host(), "--thread_num=2")
    assert done.returncode == 0, done.stderr
    assert_like_the_oracle(artefact, images, tmp_path)


def test_a_bundle_in_mindspore_lite(tmp_path):
    """LITE_HOME_AARCH64 names MindSpore Lite for aarch64 (get_mindspore_lite.sh aarch64)."""
    home = os.environ.get("LITE_HOME_AARCH64")
    if not home:
        pytest.skip("MindSpore Lite for aarch64 not given: LITE_HOME_AARCH64 is not set")
    folder, expected, plan = made(QUICK, tmp_path / "made", 1)
    done = build(tmp_path / "out", LITE_HOME=home)(tmp_path, *flags(folder))
    assert done.returncode == 0, done.stderr
    assert_answers(folder, tmp_path, expected, plan)
