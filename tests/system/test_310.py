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
"""run_infer_310.sh from an exported network to its accuracy, as a user starts it."""

import os
import shutil
import subprocess
import sys

import cv2
import mindspore as ms
import pytest

import export as export_script
import postprocess as postprocess_script
import preprocess as preprocess_script
from src.data import load
from src.entry import guarded
from tests.project.files import project_files
from tests.system.runs import ROOT, last_json

DIGITS = load("digits", None, "test", image_size=8)
RECIPE = str(ROOT / "config" / "resnet8_digits_dqnet_4bit.yaml")
DQT = ["data.image_size=8", "device.native=off", "method.name=dqt", "dqt.pool=2"]


@pytest.fixture(scope="module", autouse=True)
def _graph_mode_again():
    """An integer export switches this process to PyNative mode."""
    yield
    ms.set_context(mode=ms.GRAPH_MODE)


@pytest.fixture(scope="module")
def artefact(tmp_path_factory):
    """A DQT network with random weights."""
    path = tmp_path_factory.mktemp("dqt") / "model.safetensors"
    arguments = ["--config", RECIPE, "--format", "int", "--out", str(path), *DQT]
    assert guarded(export_script.main, arguments) == 0
    return path


def test_images_in_and_no_results_out(artefact, tmp_path, capsys):
    bins = tmp_path / "bins"
    arguments = ["--model", str(artefact), "--images", "3", "--result_path", str(bins)]
    assert guarded(preprocess_script.main, arguments) == 0
    first = (bins / "img_data" / "digits_bs1_00000.bin").read_bytes()
    assert first == DIGITS.raw(0).transpose(2, 0, 1).tobytes()
    assert guarded(preprocess_script.main, [*arguments[:3], "356"]) == 2
    assert "--images 356" in capsys.readouterr().err
    judged = ["--model", str(artefact), "--label_path", str(bins / "label")]
    assert guarded(postprocess_script.main, [*judged, "--result_path", str(tmp_path)]) == 2
    assert "digits_bs1_00000_0.bin" in capsys.readouterr().err


def test_other_classes_are_refused(artefact, tmp_path, capsys):
    for part in ("train", "val"):
        for name in ("cat", "dog"):
            (tmp_path / part / name).mkdir(parents=True)
            cv2.imwrite(str(tmp_path / part / name / "1.png"), DIGITS.raw(0))
    arguments = ["--dataset", "image_folder", "--data_path", str(tmp_path)]
    assert guarded(preprocess_script.main, ["--model", str(artefact), *arguments]) == 2
    assert "classes" in capsys.readouterr().err


@pytest.mark.slow
def test_the_whole_road_on_this_processor(artefact, tmp_path):
    project = tmp_path / "project"
    for path in project_files():
        target = project / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    command = ["bash", "scripts/run_infer_310.sh", str(artefact), "digits", "-", "Host"]
    environment = {**os.environ, "PYTHON": sys.executable, "IMAGES": "40", "LITE_HOME": ""}
    done = subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    row = last_json(done.stdout)
    assert row["images"] == 40 and 0 <= row["top1"] <= 1 and row["plans"] >= 1
    assert "accuracy" in done.stdout and "BitOPs" in done.stdout
    assert len(list((project / "result_Files").iterdir())) == 80
