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
"""When a classifier starts anew, and the stage in which it then learns alone."""

import csv
import json
import logging

import mindspore as ms
import numpy as np
import pytest

from src.config import load_config
from src.data import load
from src.methods import METHODS
from src.models import build_backbone
from src.models.weights import classes_of
from src.runtime import start
from src.train.loop import train_run
from src.train.new_head import settle_head
from src.train.run_folder import continue_run, create_run

TINY = [
    "model.name=resnet8", "data.image_size=8", "data.batch_size=256", "data.eval_batch_size=355",
    "device.mode=pynative", "device.native=off", "train.schedule=constant", "quant.quantizer=lsq",
    "method.name=static", "train.distill_weight=0.5", "train.epochs=1", "train.head_epochs=2", "train.lr=0.01",
    "train.head_lr=0.02",
]  # fmt: skip


def weights_of(path, classes: int, head: bool = True):
    """A file of ResNet-8's weights; the same ones but for the classifier, whatever the classes."""
    tensors = {
        name: parameter.asnumpy() for name, parameter in build_backbone("resnet8", classes, 5).parameters().items()
    }
    rng = np.random.default_rng(0)
    for name, value in tensors.items():
        if name.endswith("moving_mean"):
            value += rng.normal(0, 0.1, value.shape).astype(np.float32)
    np.savez(path, **{name: value for name, value in tensors.items() if head or not name.startswith("fc.")})
    return path


@pytest.fixture(scope="module")
def digits():
    return load("digits", None, "train", image_size=8)


def settled(digits, path, caplog, *overrides: str) -> str:
    """`model.head` of a run that starts from the file."""
    config = load_config(None, [*TINY, f"model.weights={path}", *overrides])
    with caplog.at_level(logging.INFO):
        settle_head(config, digits)
    return config.model.head


def test_another_number_of_classes_is_told(digits, tmp_path, caplog):
    path = weights_of(tmp_path / "w.npz", 7)
    assert settled(digits, path, caplog) == "new"
    assert f"classifier of {path} has 7 classes, the data 10: a new one is trained" in caplog.text


def test_a_file_without_a_classifier_is_told(digits, tmp_path, caplog):
    path = weights_of(tmp_path / "w.npz", 7, head=False)
    assert settled(digits, path, caplog) == "new"
    assert f"{path} has no classifier: a new one is trained" in caplog.text


def test_a_classifier_that_fits_stays_and_nothing_is_said(digits, tmp_path, caplog):
    path = weights_of(tmp_path / "w.npz", 10)
    assert settled(digits, path, caplog) == "auto" and not caplog.text
    assert settled(digits, path, caplog, f"model.head_weights={path}") == "auto"
    assert settled(digits, path, caplog, "model.head=new") == "new"


def test_without_a_stage_of_its_own_nothing_is_settled(digits, tmp_path, caplog):
    assert settled(digits, weights_of(tmp_path / "w.npz", 7), caplog, "train.head_epochs=0") == "auto"
    assert not caplog.text


def test_classes_of_every_name_that_a_classifier_has(tmp_path):
    backbone = build_backbone("mobilenetv2", 2)
    for name in ("classifier.weight", "module.classifier.1.weight"):
        np.savez(tmp_path / "w.npz", **{name: np.zeros((5, 1280), np.float32)})
        assert classes_of(tmp_path / "w.npz", backbone) == 5
    np.savez(tmp_path / "w.npz", x=np.zeros(3))
    assert classes_of(tmp_path / "w.npz", backbone) is None


@pytest.mark.parametrize("method", METHODS)
def test_every_method_begins_with_it(method):
    asked = [f"method.name={method}", "model.weights=FILE", "data.val_split=0.1"]
    before = METHODS[method].stages(load_config(None, asked))
    first, *rest = METHODS[method].stages(load_config(None, [*asked, "model.head=new"]))
    assert (first.name, first.builds, first.head_alone, first.keeps_statistics) == ("head", "float", True, True)
    assert (first.epochs, first.lr) == (10, 0.003)
    assert [stage.name for stage in rest] == [stage.name for stage in before]
    none = load_config(None, [*asked, "model.head=new", "train.head_epochs=0"])
    assert [stage.name for stage in METHODS[method].stages(none)] == [stage.name for stage in before]


def trained(run_folder, config, resume=False):
    return train_run(config, run_folder, start(config.device, config.train.seed), resume)


def rows(folder) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def stages(folder) -> list[str]:
    return [row["stage"] for row in rows(folder)]


@pytest.fixture
def graph_mode_again():
    yield
    ms.set_context(mode=ms.GRAPH_MODE)


def test_it_learns_alone_and_the_quantised_network_goes_on_from_it(tmp_path, graph_mode_again):
    path = weights_of(tmp_path / "w.npz", 7)
    config = load_config(None, [*TINY, f"model.weights={path}", f"run.dir={tmp_path / 'run'}"])
    numbers = trained(create_run(config, None), config)
    assert stages(tmp_path / "run") == ["head", "head", "static"]
    stored, left = np.load(path), ms.load_checkpoint(str(tmp_path / "run/ckpt/head.ckpt"))
    for name in stored.files:
        same = np.array_equal(left[name].asnumpy(), stored[name])
        assert same != name.startswith("fc."), name
    assert numbers["baseline"]["float"]["top1"] >= 0  # the float network that begins is measured
    first, second = (float(row["train_loss"]) for row in rows(tmp_path / "run")[:2])
    assert second < first
    path.unlink()  # a resume needs what the run has learned alone
    folder, config = continue_run(tmp_path / "run", ["train.epochs=2"])
    assert config.model.head == "new"
    trained(folder, config, resume=True)
    assert stages(tmp_path / "run") == ["head", "head", "static", "static"]
    written = json.loads((tmp_path / "run/eval/test.json").read_text())
    assert list(written["classes"]) == [str(i) for i in range(10)]
