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
"""The loop looks at all stages before the first one takes its hours, and gives each the teacher that it asks for."""

import logging

import numpy as np
import pytest

from src.config import load_config
from src.errors import UserError
from src.models import build_backbone
from src.runtime import Runtime, set_seeds
from src.train.loop import _of_stage, _Run, train_run
from src.train.run_folder import RunFolder

TINY = [
    "model.name=resnet8", "data.image_size=8", "data.batch_size=256", "device.native=off", "dqt.hidden=8",
    "dqt.pool=2", "train.epochs=1",
]  # fmt: skip
RUNTIME = Runtime("CPU", graph=False, native=False)


class Begun(Exception):
    """A stage would train now."""


@pytest.fixture
def begin(tmp_path, monkeypatch):
    """A function: overrides -> what the first stage's trainer is given. It trains nothing."""
    monkeypatch.setattr(logging.getLogger("dynquant"), "propagate", True)
    given = []

    def trainer(*arguments):
        given.append(arguments)
        raise Begun

    monkeypatch.setattr("src.train.loop.Trainer", trainer)

    def run(*overrides: str):
        with pytest.raises(Begun):
            train_run(load_config(None, [*TINY, *overrides]), RunFolder(tmp_path), RUNTIME, resume=False)
        return given.pop()

    return run


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "float.npz"
    np.savez(path, **{n: p.asnumpy() for n, p in build_backbone("resnet8", 10, seed=5).parameters().items()})
    return path


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (
            ["method.name=abn", "quant.quantizer=lsq", "abn.agent_epochs=1", "data.val_split=0"],
            "data.val_split=0 leaves none",
        ),
        (["method.name=dqt", "dqt.counterfactual_epochs=1", "data.val_split=0"], "data.val_split=0 leaves none"),
        (
            ["method.name=dqt", "dqt.counterfactual_epochs=1", "data.val_split=0.1"],
            r"data.batch_size=256 on 1 worker\(s\) is more than the 14\d that data.val_split leaves",
        ),
        (
            ["method.name=static", "train.pretrain_epochs=1", "quant.exceptions={layer2.0.cnv1: 4}"],
            "no layer layer2.0.cnv1; did you mean layer2.0.conv1",
        ),
        (
            ["train.pretrain_epochs=1", "train.distill_weight=0.5", "train.teacher_weights=none.npz"],
            "none.npz does not exist",
        ),
    ],
)  # fmt: skip
def test_what_a_later_stage_lacks_is_told_before_the_first(begin, overrides, expected):
    with pytest.raises(UserError, match=expected):
        begin(*overrides)


def test_classes_without_an_image_are_told(begin, tmp_path, caplog):
    """Labels that begin at 1."""
    images, labels = np.zeros((512, 3, 8, 8), np.uint8), 1 + np.arange(512) % 3
    parts = {f"{part}_{name}": value for part in ("train", "test") for name, value in
             (("images", images), ("labels", labels))}  # fmt: skip
    np.savez(tmp_path / "a.npz", **parts)
    data = ["data.name=arrays", f"data.path={tmp_path / 'a.npz'}", "method.name=float", "model.weights=null"]
    begin(*data)
    assert "WARNING: classes without a training image: 0" in caplog.text
    np.savez(tmp_path / "a.npz", **parts | {"train_labels": labels - 1, "test_labels": labels - 1})
    caplog.clear()
    begin(*data)
    assert "without a training image" not in caplog.text


def test_a_look_ahead_leaves_first_weights_as_they_were(tmp_path, monkeypatch):
    config = load_config(None, [*TINY, "method.name=dqt", "dqt.counterfactual_epochs=1", "data.val_split=0.2"])
    run, firsts = _Run(config, RunFolder(tmp_path), RUNTIME), []
    monkeypatch.setattr("src.train.loop.on_held_out", lambda *_: None)
    run.loaders = None
    for looks in (False, True):
        set_seeds(config.train.seed)
        if looks:
            run._check_what_follows(0)
        system, _ = run._build(config, "dqt")
        firsts.append(system.controller.fc1.weight.asnumpy().copy())
    np.testing.assert_array_equal(*firsts)


TAUGHT = ["method.name=float", "train.distill_weight=0.5"]


def test_a_float_network_learns_from_the_teacher_that_it_is_given(begin, weights):
    *_, teacher, state = begin(*TAUGHT, f"train.teacher_weights={weights}")
    np.testing.assert_array_equal(teacher.cell("fc").weight.asnumpy(), np.load(weights)["fc.weight"])
    assert state.float_top1 == -1, "no baseline of itself"


def test_features_are_learned_from_a_teacher_that_has_as_many(tmp_path):
    wide = tmp_path / "wide.npz"
    np.savez(wide, **{n: p.asnumpy() for n, p in build_backbone("resnet18_cifar", 10).parameters().items()})
    teaches = [f"train.teacher_weights={wide}", "train.teacher_model=resnet18_cifar"]
    run = _Run(load_config(None, [*TINY, *TAUGHT, *teaches]), RunFolder(tmp_path), RUNTIME)
    assert run._teacher(run.config) is not None
    run.config.train.distill_features = 1.0
    with pytest.raises(UserError, match="teacher_model=resnet18_cifar reads 512 values, resnet8's 64; leave it 0"):
        run._teacher(run.config)


@pytest.mark.parametrize("name", ["float", "static"])
def test_a_classifier_that_learns_alone_has_no_teacher(weights, tmp_path, name):
    overrides = [f"method.name={name}", f"model.weights={weights}", "model.head=new", "train.distill_weight=0.5"]
    run = _Run(load_config(None, [*TINY, *overrides]), RunFolder(tmp_path), RUNTIME)
    assert run.stages[0].name == "head"
    assert run._teacher(_of_stage(run.config, run.stages[0])) is None
