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
"""How a worker is started: its command line and environment, and a Python that is not there."""

import json

import pytest

from src.bench.case import Case
from src.bench.process import WorkerError, WorkerProcess, command, environment


def cases(isa: str = "") -> list[Case]:
    """One of ours and a peer's."""
    return [Case("float", name, "resnet8", 4, 32, 4, 1, isa) for name in ("native", "torch")]


def test_one_option_limits_everybody_to_avx2(monkeypatch):
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")  # set for MindSpore's sake
    ours, peer = cases()
    assert environment(peer)["ONEDNN_MAX_CPU_ISA"] == "DEFAULT"
    assert "DYNQUANT_ISA" not in environment(ours)
    ours, peer = cases("avx2")
    assert environment(ours)["DYNQUANT_ISA"] == "avx2"
    limited = environment(peer)
    assert (limited["ONEDNN_MAX_CPU_ISA"], limited["DNNL_MAX_CPU_ISA"]) == ("AVX2", "AVX2")
    assert limited["ATEN_CPU_CAPABILITY"] == "avx2"


def test_a_python_that_is_not_there_is_named():
    case = Case("float", "torch", "resnet8", 4, 32, 4, 1)
    with pytest.raises(WorkerError, match="/nowhere/python"):
        WorkerProcess(case, "/nowhere/python", 1.0)


def test_a_worker_is_given_its_case():
    case = Case("float", "torch", "resnet8", 4, 32, 4, 1)
    arguments = command(case, "python-of-peers")
    assert arguments[0] == "python-of-peers"
    assert Case(**json.loads(arguments[-1])) == case
