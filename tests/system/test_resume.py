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

"""Exact resume: stopped and killed runs end with the bits of a run that was never stopped."""

import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

import train as train_script
from src.config import load_config
from src.entry import guarded
from src.train.checkpoints import read_state
from tests.system.runs import ROOT, TINY, assert_same_training, metrics, resume, train


@pytest.fixture(scope="module")
def unstopped(tmp_path_factory):
    """A function: overrides -> the run that nobody stopped, trained once for all tests that compare with it."""
    runs = {}

    def trained(*options: str):
        if options not in runs:
            runs[options] = tmp_path_factory.mktemp("unstopped") / "run"
            train(runs[options], *options)
        return runs[options]

    return trained


def test_two_and_two_epochs_equal_four(tmp_path):
    """Weights, statistics, momenta, noise, data order and the metrics rows; and the term that keeps
    widths dependent on the image: its logarithms must repeat too."""
    options = ["dqnet.diversity=0.3", "dqnet.input=image"]
    train(tmp_path / "whole", *options, "train.epochs=4")
    run = tmp_path / "parts"
    train(run, *options, "train.epochs=2")
    assert read_state(run / "ckpt/last.ckpt").epoch == 2
    resume(run, "train.epochs=4")
    assert_same_training(tmp_path / "whole", run)
    assert [row["epoch"] for row in metrics(run)] == ["1", "2", "3", "4"]


@pytest.mark.slow
def test_portable_operators_too(tmp_path):
    """The same with MindSpore's own operators, a float stage first, LSQ and its calibration."""
    options = [
        "device.native=off", "quant.quantizer=lsq", "quant.first_last=8",
        "train.pretrain_epochs=1", "data.val_split=0",
    ]  # fmt: skip
    train(tmp_path / "whole", *options, "train.epochs=2")
    train(tmp_path / "parts", *options, "train.epochs=1")
    resume(tmp_path / "parts", "train.epochs=2")
    assert_same_training(tmp_path / "whole", tmp_path / "parts")
    stages = [(row["stage"], row["epoch"]) for row in metrics(tmp_path / "parts")]
    assert stages == [("float", "1"), ("dqnet", "1"), ("dqnet", "2")]


DQT = ["method.name=dqt", "dqt.pool=2", "dqt.hidden=8", "dqt.diversity=0.3", "dqt.beta=0.2"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        [*DQT, "dqt.input=image", "dqt.target=3", "dqt.head_lr=0.1"],
        [*DQT, "dqt.cost=bitops", "dqt.subset=2", "dqt.norm=shared", "quant.per_channel=true"],
        [*DQT, "dqt.tied=false", "quant.first_last=8", "dqt.subset=0"],
        ["dqnet.tied=false", "dqnet.alpha_bitops=0.5", "dqnet.input=image", "train.label_smoothing=0.1"],
        ["dqnet.scope=network", "dqnet.diversity=0.3", "quant.quantizer=pact", "train.decay_quantizers=true"],
        ["quant.quantizer=lsq", "quant.per_channel=true", "device.gradient_dtype=int16"],
        ["method.name=static", "quant.quantizer=nested", "train.decay_norms=true", "train.schedule=multistep"],
        ["train.schedule=cosine", "train.warmup_epochs=0.5", "model.shortcut=B", "dqnet.head_lr=0.1"],
    ],
    ids=range(8),
)
def test_every_term_and_state_is_exact(options, tmp_path):
    """Three epochs against one, and two more."""
    train(tmp_path / "whole", *options, "train.epochs=3")
    run = tmp_path / "parts"
    killed_when(run, "epoch 2/3: step 1/", *options, "train.epochs=3")
    resume(run)
    assert_same_training(tmp_path / "whole", run)


ABN = ["method.name=abn", "quant.quantizer=lsq"]


SEARCHED = [
    "method.name=static", "quant.quantizer=lsq", "quant.start=search", "train.optimizer=adamw", "train.lr=0.002",
]  # fmt: skip
# Gates settle before the second epoch, levels go to the grid before the third.
DDQ = ["method.name=ddq", "ddq.freeze=0.7", "ddq.grid=0.4", "ddq.correction=0.1"]
# Of twelve steps, the first in which a narrower width joins are the fourth and the seventh.
JOINS = [*ABN, "abn.joins=[0.5, 0.2, 0]", "abn.passes=[largest, uniform, random]", "abn.in_place=0.5"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "options, epoch",
    [
        (SEARCHED, 2),
        (DDQ, 1),
        (DDQ, 2),
        (DDQ, 3),
        ([*DDQ, "train.freeze_statistics=0.7"], 2),
        (JOINS, 1),
        (JOINS, 2),
        ([*JOINS, "abn.norm=shared", "abn.tied=false"], 2),
        ([*ABN, "abn.norm=shared", "abn.passes=[largest, images]", "abn.tied=false"], 2),
    ],
    ids=[
        "searched steps and AdamW", "gates that turn", "gates that are settled", "levels on the grid",
        "statistics that are frozen",
        "before a width joins", "between widths that join", "the same, widths of weights and inputs apart",
        "plans of images",
    ],
)  # fmt: skip
def test_what_changes_on_the_way_is_exact_within_an_epoch(options, epoch, tmp_path, unstopped):
    """Three epochs against those of a run that is killed in the middle of one."""
    options = [*options, "train.epochs=3", "train.save_every=2"]
    run = tmp_path / "run"
    killed_when(run, f"epoch {epoch}/3: step 3/", *options)
    assert read_state(run / "ckpt/last.ckpt").place == f"epoch {epoch}, step 2"
    resume(run)
    assert_same_training(unstopped(*options), run)


