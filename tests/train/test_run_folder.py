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

"""The run folder: configuration, versions, metrics rows; an existing run is not overwritten."""

import csv
import json

import pytest

from src.config import load_config
from src.errors import UserError
from src.train.run_folder import COLUMNS, RunFolder, create_run, open_run


@pytest.fixture
def run(tmp_path):
    return create_run(load_config(None, [f"run.dir={tmp_path / 'run'}", "train.seed=7"]), None)


def rows(folder: RunFolder) -> list[dict]:
    with folder.metrics_file.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_new_run_tells_how_it_was_made(run):
    versions = json.loads((run.path / "versions.json").read_text())
    assert versions["seed"] == 7
    assert versions["mindspore"].startswith("2.") and "cores" in versions["machine"]


def test_its_configuration_opens_again_with_overrides(run):
    folder, config = open_run(run.path, ["train.epochs=99"])
    assert folder.path == run.path
    assert (config.train.seed, config.train.epochs, config.run.dir) == (7, 99, str(run.path))


def test_an_existing_run_is_refused(run):
    config = load_config(None, [f"run.dir={run.path}"])
    before = (run.path / "config.yaml").read_text()
    with pytest.raises(UserError, match=f"run.dir={run.path} already holds a run.*--resume"):
        create_run(config, None)
    assert (run.path / "config.yaml").read_text() == before


def test_a_folder_that_is_no_run(tmp_path):
    with pytest.raises(UserError, match="is no run folder: it has no config.yaml"):
        open_run(tmp_path)


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        create_run(load_config(None, [f"run.dir={tmp_path / 'file' / 'run'}"]), None)


def test_other_workers_write_nothing(tmp_path):
    config = load_config(None, [f"run.dir={tmp_path / 'run'}"])
    folder = create_run(config, None, is_main=False)
    folder.append_metrics({"stage": "float", "epoch": 1})
    folder.write_json("layers.json", {})
    folder.forget_after("float", 0)
    assert list(tmp_path.iterdir()) == []


def test_metrics_rows(run):
    run.append_metrics({"stage": "float", "epoch": 1, "train_loss": 1 / 3})
    run.append_metrics({"stage": "dqnet", "epoch": 1, "mean_bits": 4.25, "bitops": 1.5e9})
    first, second = rows(run)
    assert tuple(first) == COLUMNS
    assert float(first["train_loss"]) == pytest.approx(1 / 3, rel=1e-7)
    assert first["mean_bits"] == "" and second["mean_bits"] == "4.25"
    assert float(second["bitops"]) == 1.5e9


def test_resuming_forgets_what_comes_again(run):
    for stage, epoch in (("float", 1), ("float", 2), ("dqnet", 1), ("dqnet", 2), ("dqnet", 3)):
        run.append_metrics({"stage": stage, "epoch": epoch})
    run.forget_after("dqnet", 1)
    kept = [(row["stage"], row["epoch"]) for row in rows(run)]
    assert kept == [("float", "1"), ("float", "2"), ("dqnet", "1")]
    run.forget_after("float", 1)
    assert [(row["stage"], row["epoch"]) for row in rows(run)] == [("float", "1")]


def test_best_checkpoint_stands_for_the_run(run):
    run.last.parent.mkdir()
    run.last.write_text("")
    assert run.model_checkpoint == run.last
    run.best.write_text("")
    assert run.model_checkpoint == run.best
