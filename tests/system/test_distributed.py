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

"""Two CPU workers under MindSpore's own launcher: the gradients of one, and a whole run."""

import json
import shutil

import numpy as np
import pytest

from src.train.checkpoints import read_state
from tests.system.runs import ROOT, TINY, finished, last_json, metrics, script, tensors
from tests.system.workers import two_workers


@pytest.mark.slow
def test_averaged_gradients_are_those_of_the_joined_batch(tmp_path):
    step = ROOT / "tests/system/one_step.py"
    two_workers(tmp_path / "logs", step, tmp_path / "two.npz", 24)
    finished(script(step, tmp_path / "one.npz", 48, PYTHONPATH=str(ROOT)))
    with np.load(tmp_path / "one.npz") as one, np.load(tmp_path / "two.npz") as two:
        assert sorted(one.files) == sorted(two.files)
        assert one["loss"] == pytest.approx(two["loss"], rel=1e-5)
        assert np.abs(one["conv1.weight"]).max() > 1e-3
        for name in one.files:
            largest = np.abs(one[name]).max()
            np.testing.assert_allclose(two[name], one[name], atol=2e-5 * largest, err_msg=name)


@pytest.fixture(scope="module")
def joint_run(tmp_path_factory):
    """Float stage and DQNet on two workers with half of the batch each."""
    folder = tmp_path_factory.mktemp("joint")
    options = [
        *TINY, "data.batch_size=128", "train.pretrain_epochs=1", "train.epochs=2",
        f"run.dir={folder / 'run'}",
    ]  # fmt: skip
    two_workers(folder / "logs", "train.py", *options)
    return folder / "run"


@pytest.mark.slow
def test_two_workers_train_and_evaluate(joint_run):
    rows = metrics(joint_run)
    assert [(row["stage"], row["epoch"], row["step"]) for row in rows] == [
        ("float", "1", "4"), ("dqnet", "1", "4"), ("dqnet", "2", "8"),
    ]  # fmt: skip
    progress = read_state(joint_run / "ckpt/last.ckpt")
    assert (progress.stage, progress.epoch) == ("dqnet", 2)
    assert (joint_run / "ckpt/best.ckpt").is_file()


@pytest.mark.slow
def test_one_worker_evaluates_what_two_trained(joint_run, tmp_path):
    """The statistics are shared: the checkpoint is the network that both workers evaluated."""
    log = (joint_run / "log.txt").read_text()
    shutil.copytree(joint_run, tmp_path / "run")
    numbers = last_json(finished(script("eval.py", "--run", tmp_path / "run")))
    assert numbers["images"] == 355
    told = float(log.split("finished: test top-1 ")[1].split("%")[0])
    assert 100 * numbers["top1"] == pytest.approx(told, abs=0.3)


@pytest.mark.slow
def test_two_workers_resume(joint_run, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(joint_run, run)
    two_workers(tmp_path / "logs", "train.py", "--resume", run, "train.epochs=3")
    assert read_state(run / "ckpt/last.ckpt").epoch == 3
    assert [row["epoch"] for row in metrics(run)] == ["1", "1", "2", "3"]
    before, after = tensors(joint_run / "ckpt/last.ckpt"), tensors(run / "ckpt/last.ckpt")
    name = "layer3.0.conv2.weight"
    assert (before[name] != after[name]).any()


# Small images are enough for LSQ; a controller needs a network that has learned something.
RECIPE = ["--config", "config/resnet8_digits_dqnet_4bit.yaml", "train.pretrain_epochs=8"]
LEARNERS = {
    "lsq": [
        "model.name=resnet8", "data.image_size=8", "method.name=static", "quant.quantizer=lsq",
        "train.lr=0.1",
    ],
    "dqnet": RECIPE,
    "dqt": [
        *RECIPE, "method.name=dqt", "quant.per_channel=true", "dqt.pool=4", "dqt.hidden=32",
        "dqt.input=image", "dqt.diversity=0.3", "dqt.target=4", "dqt.beta=0.2",
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    "learner", ["lsq", *(pytest.param(name, marks=pytest.mark.slow) for name in ("dqnet", "dqt"))]
)
def test_two_workers_learn_like_one(learner, tmp_path):
    """Eight epochs, the running statistics joined after each: the same accuracy on test images."""
    options = [*LEARNERS[learner], "data.eval_batch_size=355", "train.epochs=8", "train.eval_every=8"]
    two = [*options, "data.batch_size=32", f"run.dir={tmp_path / 'two'}"]
    two_workers(tmp_path / "logs", "train.py", *two)
    finished(script("train.py", *options, "data.batch_size=64", f"run.dir={tmp_path / 'one'}"))
    answers = [json.loads((tmp_path / run / "eval/test.json").read_text()) for run in ("one", "two")]
    assert answers[0]["top1"] > 0.85
    assert answers[1]["top1"] == pytest.approx(answers[0]["top1"], abs=0.03)
