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
"""Whoever reads a file from outside reads it, or says in one clear line what is wrong; nothing else."""

import logging

import pytest

from src import kernels
from tests.fuzz import loaders
from tests.fuzz.fuzz_files import cases
from tests.fuzz.loaders import TARGETS, Target, fault_of

FEW = {"recipe": 10, "static plan": 10}  # each reads the whole default file


@pytest.fixture(autouse=True)
def _quiet(monkeypatch):
    monkeypatch.setattr(logging.getLogger("dynquant"), "propagate", False)


@pytest.mark.parametrize("name", TARGETS)
def test_damaged_files_are_read_or_refused(name, tmp_path):
    if name == "artefact" and not kernels.available():
        pytest.skip("no C++ compiler")
    counts = cases(name, 0, FEW.get(name, 30), tmp_path)
    assert counts["whole: read"] and not counts["whole: refused"]
    assert counts["refused"] > 2, counts


@pytest.mark.parametrize("error", [ValueError("x"), KeyError("x"), MemoryError()])
def test_any_other_error_is_a_finding(error, tmp_path, monkeypatch):
    def read(path):
        raise error

    monkeypatch.setitem(loaders.TARGETS, "made up", Target("f", lambda folder: [], read))
    with pytest.raises(type(error)):
        fault_of(TARGETS["made up"], b"", tmp_path)
