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
"""Every method on two workers: trained, stored within epochs, killed, resumed, and evaluated by one."""

import shutil

import pytest

from src.train.checkpoints import read_state
from tests.system.runs import TINY, assert_same_training, finished, last_json, metrics, script
from tests.system.workers import kill_two_workers_when, two_workers

pytestmark = pytest.mark.slow
ABN = [
    "method.name=abn", "quant.quantizer=lsq", "train.epochs=1", "abn.agent_epochs=1", "abn.finetune_epochs=1",
    "abn.updates=2",
]  # fmt: skip
# Options, the stages with their epochs, and where all workers are killed: behind a step that is stored.
METHODS = {
    "static": (["method.name=static", "quant.quantizer=nested"], ["static"] * 2, "static epoch 2/2: step 3/"),
    "dqnet": (
        ["dqnet.diversity=0.3", "dqnet.counterfactual_epochs=1"],
        ["dqnet", "dqnet", "counterfactual"], "counterfactual epoch 1/1: step 3/",
    ),
    "dqt": (
        ["method.name=dqt", "dqt.pool=2", "dqt.hidden=8", "dqt.diversity=0.3", "dqt.input=image"],
        ["dqt"] * 2, "dqt epoch 2/2: step 3/",
    ),
    "ddq": (["method.name=ddq"], ["ddq"] * 2, "ddq epoch 2/2: step 3/"),
    "super-network": (["method.name=abn", "abn.norm=shared"], ["supernet"] * 2, "supernet epoch 2/2: step 3/"),
    "agent": (ABN, ["supernet", "agent", "finetune"], "agent epoch 1/1: step 3/"),
    "agent by counterfactuals": (
        [*ABN, "abn.agent=counterfactual"],
        ["supernet", "agent", "finetune"], "agent epoch 1/1: step 3/",
    ),
    "its fine-tuning": (
        [*ABN, "abn.agent=counterfactual"],
        ["supernet", "agent", "finetune"], "finetune epoch 1/1: step 3/",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", METHODS)
def test_two_workers_train_stop_and_go_on_with_every_method(name, tmp_path):
    """Killed after a step that was stored, they end with the bits of workers that nobody stopped."""
    own, stages, words = METHODS[name]
    options = [*TINY, "data.batch_size=24", "train.epochs=2", "train.save_every=2", *own]
    whole, run = tmp_path / "whole", tmp_path / "parts"
    two_workers(tmp_path / "logs", "train.py", *options, f"run.dir={whole}")
    assert [row["stage"] for row in metrics(whole)] == stages

    kill_two_workers_when(run, words, tmp_path / "killed", "train.py", *options, f"run.dir={run}")
    state = read_state(run / "ckpt/last.ckpt")
    assert state.step >= 2 and state.step % 2 == 0
    two_workers(tmp_path / "resumed", "train.py", "--resume", run)
    assert_same_training(whole, run)

    shutil.rmtree(run / "eval")
    numbers = last_json(finished(script("eval.py", "--run", run)))
    told = float((run / "log.txt").read_text().split("finished: test top-1 ")[1].split("%")[0])
    assert 100 * numbers["top1"] == pytest.approx(told, abs=0.3)
