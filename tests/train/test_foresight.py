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
"""What an agent sees foretells an image's need exactly as well as it was made to."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from src.config import load_config
from src.data.loader import Batch
from src.errors import UserError
from src.runtime import Runtime
from src.train.foresight import foresee, told_apart
from src.train.run_folder import RunFolder
from tests.methods.made_up import made_up
from tests.train.planned import planned, tables

COUNT = 90
CPU = Runtime("CPU")


def loader(hard: np.ndarray) -> SimpleNamespace:
    """Channel 0 says whether an image is hard, channel 1 is its class, -1 or 1; batches of 20, the last is padded."""
    images = np.zeros((len(hard), 2, 2, 2), np.float32)
    labels = (np.arange(len(hard)) // 3 % 2).astype(np.int32)
    images[:, 0], images[:, 1] = hard[:, None, None], 2 * labels[:, None, None] - 1

    def epoch(_: int):
        for first in range(0, len(hard), 20):
            index = np.arange(first, first + 20) % len(hard)
            yield Batch(images[index], labels[index], index, min(20, len(hard) - first))

    return SimpleNamespace(dataset=hard, epoch=epoch)


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """A function: foresight of a system on such pictures, and the file that it left."""
    monkeypatch.setattr("src.train.foresight.load_split", lambda *_: None)

    def run(system, hard: np.ndarray, *keys: str) -> tuple[dict, dict]:
        monkeypatch.setattr("src.train.foresight.eval_loader", lambda *_: loader(hard))
        config = load_config(None, ["data.val_split=0.1", *keys])
        found = foresee(config, system, RunFolder(tmp_path), CPU, "test")
        return found, json.loads((tmp_path / "eval" / "foresight_test.json").read_text(encoding="utf-8"))

    return run


def test_what_shows_is_foretold_and_what_does_not_is_not(asked):
    hard = np.arange(COUNT) % 3 == 0  # as many of each class
    found, file = asked(made_up(), hard)
    assert found == file
    assert (found["images"], found["in_need"]) == (COUNT, 30)
    assert [row["layer"] for row in found["layers"]] == ["0", "1", "2"]
    assert [row["auc"] for row in found["layers"]] == [1.0] * 3  # a channel says it
    assert found["margin"] == 0.5  # wrong answers are as sure as right ones


def test_auc_is_that_of_a_ranking():
    rng = np.random.default_rng(1)
    need, noise = rng.random(4000) < 0.3, rng.normal(size=(4000, 2))
    means = noise + np.stack([need, 0 * need], 1)
    # Two normal distributions that are one deviation apart: Phi(1 / sqrt(2)) = 0.7602.
    assert told_apart(means[::2], need[::2], means[1::2], need[1::2]) == pytest.approx(0.760, abs=0.02)
    assert told_apart(noise[::2], need[::2], noise[1::2], need[1::2]) == pytest.approx(0.5, abs=0.04)


def test_without_an_agent_or_need_or_images_held_out_it_is_refused(asked):
    hard = np.arange(COUNT) % 3 == 0
    with pytest.raises(UserError, match="agent sees, and this network has none"):
        asked(planned(tables(), looks=True), hard)
    with pytest.raises(UserError, match="data.val_split=0"):
        asked(made_up(), hard, "data.val_split=0")
    with pytest.raises(UserError, match="9 of 90 images of val are wrong"):
        asked(made_up(), np.arange(COUNT) % 10 == 0)