AGENT = [*ABN, "abn.agent_epochs=2", "data.batch_size=64"]
BY_COUNTERFACTUALS = "abn.agent=counterfactual"


@pytest.mark.slow
@pytest.mark.parametrize(
    "stage, options",
    [
        ("counterfactual", ["dqnet.counterfactual_epochs=2", "data.batch_size=64"]),
        ("counterfactual", [*DQT, "dqt.counterfactual_epochs=2", "data.batch_size=64"]),
        ("agent", AGENT),
        ("agent", [*AGENT, BY_COUNTERFACTUALS]),
        ("finetune", [*ABN, "abn.agent_epochs=1", "abn.finetune_epochs=2"]),
        ("finetune", [*ABN, "abn.agent_epochs=1", "abn.finetune_epochs=2", BY_COUNTERFACTUALS]),
    ],
    ids=[
        "of DQNet", "of DQT", "by PPO", "by counterfactuals", "by PPO, then both", "by counterfactuals, then both",
    ],
)  # fmt: skip
def test_stages_behind_the_first_are_exact(stage, options, tmp_path, unstopped):
    options = [*options, "train.epochs=1", "train.save_every=2"]
    run = tmp_path / "run"
    killed_when(run, f"{stage} epoch 2/2: step 3/", *options)
    state = read_state(run / "ckpt/last.ckpt")
    assert (state.stage, state.place) == (stage, "epoch 2, step 2")
    resume(run)
    assert_same_training(unstopped(*options), run)


@pytest.mark.slow
def test_distillation_clipping_and_nesterov_too(tmp_path):
    """A teacher in the graph, a norm over all gradients, another optimizer's state."""
    train(tmp_path / "float", "method.name=float", "train.epochs=1")
    options = [
        f"model.weights={tmp_path / 'float/ckpt/last.ckpt'}", "train.distill_weight=0.5", "train.distill_features=2",
        "train.clip_norm=1", "train.nesterov=true",
    ]  # fmt: skip
    train(tmp_path / "whole", *options, "train.epochs=2")
    train(tmp_path / "parts", *options, "train.epochs=1")
    resume(tmp_path / "parts", "train.epochs=2")
    assert_same_training(tmp_path / "whole", tmp_path / "parts")


def killed_when(run, words: str, *overrides: str, kind=signal.SIGKILL) -> None:
    """Train until the output says `words`, then kill -9, or end it otherwise."""
    command = [sys.executable, "train.py", *TINY, f"run.dir={run}", "train.epochs=4", *overrides]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:  # fmt: skip
        for line in process.stdout:
            if words in line:
                process.send_signal(kind)
                break
        expected = -kind if kind == signal.SIGKILL else 130
        process.stdout.read()
        assert process.wait(timeout=60) == expected, f"never said {words!r}"


@pytest.mark.slow
def test_killed_in_the_middle_of_an_epoch(four_epochs, tmp_path):
    run = tmp_path / "run"
    killed_when(run, "epoch 3/4: step 2/")
    assert read_state(run / "ckpt/last.ckpt").epoch == 2
    resume(run)
    assert_same_training(run, four_epochs)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM], ids=lambda kind: kind.name)
def test_stored_within_an_epoch(four_epochs, tmp_path, kind):
    """Each second step, or by whoever is told to stop."""
    run = tmp_path / "run"
    killed = kind == signal.SIGKILL
    killed_when(run, "epoch 3/4: step 3/", *(["train.save_every=2"] if killed else []), kind=kind)
    state = read_state(run / "ckpt/last.ckpt")
    if killed:
        assert (state.epoch, state.step) == (2, 2)
    else:  # the step that was under way may have been the epoch's last
        assert state.epoch > 2 or state.step >= 3
    resume(run)
    assert_same_training(run, four_epochs)


@pytest.mark.slow
def test_killed_before_the_first_checkpoint(four_epochs, tmp_path):
    run = tmp_path / "run"
    killed_when(run, "epoch 1/4: step 2/")
    assert not (run / "ckpt/last.ckpt").exists()
    resume(run)
    assert_same_training(run, four_epochs)


# Dies inside the save of epoch 3, with half of the file on the disk.
DIES_WHILE_SAVING = """
import os, runpy, signal, sys
import src
import mindspore as ms

original, calls = ms.save_checkpoint, []

def save(rows, name, **options):
    original(rows, name, **options)
    if "last" in name:
        calls.append(name)
    if len(calls) == 3:
        os.chmod(name, 0o600)
        os.truncate(name, os.path.getsize(name) // 2)
        os.kill(os.getpid(), signal.SIGKILL)

ms.save_checkpoint = save
sys.argv = ["train.py", *sys.argv[1:]]
runpy.run_path("train.py", run_name="__main__")
"""


