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
"""How a training ends."""

import logging

import pytest

from src.config import load_config
from src.errors import UserError
from src.runtime import Runtime
from src.train.run_folder import RunFolder
from src.train.training import Training


@pytest.fixture
def failing(tmp_path, monkeypatch):
    """A function: the operator that fails -> a training of two workers, whose log ends with the test."""
    monkeypatch.setattr(logging.getLogger("dynquant"), "propagate", True)

    def make(operator: str) -> Training:
        def fails(*_):
            raise RuntimeError(f"Launch kernel failed: Default/{operator}")

        monkeypatch.setattr("src.train.training.train_run", fails)
        return Training(RunFolder(tmp_path), load_config(), Runtime("CPU", workers=2), False)

    return make


@pytest.mark.parametrize("resume", [False, True])
def test_a_resume_is_noted(tmp_path, monkeypatch, resume):
    monkeypatch.setattr("src.train.training.train_run", lambda *_: {"top1": 0.5})
    Training(RunFolder(tmp_path), load_config(), Runtime("CPU"), resume).run()
    assert (tmp_path / "versions.json").exists() == resume


@pytest.mark.parametrize("is_stored", [False, True])
def test_one_whose_other_worker_has_ended_says_how_to_go_on(failing, tmp_path, is_stored):
    if is_stored:
        (tmp_path / "ckpt").mkdir()
        (tmp_path / "ckpt/last.ckpt").touch()
    told = f"run_distribute_train.sh --resume {tmp_path} 2" if is_stored else "start the same command again"
    with pytest.raises(UserError, match=f"another worker of this job has ended.*{told}$"):
        failing("AllReduce-op15").run()


def test_other_faults_keep_their_traceback(failing):
    with pytest.raises(RuntimeError, match="Conv2D"):
        failing("Conv2D-op4").run()


@pytest.mark.parametrize(
    ("method", "overrides", "told"),
    [
        ("dqnet", ["quant.w_bits=2", "dqnet.target=5", "dqt.beta=3"], ["quant.w_bits=2", "dqt.beta=3"]),
        ("dqt", ["quant.quantizer=pact", "data.workers=1"], ["quant.quantizer=pact"]),
        ("static", ["quant.quantizer=dorefa", "quant.per_channel=true"], ["quant.per_channel=true"]),
        ("static", ["quant.first_last=8", "quant.per_channel=true"], []),  # the ends have LSQ's steps
        ("static", ["quant.w_bits=2", "quant.quantizer=lsq"], []),
    ],
)
def test_what_is_asked_for_in_vain_is_said(tmp_path, monkeypatch, method, overrides, told):
    monkeypatch.setattr("src.train.training.train_run", lambda *_: {"top1": 0.5})
    run, given = tmp_path / "run", [f"method.name={method}", *overrides]
    Training.new(None, ["data.name=digits", "model.name=resnet8", f"run.dir={run}", *given]).run()
    log = (run / "log.txt").read_text()
    assert [text for text in given if f"method.name={method} does not read {text}\n" in log] == told
