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
"""What eval.py and export.py say of the weights and of the pictures that their numbers rest on."""

import os

import cv2
import numpy as np
import pytest

import eval as eval_script
import export as export_script
import preprocess as preprocess_script
from src.entry import guarded
from src.models import build_backbone
from tests.system.runs import ROOT, last_json

RECIPE = str(ROOT / "config" / "resnet8_digits_dqnet_4bit.yaml")
FLOAT = ["method.name=float", "data.image_size=8", "device.native=off", "device.mode=pynative"]


@pytest.fixture
def said(capsys, caplog):
    """Run a script in this process; returns its JSON and its warnings."""

    def run(main, *arguments) -> tuple[dict, str]:
        capsys.readouterr()
        caplog.clear()
        assert guarded(main, [str(argument) for argument in arguments]) == 0
        return last_json(capsys.readouterr().out), caplog.text

    return run


def weights_file(folder, classes: int):
    backbone = build_backbone("resnet8", classes)
    np.savez(folder / "w.npz", **{path: p.asnumpy() for path, p in backbone.parameters().items()})
    return folder / "w.npz"


def test_a_random_network_is_called_random(said, tmp_path):
    for main, arguments in (
        (eval_script.main, ["--config", RECIPE]),
        (export_script.main, ["--config", RECIPE, "--out", tmp_path / "a.mindir"]),
    ):
        row, errors = said(main, *arguments, *FLOAT)
        assert row["weights"] == "random"
        assert errors.count("WARNING: this network is random") == 1
        assert "model.weights is not set" in errors


def test_it_is_said_on_the_error_stream(capfd):
    assert guarded(eval_script.main, ["--config", RECIPE, *FLOAT]) == 0
    output, errors = capfd.readouterr()
    assert last_json(output)["weights"] == "random"
    assert any(line.startswith("WARNING: this network is random") for line in errors.splitlines())


def test_so_is_one_whose_classifier_is_new(said, tmp_path):
    path = weights_file(tmp_path, 7)
    row, errors = said(eval_script.main, "--config", RECIPE, *FLOAT, f"model.weights={path}")
    assert row["weights"] == "random" and "has 7 classes, the model 10" in errors


def test_weights_are_named(said, tmp_path):
    path = weights_file(tmp_path, 10)
    row, errors = said(eval_script.main, "--config", RECIPE, *FLOAT, f"model.weights={path}")
    assert row["weights"] == str(path) and "random" not in errors


def test_a_plan_from_a_file(said, tmp_path):
    plan = tmp_path / "mine.json"
    plan.write_text('{"layer1.0.conv1": 8, "*": 2}')
    dqt = [*FLOAT, "method.name=dqt", "quant.quantizer=nested", "dqt.pool=2"]
    row, _ = said(eval_script.main, "--config", RECIPE, "--plan", plan, *dqt)
    narrow = row["bitops_static"]["2"]
    macs = 16 * 16 * 9 * 64  # of layer1.0.conv1: channels, kernel, pixels
    assert row["bitops"] == narrow + macs * (64 - 4)
    assert "shuffled_top1" not in row


@pytest.mark.parametrize(
    "arguments, says",
    [
        (["--budget", "nothing"], "--budget nothing: expected a number above 0"),
        (["--budget", "1G"], "this network does not run at several widths"),
        (["--plan", "5"], "--plan 5: this network has no controller"),
        (["--foresight"], "what an agent sees, and this network has none"),
    ],
)
def test_what_cannot_be_evaluated_is_named(capsys, arguments, says):
    assert guarded(eval_script.main, ["--config", RECIPE, *arguments, *FLOAT]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: ") and says in error


def test_foresight_is_not_of_other_statistics(capsys):
    with pytest.raises(SystemExit) as ended:
        eval_script.main(["--run", "r", "--foresight", "--recalibrate", "3"])
    assert ended.value.code == 2 and "not with --recalibrate" in capsys.readouterr().err


@pytest.fixture
def messy(tmp_path):
    """A test part of 6 pictures, one more unreadable, a pipe, a link to nothing, two of other kinds."""
    root = tmp_path / "data"
    for part in ("train", "val"):
        for name in ("cat", "dog"):
            (root / part / name).mkdir(parents=True)
            for i in range(3):
                picture = np.full((9, 9, 3), 90 * i, np.uint8)
                cv2.imwrite(str(root / part / name / f"{i}.png"), picture)
    cat = root / "val" / "cat"
    (cat / "3.jpg").write_bytes(b"no picture")
    os.mkfifo(cat / "4.jpg")
    (cat / "5.jpg").symlink_to(root / "gone.jpg")
    for name in ("6.gif", "7.tiff"):
        (cat / name).write_bytes(b"GIF89a")
    return root


def test_files_that_are_no_pictures_are_counted(said, messy, tmp_path):
    """One line on each."""
    path = weights_file(tmp_path, 2)
    data = ["data.name=image_folder", f"data.path={messy}", f"model.weights={path}"]
    row, told = said(eval_script.main, "--config", RECIPE, *FLOAT, *data)
    assert (row["images"], row["unreadable_images"]) == (9, 5)
    for words in ("not a picture", "a named pipe", "a link to nothing", "1 .gif, 1 .tiff"):
        assert told.count(words) == 1, told


def test_preprocess_counts_them_too(said, messy, tmp_path, capsys):
    path = tmp_path / "net.safetensors"
    quantised = [*FLOAT, "method.name=static", "quant.quantizer=lsq", "data.name=image_folder"]
    arguments = ["--config", RECIPE, "--format", "int", "--out", path, f"data.path={messy}"]
    said(export_script.main, *arguments, *quantised)
    capsys.readouterr()
    out = tmp_path / "bins"
    arguments = ["--model", path, "--data_path", messy, "--result_path", out]
    assert guarded(preprocess_script.main, [str(argument) for argument in arguments]) == 0
    assert len(list((out / "label").iterdir())) == 9
    assert "5 files are no pictures, or not readable" in capsys.readouterr().err
