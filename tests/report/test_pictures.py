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
import base64
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from src.report import pictures
from src.report.load import load_run
from tests.report.fake_run import Fake, write_run


def decode(uri):
    head, data = uri.split(",")
    assert head == "data:image/png;base64"
    raw = cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)
    return raw[..., ::-1]


def test_small_images_come_back_unchanged():
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    assert np.array_equal(decode(pictures.data_uri(image)), image)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((300, 200), (144, 96)), ((224, 224), (144, 144)), ((1000, 2), (144, 1))],
)
def test_large_images_are_shrunk(shape, expected):
    image = np.full((*shape, 3), (200, 20, 60), np.uint8)
    small = decode(pictures.data_uri(image))
    assert small.shape[:2] == expected
    assert small[0, 0].tolist() == [200, 20, 60]


def run_over(tmp_path: Path, labels: np.ndarray, **fake):
    return load_run(write_run(tmp_path / "run", Fake(**fake), labels))


def source_of(labels):
    return SimpleNamespace(
        labels=labels,
        classes=[f"<{label}>" for label in range(10)],
        raw=lambda i: np.full((8, 8, 3), i, np.uint8),
    )


def test_strips_show_the_chosen_images(tmp_path, monkeypatch):
    labels = np.arange(60) % 10
    run = run_over(tmp_path, labels)
    monkeypatch.setattr("src.data.load", lambda *_, **__: source_of(labels))
    opened = pictures.open_pictures(run)
    drawn = pictures.strip("t", "n", np.array([7, 3]), run.evaluation, opened)
    uris = [piece.split('"')[0] for piece in drawn.split('src="')[1:]]
    assert [int(decode(uri)[0, 0, 0]) for uri in uris] == [7, 3]
    assert "&lt;7&gt;" in drawn
    assert "<7>" not in drawn


def test_data_that_is_gone_is_a_gap(tmp_path):
    run = run_over(tmp_path, np.arange(20) % 10, data="cifar10", data_path=str(tmp_path / "gone"))
    assert pictures.open_pictures(run).source is None
    assert "gone" in run.gaps["images"].what
    assert f"python report.py --run {run.path}" in run.gaps["images"].how


@pytest.mark.parametrize("labels", [np.arange(20)[::-1] % 10, np.arange(19) % 10])
def test_other_data_is_not_shown(tmp_path, monkeypatch, labels):
    run = run_over(tmp_path, np.arange(20) % 10)
    monkeypatch.setattr("src.data.load", lambda *_, **__: source_of(labels))
    assert pictures.open_pictures(run).source is None
    assert "not the one that was evaluated" in run.gaps["images"].what
