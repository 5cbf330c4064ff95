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
from types import SimpleNamespace

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from src.errors import UserError
from src.keys import DeviceConfig
from src.layers.norm import BatchNorm
from src.runtime import (
    MeanOverWorkers,
    Runtime,
    average_statistics,
    broadcast_parameters,
    describe,
    has_lost_worker,
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


def test_operators_run_in_the_callers_thread_on_a_cpu():
    ms.set_context(pynative_synchronize=False)
    start(OFF, 1)
    assert ms.get_context("pynative_synchronize")


def test_log_line():
    line = describe(Runtime("CPU", rank=0, workers=2))
    assert "device CPU" in line and "graph mode" in line and "2 workers" in line
    assert f"ONEDNN_MAX_CPU_ISA={os.environ.get('ONEDNN_MAX_CPU_ISA', 'unset')}" in line


def test_one_worker_waits_for_nobody_and_keeps_its_numbers():
    alone = Runtime("CPU")
    values = np.array([1.5, 2.5])
    assert sum_over_workers(alone, values) is values
    wait_for_all(alone)
    cell = BatchNorm(3)
    before = [p.asnumpy().copy() for p in cell.get_parameters()]
    average_statistics(alone, cell)
    broadcast_parameters(alone, cell)
    for parameter, value in zip(cell.get_parameters(), before, strict=True):
        np.testing.assert_array_equal(parameter.asnumpy(), value)


@pytest.mark.parametrize("worker, expected", [(None, 3), ("0", 3), ("2", 5)])
def test_each_worker_takes_a_device_of_its_own(monkeypatch, worker, expected):
    taken = []
    monkeypatch.setattr(ms, "set_device", lambda target, number: taken.append((target, number)))
    if worker is not None:
        monkeypatch.setenv("DEVICE_ID", worker)
        monkeypatch.setenv("MS_WORKER_NUM", "4")
        monkeypatch.setattr("src.runtime.communication", SimpleNamespace(
            init=lambda: None, get_rank=lambda: 0, get_group_size=lambda: 4))  # fmt: skip
        monkeypatch.setattr(ms, "set_auto_parallel_context", lambda **_: None)
    start(DeviceConfig(target="Ascend", id=3), 1)
    start(OFF, 1)
    assert taken == [("Ascend", expected), ("CPU", 0)]


def test_a_job_whose_workers_never_meet_is_one_clear_error(monkeypatch):
    def init():
        raise RuntimeError("The total number of timed out node is 1.\n\n---- C++ Call Stack ----")

    monkeypatch.setenv("MS_WORKER_NUM", "4")
    monkeypatch.setattr("src.runtime.communication", SimpleNamespace(init=init))
    with pytest.raises(UserError, match=r"MS_WORKER_NUM=4\) never met, or one of them has ended.*node is 1\.$"):
        start(OFF, 1)


@pytest.mark.parametrize(
    "operator, expected", [("AllReduce-op15", True), ("Broadcast-op3", True), ("Conv2D-op4", False)]
)
def test_which_errors_are_of_a_worker_that_has_ended(operator, expected):
    text = f"\n------\n- Kernel error:\n------\nLaunch kernel failed: Default/{operator}\n\n------"
    assert has_lost_worker(RuntimeError(text)) == expected


def test_the_scheduler_may_be_the_first_to_say_so():
    text = "The state of the cluster is error, total nodes num: 2, abnormal nodes num: 1\n\n---- C++ Call Stack ----"
    assert has_lost_worker(RuntimeError(text))


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


def two_alike(monkeypatch, apart: float) -> Runtime:
    """A runtime of two workers, of which the other has values larger by `apart`."""
    monkeypatch.setattr("src.runtime.sum_over_workers", lambda _, own: own + (own + apart))
    return Runtime("CPU", workers=2)


def test_averaged_statistics_reach_the_compiled_step(monkeypatch):
    """A step that updates the statistics goes on from the average, epoch after epoch."""
    runtime, cell = two_alike(monkeypatch, 2.0), BatchNorm(3)
    cell.set_train()
    x = ms.Tensor(np.random.default_rng(0).normal(size=(4, 3, 2, 2)).astype(np.float32))
    mean = x.asnumpy().mean((0, 2, 3))

    @ms.jit
    def step(x):
        return cell(x)

    expected = np.zeros(3)
    for _ in range(3):
        for _ in range(2):
            step(x)
            expected = 0.9 * expected + 0.1 * mean
        average_statistics(runtime, cell)
        expected = expected + 1
        np.testing.assert_allclose(cell.moving_mean.asnumpy(), expected, atol=1e-5)


def test_a_mean_over_workers_in_a_loss(monkeypatch):
    """Its value is all workers' mean, its gradient that of the worker's own share."""
    monkeypatch.setattr("src.runtime.ops.AllReduce", Plus)
    mean = MeanOverWorkers(4)

    def loss(x):
        return mean(x) ** 2

    value, gradient = ms.value_and_grad(loss)(ms.Tensor(np.float32(3)))
    joint = (3 + 10) / 4
    assert float(value.asnumpy()) == pytest.approx(joint**2, rel=1e-6)
    assert float(gradient.asnumpy()) == pytest.approx(2 * joint, rel=1e-6)


class Plus(nn.Cell):
    """The sum with what the others have: 10."""

    def construct(self, x):
        return x + 10
