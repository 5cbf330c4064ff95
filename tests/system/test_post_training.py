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
"""`train.epochs=0` through the scripts: the run folder is like any other."""

import json

import numpy as np
import pytest

import eval as eval_script
import export as export_script
import report as report_script
import train as train_script
from src.entry import guarded
from src.models import build_backbone
from tests.system.runs import TINY, tensors

KEYS = [
    *TINY, "method.name=static", "quant.quantizer=lsq", "quant.first_last=8", "device.native=off",
    "device.mode=pynative", "quant.ptq_images=40", "data.batch_size=64",
]  # fmt: skip


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "float.npz"
    backbone = build_backbone("resnet8", 10, seed=5)
    np.savez(path, **{path: p.asnumpy() for path, p in backbone.parameters().items()})
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory, weights):
    folder = tmp_path_factory.mktemp("runs") / "ptq"
    overrides = [*KEYS, "train.epochs=0", f"model.weights={weights}", f"run.dir={folder}"]
    assert guarded(train_script.main, overrides) == 0
    return folder


def test_it_is_told(run):
    log = (run / "log.txt").read_text()
    assert "nothing is trained (train.epochs=0): quantising from 32 training images" in log
    assert "quantised in" in log and "first steps of" not in log


def test_it_evaluates_as_it_ended(run, capsys):
    ended = json.loads((run / "eval/test.json").read_text())
    assert guarded(eval_script.main, ["--run", str(run)]) == 0
    again = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert again["top1"] == ended["top1"] and again["loss"] == ended["loss"]
    assert ended["baseline"]["float"]["top1"] >= 0


def test_it_exports_integers_that_answer_alike(run, capsys):
    assert guarded(export_script.main, ["--run", str(run), "--format", "int"]) == 0
    found = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert found["top1_equal"] == 1 and found["median_difference"] < 0.01


def test_it_is_reported(run):
    assert guarded(report_script.main, ["--run", str(run)]) == 0
    assert "static" in (run / "report/index.html").read_text()


@pytest.mark.slow
def test_it_goes_on_as_a_training(run):
    """A resume with epochs begins them anew, from the float weights."""
    assert guarded(train_script.main, ["--resume", str(run), "train.epochs=1"]) == 0
    assert len((run / "metrics.csv").read_text().splitlines()) == 2


def test_a_float_run_without_epochs_keeps_its_weights(weights, tmp_path):
    overrides = [*KEYS, "method.name=float", "train.epochs=0", f"model.weights={weights}"]
    assert guarded(train_script.main, [*overrides, f"run.dir={tmp_path / 'run'}"]) == 0
    stored, given = tensors(tmp_path / "run/ckpt/last.ckpt"), np.load(weights)
    assert all(np.array_equal(stored[name], given[name]) for name in given)


def test_random_networks_and_random_choices_are_told(tmp_path):
    overrides = [*KEYS, "train.epochs=0", f"run.dir={tmp_path / 'static'}"]
    assert guarded(train_script.main, overrides) == 0
    assert "this network is random" in (tmp_path / "static/log.txt").read_text()
    overrides = [*KEYS, "method.name=dqnet", "train.epochs=0", f"run.dir={tmp_path / 'dqnet'}"]
    assert guarded(train_script.main, overrides) == 0
    assert "widths are chosen at random" in (tmp_path / "dqnet/log.txt").read_text()


def test_widths_that_nothing_taught_keep_to_their_budget(tmp_path):
    run = tmp_path / "run"
    overrides = [*KEYS, "method.name=ddq", "ddq.headroom=2", "train.epochs=0", f"run.dir={run}"]
    assert guarded(train_script.main, overrides) == 0
    assert "chosen at random" not in (run / "log.txt").read_text()
    own = [row for row in json.loads((run / "layers.json").read_text())["layers"] if row["quantizer"] == "levels"]
    spent = sum(row["macs"] * row["w_bits"] * row["a_bits"] for row in own)
    assert 0 < spent <= 16 * sum(row["macs"] for row in own)
