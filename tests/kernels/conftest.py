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
"""Fixtures: every instruction set of this machine in turn."""

import pytest

from src import kernels
from src.kernels import build, direct


@pytest.fixture(params=kernels.ISAS)
def isa(request):
    """Runs the test on one instruction set; skipped where the machine lacks it."""
    if not kernels.available():
        pytest.skip("no C++ compiler")
    best = kernels.isa()
    if not direct.set_isa(request.param):
        pytest.skip(f"this machine has no {request.param}")
    yield request.param
    direct.set_isa(best)


@pytest.fixture
def tiny_core(tmp_path, monkeypatch):
    """A core of one function, so that building takes a moment only; the path of its source."""
    (tmp_path / "csrc").mkdir()
    source = tmp_path / "csrc" / "tiny.cc"
    source.write_text('extern "C" int tiny() { return 42; }\n')
    monkeypatch.setattr(build, "_SOURCES", tmp_path / "csrc")
    monkeypatch.setattr(build, "_COMMON", {"tiny.cc"})
    monkeypatch.setenv("DYNQUANT_CACHE_DIR", str(tmp_path / "cache"))
    return source
