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
"""A run that is opened again has the network of the stage that it reached."""

import logging

import numpy as np
import pytest

from src.config import load_config
from src.methods import METHODS, build_system
from src.runtime import Runtime
from src.train.checkpoints import RunState, save_checkpoint
from src.train.loaded import load_trained
from src.train.run_folder import RunFolder

RUNTIME = Runtime("CPU", graph=False, native=False)
OPTIONS = [
    "model.name=resnet8", "data.image_size=8", "device.native=off", "method.name=abn", "quant.quantizer=lsq",
    "abn.agent_epochs=1", "abn.finetune_epochs=1", "train.pretrain_epochs=1", "data.val_split=0.2",
]  # fmt: skip


@pytest.mark.parametrize("reached", ["float", "supernet", "agent", "finetune"])
def test_of_any_stage(tmp_path, caplog, monkeypatch, reached):
    monkeypatch.setattr(logging.getLogger("dynquant"), "propagate", True)
    config, folder = load_config(None, OPTIONS), RunFolder(tmp_path)
    stage = next(s for s in METHODS["abn"].stages(config) if s.name == reached)
    built, _ = build_system(config, 10, 8, False, stage.builds, stage.build)
    state = RunState(reached, epoch=1)
    save_checkpoint(folder.last, built.network, state)
    system, found = load_trained(folder, config, RUNTIME)
    assert (system.name, type(system.network)) == (built.name, type(built.network)) and found == state
    own = {p.name: p.asnumpy() for p in system.network.get_parameters()}
    for parameter in built.network.get_parameters():
        np.testing.assert_array_equal(own[parameter.name], parameter.asnumpy())
    told = "this run stopped in stage float: its network is float, method.name=abn has not begun"
    assert (told in caplog.text) == (reached == "float")
