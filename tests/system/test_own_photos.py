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
"""From a folder of own pictures to an exported network that answers with the names of its classes."""

import json
from pathlib import Path

import cv2
import mindspore as ms
import numpy as np
import pytest

import export
import infer
import train
from src.models import build_backbone
from tests.system.runs import finished, script

NAMES = ("Äpfel rot", "犬", "shoe, left")
COLOURS = ((30, 30, 220), (220, 40, 30), (40, 210, 60))  # blue, green, red
WNIDS = ("n01440764", "n02102040", "n02979186")  # tench, spaniel, cassette player


@pytest.fixture
def graph_mode_again():
    yield
    ms.set_context(mode=ms.GRAPH_MODE)


def last_json(text: str) -> dict:
    return json.loads(text.strip().splitlines()[-1])


def test_a_folder_of_classes_alone(tmp_path, capsys, graph_mode_again):
    rng, photos, run = np.random.default_rng(0), tmp_path / "my photos", tmp_path / "run"
    for name, colour in zip(NAMES, COLOURS, strict=True):
        (photos / name).mkdir(parents=True)
        for i in range(20):
            picture = np.clip(colour + rng.normal(0, 20, (20, 24, 3)), 0, 255).astype(np.uint8)
            (photos / name / f"{i}.png").write_bytes(cv2.imencode(".png", picture)[1].tobytes())
    (photos / NAMES[0] / "broken.jpg").write_bytes(b"no picture")
    (photos / NAMES[1] / "notes.txt").touch()
    np.savez(tmp_path / "w.npz", **{n: p.asnumpy() for n, p in build_backbone("resnet8", 7).parameters().items()})
    train.main([
        "data.name=image_folder", f"data.path={photos}", "data.image_size=16", "data.batch_size=8",
        "model.name=resnet8", f"model.weights={tmp_path / 'w.npz'}", "method.name=static", "quant.quantizer=lsq",
        "quant.w_bits=8", "quant.a_bits=8", "quant.first_last=8", "train.head_epochs=1", "train.epochs=1",
        "train.lr=0.01", "device.mode=pynative", "device.native=off", f"run.dir={run}",
    ])  # fmt: skip
    log = capsys.readouterr().out
    for line in (
        "no train/ and val/: 12 of its 61 pictures", "1 left out, as their names do not end in",
        "has 7 classes, the data 3: a new one is trained", "43 training images in 3 classes",
        "6 more are held out to choose the best epoch by (data.val_split=0.1)", "broken.jpg: it is truncated",
        "right by class: shoe, left (", "Äpfel rot (", "犬 (",
    ):  # fmt: skip
        assert line in log, line
    numbers = last_json(log)
    assert list(numbers["classes"]) == sorted(NAMES) and numbers["images"] == 12
    assert json.loads((run / "eval/test.json").read_text())["classes"] == numbers["classes"]
    export.main(["--run", str(run), "--format", "int"])
    model = run / "export/model.safetensors"
    capsys.readouterr()
    infer.main(["--model", str(model), str(photos / NAMES[0]), "--json"])
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(answers) == 20 and {answer["label"] for answer in answers} <= set(NAMES)
    infer.main(["--model", str(model), "--test", f"image_folder:{photos}"])
    assert last_json(capsys.readouterr().out)["images"] == 12  # of the share that it has not learned from


@pytest.mark.slow
def test_three_classes_of_sixty_photos(tmp_path, imagenette_path, weights_path):
    """The recipe as it stands: more than 90 % of all other photos of these classes are right."""
    for wnid, name in zip(WNIDS, NAMES, strict=True):
        learned, *others = (sorted((imagenette_path / part / wnid).iterdir()) for part in ("train", "val"))
        link(learned[:60], tmp_path / "photos/train" / name)
        link([*learned[60:], *others[0]], tmp_path / "photos/val" / name)
    photos, run = tmp_path / "photos", tmp_path / "run"
    backbone = weights_path / "mobilenetv2_imagenet_backbone.npz"
    told = finished(script(
        "train.py", "--config", "mobilenetv2_image_folder_lsq_8bit", f"data.path={photos}",
        f"model.weights={backbone}", f"run.dir={run}", timeout=3000,
    ))  # fmt: skip
    assert f"{backbone} has no classifier: a new one is trained" in told
    numbers = last_json(told)
    assert numbers["top1"] > 0.9 and numbers["images"] > 3 * 100 and numbers["one_class"] is None
    finished(script("export.py", "--run", run, "--format", "int", timeout=600))
    model = run / "export/model.safetensors"
    judged = last_json(finished(script("infer.py", "--model", model, "--test", f"image_folder:{photos}")))
    assert judged["top1"] == pytest.approx(numbers["top1"], abs=0.01)
    answers = finished(script("infer.py", "--model", model, photos / "val" / NAMES[1])).splitlines()
    assert sum(f"  {NAMES[1]}  " in line for line in answers) > 0.9 * len(answers)


def link(files: list[Path], folder: Path) -> None:
    folder.mkdir(parents=True)
    for file in files:
        (folder / file.name).symlink_to(file)
