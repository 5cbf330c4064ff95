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
"""Shared by all tests: device set-up before MindSpore starts, and where real data lies, if it does."""

import gc
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import src  # noqa: F401  sets ONEDNN_MAX_CPU_ISA before MindSpore starts
from src import kernels

TINY = [
    "data.name=digits",
    "data.batch_size=32",
    "data.eval_batch_size=64",
    "model.name=resnet8",
    "device.native=off",
]

# A worker that takes one of these near the end works on alone. Neighbours in this list share nothing that
# one of them would wait for (shared.py).
LONG = (
    "system/test_distributed.py", "system/test_resume.py", "ascend310/test_lite.py",
    "project/test_new_system.py", "deploy/mindir/", "system/", "ascend310/", "methods/", "deploy/", "train/",
)  # fmt: skip

# Properties are tried on the same cases in every run; `--hypothesis-profile=search` looks for new ones. No case is
# stored, and none fails for the time it takes.
settings.register_profile(
    "repeatable", derandomize=True, database=None, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
settings.register_profile("search", settings.get_profile("repeatable"), derandomize=False, max_examples=1000)
settings.load_profile("repeatable")


def pytest_configure(config):
    """Compile the kernels before the workers start, which would wait for one of them."""
    if getattr(config.option, "numprocesses", None) and not hasattr(config, "workerinput"):
        kernels.available()


def pytest_collection_modifyitems(items):
    """Files with long tests come first."""

    def place(item) -> int:
        return next((i for i, name in enumerate(LONG) if f"tests/{name}" in item.nodeid), len(LONG))

    items.sort(key=place)


@pytest.fixture(scope="module", autouse=True)
def _graph_mode_on_cpu():
    """Whatever the scripts that the file before called have set."""
    import mindspore as ms

    ms.set_context(mode=ms.GRAPH_MODE, pynative_synchronize=True)  # as src/runtime.py on a CPU
    ms.set_device("CPU")


@pytest.fixture(scope="module", autouse=True)
def _no_search_in_what_was_there_before():
    """MindSpore searches all objects for garbage at every compilation. Those of loaded modules and of
    pytest's collection, which are most, are left out: compiling takes a third less."""
    gc.collect()
    gc.freeze()


@pytest.fixture(params=["graph", "pynative"])
def mode(request):
    """Run a test in graph mode and in PyNative mode."""
    import mindspore as ms

    ms.set_context(mode=ms.GRAPH_MODE if request.param == "graph" else ms.PYNATIVE_MODE)
    yield request.param
    ms.set_context(mode=ms.GRAPH_MODE)


@pytest.fixture
def pynative():
    """Run a test in PyNative mode: no graph is compiled for a handful of numbers."""
    import mindspore as ms

    ms.set_context(mode=ms.PYNATIVE_MODE)
    yield
    ms.set_context(mode=ms.GRAPH_MODE)


@pytest.fixture(scope="session")
def cifar10_path() -> Path:
    """Folder of CIFAR-10's official binary files; DYNQUANT_CIFAR10 names it."""
    return _folder("DYNQUANT_CIFAR10", "CIFAR-10 (scripts/get_cifar10.sh)")


@pytest.fixture(scope="session")
def weights_path() -> Path:
    """Folder with public float weights; DYNQUANT_WEIGHTS names it."""
    return _folder("DYNQUANT_WEIGHTS", "public float weights")


@pytest.fixture(scope="session")
def imagenette_path() -> Path:
    """Folder train/CLASS/*, val/CLASS/* of Imagenette's ten classes; DYNQUANT_IMAGENETTE names it."""
    return _folder("DYNQUANT_IMAGENETTE", "a small Imagenette")


@pytest.fixture
def tiny_mobilenetv2(monkeypatch):
    """`model.name=tiny_mobilenetv2` is known."""
    from src.models import BACKBONES
    from tests.models.tiny import NAME, TINY

    monkeypatch.setitem(BACKBONES, NAME, TINY)


def _folder(variable: str, what: str) -> Path:
    value = os.environ.get(variable)
    if not value or not Path(value).is_dir():
        pytest.skip(f"{what} not given: {variable} is {value!r}")
    return Path(value)


@pytest.fixture
def tiny() -> list[str]:
    """Overrides of a configuration that trains in seconds."""
    return list(TINY)
