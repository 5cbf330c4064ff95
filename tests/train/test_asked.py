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
"""What is asked for beside a run's own way is kept apart from its files."""

import pytest

from src.config import load_config
from src.runtime import Runtime
from src.train.asked import LONGEST, Asked, evaluate_as_asked
from src.train.run_folder import RunFolder, create_run, open_run
from tests.train.planned import planned, tables


@pytest.fixture
def suffix(tmp_path, monkeypatch):
    """A function: what the names of an evaluation's files end in, by what is asked for and the keys given."""
    monkeypatch.setattr("src.train.asked.evaluate_split", lambda *arguments: arguments[-1])
    monkeypatch.setattr("src.train.asked.renew_statistics", lambda *_: None)
    run = create_run(load_config(None, [f"run.dir={tmp_path / 'run'}", "model.weights=w.npz"]), None)
    run.end()

    def ends(*keys, **asked) -> str:
        folder, config = open_run(run.path, keys)
        config.model.weights = None  # as `load_trained` leaves it
        system = planned(tables(), looks=False)
        return evaluate_as_asked(config, system, folder, Runtime("CPU"), Asked(**asked), -1.0)

    return ends


def test_the_run_s_own_way_has_its_own_name(suffix):
    assert suffix() == suffix(split="val") == ""
    assert suffix("data.path=elsewhere", "device.threads=1", "data.eval_batch_size=3", "data.workers=5") == ""


def test_statistics_taken_anew_are_another_network_s(suffix):
    assert suffix(recalibrate=3) == "_recalibrated"
    assert suffix(recalibrate=3, bits=4) == "_4bit_recalibrated"


def test_other_keys_are_told(suffix):
    assert suffix("dqnet.sample=true") == "_dqnet.sample=true"
    assert suffix("abn.budget=0.25", "data.mean=[0.5, 0.5, 0.25]") == "_data.mean=-0.5-0.5-0.25-_abn.budget=0.25"
    assert suffix("dqnet.sample=true", bits=8, recalibrate=1) == "_8bit_recalibrated_dqnet.sample=true"


def test_many_keys_make_a_name_that_a_file_can_have(suffix):
    def many(bits: int) -> str:
        return suffix("quant.exceptions={" + ", ".join(f"layer{n}.0.conv1: {bits}" for n in range(30)) + "}")

    assert len(many(4)) < LONGEST + 10 and many(4) != many(2)


def test_a_network_without_a_run_has_nothing_to_keep_apart(suffix, tmp_path):
    config = load_config(None, ["dqnet.sample=true"])
    system = planned(tables(), looks=False)
    assert evaluate_as_asked(config, system, RunFolder(tmp_path), Runtime("CPU"), Asked(), -1.0) == ""
