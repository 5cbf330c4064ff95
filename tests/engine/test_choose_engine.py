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
"""The engine by name, and what happens where it cannot be had."""

import logging

import numpy as np
import pytest

from src import kernels
from src.engine.artefact import save_artefact
from src.engine.choose_engine import open_engine
from src.engine.oracle import Oracle
from src.errors import UserError
from tests.engine.programs import nested, pixels


@pytest.fixture
def path(tmp_path):
    save_artefact(nested(), tmp_path / "net.safetensors")
    return tmp_path / "net.safetensors"


def test_auto_falls_back_to_the_oracle_and_says_so(path, monkeypatch, caplog):
    monkeypatch.setattr(kernels, "available", lambda: False)
    with caplog.at_level(logging.INFO, "dynquant"):
        assert isinstance(open_engine(path), Oracle)
    assert len(caplog.records) == 1 and "oracle" in caplog.text
    with pytest.raises(UserError, match="install g"):
        open_engine(path, "native")


def test_the_oracle_is_silent_when_asked_for(path, caplog):
    engine = open_engine(path, "oracle")
    assert isinstance(engine, Oracle) and not caplog.records


@pytest.mark.skipif(not kernels.available(), reason="no compiler for the kernels")
def test_native_gives_the_oracles_answers_on_the_asked_threads(path):
    engine, images = open_engine(path, threads=1), pixels(nested(), 3)
    assert type(engine).__name__ == "Native" and kernels.threads() == 1
    for one, other in zip(engine.run(images), Oracle(nested()).run(images), strict=True):
        np.testing.assert_array_equal(one, other)
    open_engine(path, threads=0)
    assert kernels.threads() >= 1


def test_bad_arguments(path):
    with pytest.raises(UserError, match="engine fast: allowed are auto, native, oracle"):
        open_engine(path, "fast")
    with pytest.raises(UserError, match="--threads -1"):
        open_engine(path, "oracle", -1)
    with pytest.raises(UserError, match="nowhere.safetensors"):
        open_engine(path.with_name("nowhere.safetensors"), "oracle")
