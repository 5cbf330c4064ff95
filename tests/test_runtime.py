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

"""Start-up: seeds, the environment MindSpore needs, and what one worker alone does."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import mindspore as ms
import numpy as np
import pytest

from src.config import DeviceConfig
from src.errors import UserError
from src.layers.norm import BatchNorm
from src.runtime import (
    Runtime,
    average_statistics,
    broadcast_parameters,
    describe,
    start,
    sum_over_workers,
    wait_for_all,
)

ROOT = Path(__file__).resolve().parent.parent
OFF = DeviceConfig(native="off")


def test_start_repeats_random_numbers():
    drawn = []
    for seed in (5, 5, 6):
        runtime = start(OFF, seed)
        drawn.append((np.random.random(), float(ms.ops.standard_normal((1,)).asnumpy()[0])))
    assert runtime == Runtime("CPU", rank=0, workers=1, graph=True) and runtime.is_main
    assert drawn[0] == drawn[1] != drawn[2]


def test_pynative_mode():
    try:
        runtime = start(DeviceConfig(mode="pynative", native="off"), 1)
        assert not runtime.graph and ms.get_context("mode") == ms.PYNATIVE_MODE
        assert "PyNative mode" in describe(runtime)
    finally:
        ms.set_context(mode=ms.GRAPH_MODE)


def test_log_line():
    line = describe(Runtime("CPU", rank=0, workers=2))
    assert "device CPU" in line and "graph mode" in line and "2 workers" in line
    assert f"ONEDNN_MAX_CPU_ISA={os.environ.get('ONEDNN_MAX_CPU_ISA', 'unset')}" in line


def test_one_worker_waits_for_nobody_and_keeps_its_numbers():
    alone = Runtime("CPU")
    values = np.array([1.5, 2.5])
    assert sum_over_workers(alone, values) is values
    wait_for_all(alone)
    cell = BatchNorm(3, relu=False)
    before = [p.asnumpy().copy() for p in cell.get_parameters()]
    average_statistics(alone, cell)
    broadcast_parameters(alone, cell)
    for parameter, value in zip(cell.get_parameters(), before, strict=True):
        np.testing.assert_array_equal(parameter.asnumpy(), value)


def test_native_kernels_are_for_the_cpu_only():
    from src.runtime import _native

    assert _native(OFF) is False
    assert _native(DeviceConfig(target="Ascend")) is False
    with pytest.raises(UserError, match="device.native=on needs device.target=CPU, not GPU"):
        _native(DeviceConfig(target="GPU", native="on"))


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="an x86-64 setting")
@pytest.mark.parametrize("given,expected", [(None, "AVX2"), ("AVX512_CORE", "AVX512_CORE")])
def test_the_instruction_set_is_limited_unless_the_user_chose(given, expected):
    environment = {k: v for k, v in os.environ.items() if k != "ONEDNN_MAX_CPU_ISA"}
    if given:
        environment["ONEDNN_MAX_CPU_ISA"] = given
    code = (
        "import os, sys, src; print(os.environ['ONEDNN_MAX_CPU_ISA'], 'mindspore' in sys.modules)"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.stdout.split() == [expected, "False"], done.stderr
