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

"""A run keeps the file of its network: it goes by the copy, wherever it lies; another model can teach it."""

import json

import numpy as np
import pytest

from src.config import load_config
from src.models import build_backbone
from src.runtime import Runtime
from src.train.loop import _Run
from src.train.own_network import NETWORK
from src.train.run_folder import create_run, open_run

NET = """\
from src.models import BACKBONES

def mine(num_classes, rng):
    return BACKBONES["resnet8"].build(num_classes, rng)
"""


@pytest.fixture
def begin(tmp_path):
    """A function that makes a run of `mine`, and loses the file."""

    def start(*overrides):
        (tmp_path / "net.py").write_text(NET)
        own = [f"model.file={tmp_path / 'net.py'}", "model.name=mine", f"run.dir={tmp_path / 'run'}"]
        config = load_config(None, [*own, "data.image_size=8", *overrides])
        folder = create_run(config, None)
        (tmp_path / "net.py").unlink()
        return folder, config

    return start


def test_it_goes_by_its_copy(begin, tmp_path):
    folder, config = begin()
    assert (folder.path / NETWORK).read_text() == NET
    assert config.model.file == str(folder.path / NETWORK)
    folder.path.rename(tmp_path / "elsewhere")
    assert open_run(tmp_path / "elsewhere")[1].model.file == str(tmp_path / "elsewhere" / NETWORK)


def test_without_versions_the_copy_counts(begin):
    folder, _ = begin()
    for text in ("{", "[]"):
        (folder.path / "versions.json").write_text(text)
        assert open_run(folder.path)[1].model.name == "mine"


def test_a_run_of_a_model_of_the_project_keeps_no_file(tmp_path):
    folder = create_run(load_config(None, [f"run.dir={tmp_path / 'run'}"]), None)
    assert not (folder.path / NETWORK).exists()
    assert "network" not in json.loads((folder.path / "versions.json").read_text())
    assert open_run(folder.path)[1].model.file is None


def test_a_model_of_the_project_teaches_it(begin, tmp_path, pynative):
    weights = {name: p.asnumpy() for name, p in build_backbone("resnet20", 10).parameters().items()}
    np.savez(tmp_path / "teacher.npz", **weights)
    teaches = [f"train.teacher_weights={tmp_path / 'teacher.npz'}", "train.teacher_model=resnet20"]
    folder, config = begin("train.distill_weight=0.5", *teaches)
    run = _Run(config, folder, Runtime("CPU", graph=False))
    assert "layer1.2.conv1" in run._teacher(config).backbone.layers
    assert "layer1.2.conv1" not in run._build_told(run.stages[-1]).network.backbone.layers