@pytest.mark.slow
def test_killed_while_saving(four_epochs, tmp_path):
    run = tmp_path / "run"
    command = [sys.executable, "-c", DIES_WHILE_SAVING, *TINY, f"run.dir={run}", "train.epochs=4"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=300)
    assert done.returncode == -signal.SIGKILL
    assert len(list((run / "ckpt").glob(".*"))) == 1, "half a file was left"
    assert read_state(run / "ckpt/last.ckpt").epoch == 2
    assert [row["epoch"] for row in metrics(run)] == ["1", "2", "3"]
    resume(run)
    assert_same_training(run, four_epochs)
    assert list((run / "ckpt").glob(".*")) == []


ALL_STAGES = [
    *ABN, "abn.candidates=[2, 4]", "abn.passes=[largest]", "abn.updates=2",
    "abn.agent_epochs=1", "abn.finetune_epochs=1", "data.batch_size=64",
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    "words, stage, options",
    [
        ("dqnet: compiling", "float", ["train.pretrain_epochs=1"]),
        ("counterfactual: compiling", "dqnet", ["dqnet.counterfactual_epochs=1"]),
        ("agent: compiling", "supernet", ALL_STAGES),
        ("agent: measuring", "agent", ALL_STAGES),
        ("finetune: compiling", "agent", ALL_STAGES),
    ],
    ids=range(5),
)
def test_killed_between_the_stages(words, stage, options, tmp_path, unstopped):
    """The weights of a stage are there, what measures it or the next one has not begun."""
    options, run = [*options, "train.epochs=1"], tmp_path / "run"
    killed_when(run, words, *options)
    assert read_state(run / "ckpt/last.ckpt").stage == stage
    resume(run)
    assert_same_training(unstopped(*options), run)


@pytest.mark.slow
@pytest.mark.parametrize(
    "words, told",
    [(words, "continue with: python train.py --resume") for words in ("epoch 2/50", "compiling")],
)
def test_ctrl_c_says_how_to_go_on(tmp_path, words, told):
    command = [sys.executable, "train.py", *TINY, f"run.dir={tmp_path / 'run'}", "train.epochs=50"]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:  # fmt: skip
        for line in process.stdout:
            if words in line:
                time.sleep(0.2)
                process.send_signal(signal.SIGINT)
                break
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert told in errors and "Traceback" not in errors
    assert len(errors.splitlines()) <= 2, errors  # no internals of the framework


@pytest.fixture
def resumed(capsys):
    """`train.py --resume` in this process: exit code and error stream."""

    def run(folder, *overrides: str) -> tuple[int, str]:
        code = guarded(train_script.main, ["--resume", str(folder), *overrides])
        return code, capsys.readouterr().err

    return run


def test_what_a_resume_may_not_change(four_epochs, tmp_path, resumed):
    """One line, and the run stays as it was: other images per step, another network, other data."""
    run = tmp_path / "run"
    shutil.copytree(four_epochs, run)
    before = (run / "config.yaml").read_text()
    for override, words in (
        ("data.batch_size=128", "begun with 256 images per step, now they are 128"),
        ("quant.w_bits=2", "quant.w_bits=2: this run was begun with quant.w_bits=4"),
        ("data.val_split=0.3", "begun with data.val_split=0.2"),
    ):
        code, errors = resumed(run, "train.epochs=5", override)
        assert code == 2 and words in errors and "Traceback" not in errors
    assert (run / "config.yaml").read_text() == before


def test_a_resume_that_fails_changes_nothing(four_epochs, tmp_path, resumed):
    """What cannot be loaded is not what the next resume starts from."""
    run = tmp_path / "run"
    shutil.copytree(four_epochs, run)
    before = (run / "config.yaml").read_text()
    for override in ("model.weights=none.npz", "train.nesterov=true"):
        code, errors = resumed(run, "train.epochs=5", override)
        assert code == 2 and "Traceback" not in errors
        assert (run / "config.yaml").read_text() == before
        assert [row["epoch"] for row in metrics(run)] == ["1", "2", "3", "4"]


def test_what_a_resume_changed_is_kept(tmp_path, resumed):
    """The overrides of a resume are there for the next one."""
    run = tmp_path / "run"
    plain = ["method.name=float", "device.native=off", "device.mode=pynative", "train.epochs=1"]
    assert guarded(train_script.main, [*TINY, *plain, f"run.dir={run}"]) == 0
    assert resumed(run, "train.epochs=2", "train.lr=0.01")[0] == 0
    assert [(row["epoch"], row["lr"]) for row in metrics(run)] == [("1", "0.1"), ("2", "0.01")]
    kept = load_config(run / "config.yaml")
    assert (kept.train.epochs, kept.train.lr, kept.data.batch_size) == (2, 0.01, 256)
    assert resumed(run, "train.epochs=3")[0] == 0
    assert metrics(run)[-1]["lr"] == "0.01"
