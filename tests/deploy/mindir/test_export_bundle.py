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
"""Bundles give the network's answers, in both forms, with choices that differ among the images."""

import json

import numpy as np
import pytest

from src.deploy.compare import network_answers
from src.deploy.mindir import export_bundle as module
from src.deploy.mindir.bundle import read_bundle
from src.deploy.mindir.export_bundle import export_bundle
from src.deploy.mindir.run_bundle import run_in_mindspore, run_mask
from src.errors import UserError
from tests.methods.build import method, randomise_head
from tests.models.tiny import NAME

LSQ = ["quant.quantizer=lsq", "quant.first_last=8"]
DQT = ["method.name=dqt", "quant.quantizer=nested", "dqt.pool=2", "dqt.hidden=8"]
DYNAMIC = {
    "per layer": ["method.name=dqnet"],
    "weights and inputs apart": ["method.name=dqnet", "dqnet.tied=false", *LSQ],
    "whole network": ["method.name=dqnet", "dqnet.scope=network", *LSQ],
    "mobilenetv2": ["method.name=dqnet", f"model.name={NAME}"],
    "nested, image": [*DQT, "dqt.input=image"],
    "nested, projections": [*DQT, "model.shortcut=B", "quant.first_last=8"],
}


SLOW = list(DYNAMIC)[1:]


@pytest.mark.parametrize(
    "name", [next(iter(DYNAMIC)), *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)]
)
def test_chain_mask_and_network_agree(name, digits, tmp_path):
    built, folder = method(*DYNAMIC[name]), tmp_path / "made" / "bundle"
    images = digits.batch(np.arange(8))
    randomise_head(built, images)
    expected, plan = network_answers(built, images)
    row = export_bundle(built, digits, {"model": "resnet8"}, folder, 3)
    assert row["files"] == len(list(folder.glob("*.mindir"))) and row["mindir_version"] == 3
    assert json.loads((folder / "notes.json").read_text()) == {"model": "resnet8"}
    for run in (run_in_mindspore, run_mask):
        logits, choices = run(folder, images)
        np.testing.assert_allclose(logits, expected, atol=1e-4 * np.abs(expected).max())
        np.testing.assert_array_equal(choices, plan[:, : choices.shape[1]])
    assert (choices[1:] != choices[:-1]).any((1, 2)).sum() >= 2
    bundle = read_bundle(folder)
    widths = [np.array(built.widths)[plan[:, :, column]] for column in (0, -1)]
    exact = built.cost.of_widths(*widths)
    np.testing.assert_array_equal(bundle.cost().of_plan(choices), exact)


@pytest.mark.parametrize(
    "overrides",
    [["method.name=float"], ["method.name=static", *LSQ], ["method.name=static", *LSQ, f"model.name={NAME}"]],
    ids=["float", "lsq", "mobilenetv2"],
)
def test_a_network_without_controller_is_one_file(overrides, digits, tmp_path):
    built, images = method(*overrides), digits.batch(np.arange(3))
    expected, _ = network_answers(built, images)
    row = export_bundle(built, digits, {}, tmp_path / "bundle", 3)
    logits, choices = run_in_mindspore(tmp_path / "bundle", images)
    assert row["files"] == 1 and choices.size == 0
    np.testing.assert_allclose(logits, expected, atol=1e-5 * np.abs(expected).max())


def test_a_bundle_tells_how_many_logits_it_gives(digits, tmp_path):
    """Which may be more than the data set has classes."""
    built = method("method.name=float", "model.num_classes=12")
    export_bundle(built, digits, {}, tmp_path / "bundle", 3)
    assert read_bundle(tmp_path / "bundle").classes == 12


@pytest.mark.slow
def test_files_hold_no_weight_twice(digits, tmp_path):
    """One float32 copy per width, in the stages and in the mask form, and the rest once each."""
    built = method("method.name=dqnet")
    weights = sum(cost.weights for cost in built.cost.dynamic)
    row = export_bundle(built, digits, {}, tmp_path / "bundle", 3)
    copies = len(built.widths) * 2 + 1
    assert row["bytes"] < 4 * weights * copies * 1.5 + 60_000


def test_an_old_bundle_is_replaced_and_other_folders_are_not(digits, tmp_path):
    folder = tmp_path / "bundle"
    for _ in range(2):
        export_bundle(method("method.name=float"), digits, {}, folder, 3)
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "me.png").touch()
    with pytest.raises(UserError, match="photos"):
        export_bundle(method("method.name=float"), digits, {}, tmp_path / "photos", 3)


def test_wrong_answers_are_refused_and_nothing_is_left(digits, tmp_path, monkeypatch):
    wrong = lambda folder, images: (np.ones((len(images), 10)), None)  # noqa: E731
    monkeypatch.setattr(module, "run_in_mindspore", wrong)
    with pytest.raises(UserError, match="differ"):
        export_bundle(method("method.name=float"), digits, {}, tmp_path / "bundle", 3)
    assert not list(tmp_path.iterdir())


def test_unknown_version(digits, tmp_path):
    with pytest.raises(UserError, match="--mindir-version 2"):
        export_bundle(method("method.name=float"), digits, {}, tmp_path / "bundle", 2)
