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

"""Bad input through the entry scripts: one `error:` line, exit code 2, no traceback, nothing lost."""

import json
import shutil

import numpy as np
import pytest

import eval as eval_script
import train as train_script
from src.entry import guarded
from src.models import build_backbone
from tests.system.runs import TINY, script

MAINS = {"train.py": train_script.main, "eval.py": eval_script.main}


@pytest.fixture
def refused(capsys):
    """Run a script in this process; returns its error line."""

    def run(name: str, *arguments) -> str:
        code = guarded(MAINS[name], [str(argument) for argument in arguments])
        errors = capsys.readouterr().err
        lines = [line for line in errors.splitlines() if line.startswith("error: ")]
        assert code == 2 and len(lines) == 1 and "Traceback" not in errors, errors
        return lines[0]

    return run


@pytest.mark.parametrize(
    "overrides,expected",
    [
        (["data.name=cifar10"], ["data.path"]),
        (["data.name=cifar10", "data.path=/no/such"], ["/no/such"]),
        (["data.name=image_folder", "data.path=/no/such"], ["/no/such"]),
        (["train.epoch=3"], ["train.epoch", "did you mean `train.epochs`?"]),
        (["dqnet.target=9"], ["dqnet.target=9", "at most 8"]),
        (["quant.w_bits=9"], ["quant.w_bits=9", "at most 8"]),
        (["data.batch_size=5000"], ["data.batch_size=5000", "1442"]),
        (["model.weights=none.npz"], ["none.npz", "does not exist"]),
        (["model.num_classes=5"], ["model.num_classes=5", "the data set has 10 classes"]),
        (["quant.exceptions={layer9.conv: 4}"], ["layer9.conv", "layer1.0.conv1"]),
    ],
)
def test_training_refuses(refused, tmp_path, overrides, expected):
    message = refused("train.py", *overrides, "device.native=off", f"run.dir={tmp_path / 'run'}")
    for words in expected:
        assert words in message


@pytest.fixture(scope="module")
def of_seven_classes(tmp_path_factory):
    """Float weights of the tests' model for other data."""
    path = tmp_path_factory.mktemp("weights") / "seven.npz"
    backbone = build_backbone("resnet8", 7, seed=5)
    np.savez(path, **{path: p.asnumpy() for path, p in backbone.parameters().items()})
    return path


FAST = [*TINY, "method.name=static", "device.native=off", "device.mode=pynative", "train.epochs=0"]


def test_weights_of_other_classes_start_a_run_with_a_new_classifier(tmp_path, of_seven_classes):
    run = tmp_path / "run"
    overrides = [*FAST, "train.head_epochs=0", f"model.weights={of_seven_classes}", f"run.dir={run}"]
    assert guarded(train_script.main, overrides) == 0
    log = (run / "log.txt").read_text()
    assert "the classifier starts anew: " in log and "has 7 classes, the model 10" in log
    assert json.loads((run / "eval/test.json").read_text())["baseline"] == {}


@pytest.mark.parametrize("key", ["model.weights", "train.teacher_weights"])
def test_weights_of_other_classes_cannot_teach(refused, tmp_path, of_seven_classes, key):
    own = f"{key}={of_seven_classes}"
    run = f"run.dir={tmp_path / 'run'}"
    message = refused("train.py", *FAST, "train.head_epochs=0", "train.distill_weight=0.5", own, run)
    assert "cannot teach" in message and "has 7 classes, the model 10" in message


def test_a_start_that_failed_does_not_refuse_the_corrected_command(refused, tmp_path):
    run = [*FAST, f"run.dir={tmp_path / 'run'}"]
    refused("train.py", *run, "data.batch_size=5000")
    assert guarded(train_script.main, run) == 0


def test_a_folder_that_is_no_run(refused, tmp_path):
    for arguments in (("train.py", "--resume"), ("eval.py", "--run")):
        message = refused(*arguments, tmp_path)
        assert str(tmp_path) in message and "config.yaml" in message


def test_a_run_that_exists(refused, four_epochs):
    message = refused("train.py", *TINY, f"run.dir={four_epochs}")
    assert f"--resume {four_epochs}" in message


def test_a_run_without_a_checkpoint(refused, four_epochs, tmp_path):
    shutil.copy(four_epochs / "config.yaml", tmp_path)
    message = refused("eval.py", "--run", tmp_path)
    assert "last.ckpt does not exist" in message


def test_a_checkpoint_of_another_network(refused, four_epochs):
    message = refused("eval.py", "--run", four_epochs, "model.name=resnet20")
    assert "is of another network" in message and "layer1.1.conv1.weight" in message


@pytest.mark.parametrize("kind", ["truncated", "flipped"])
def test_a_damaged_checkpoint(refused, four_epochs, tmp_path, kind):
    run = tmp_path / "run"
    shutil.copytree(four_epochs, run)
    for name in ("last", "best"):
        path = run / f"ckpt/{name}.ckpt"
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.chmod(0o600)
        path.write_bytes(content[: len(content) // 2] if kind == "truncated" else content)
    message = refused("eval.py", "--run", run)
    assert "best.ckpt is damaged" in message and "delete it, and the run stands for its other one" in message
    assert "last.ckpt is damaged" in refused("train.py", "--resume", run, "train.epochs=5")


def test_a_learning_rate_that_breaks_the_network(refused, tmp_path):
    run = tmp_path / "run"
    overrides = ["method.name=float", "train.lr=1e30", "train.epochs=1", "device.native=off"]
    message = refused("train.py", *TINY, *overrides, f"run.dir={run}")
    assert "float, epoch 1, step 2: " in message
    assert "is not finite" in message and "parameter conv1.weight" in message and "train.lr" in message


def test_weights_that_overflow_at_once_are_not_blamed_on_the_learning_rate(refused, tmp_path):
    backbone = build_backbone("resnet8", 10)
    weights = {path: p.asnumpy() for path, p in backbone.parameters().items()}
    weights["layer2.0.conv1.weight"][:] = 3e38
    np.savez(tmp_path / "w.npz", **weights)
    overrides = [*FAST, "method.name=float", "train.epochs=1", f"model.weights={tmp_path}/w.npz"]
    message = refused("train.py", *overrides, f"run.dir={tmp_path / 'run'}")
    assert "float, epoch 1, step 1: the output of layer layer2.0.conv1 is not" in message
    assert "train.lr is not the cause" in message


def test_as_its_own_process():
    """The whole script: exit code, one line, nothing else on the error stream."""
    done = script("train.py", "dqnet.target=9")
    assert done.returncode == 2
    assert done.stderr.startswith("error: dqnet.target=9 ") and done.stderr.count("\n") == 1
    done = script("train.py", "device.target=Ascend", "run.dir=/no/such/place")
    assert done.returncode == 2
    lines = done.stderr.strip().splitlines()
    assert lines[-1].startswith("error: device.target=Ascend") and "Traceback" not in done.stderr
