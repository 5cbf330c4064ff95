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

"""The run folder: configuration, versions, log; a run is not overwritten, a failed start is."""

import json
import logging
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from src.config import load_config
from src.errors import UserError
from src.train.run_folder import continue_run, create_run, open_run


@pytest.fixture
def run(tmp_path):
    return create_run(load_config(None, [f"run.dir={tmp_path / 'run'}", "train.seed=7"]), None)


def test_a_new_run_tells_how_it_was_made(run):
    versions = json.loads((run.path / "versions.json").read_text())
    assert versions["seed"] == 7
    assert versions["mindspore"].startswith("2.") and "cores" in versions["machine"]


def test_each_resume_is_noted_beside_the_start(run):
    file = run.path / "versions.json"
    start = json.loads(file.read_text())
    run.note_continuation()
    run.note_continuation()
    versions = json.loads(file.read_text())
    first, second = versions.pop("continuations")
    assert versions == start and {"command", "commit", "machine", "started"} <= {*first}
    assert first["commit"] == second["commit"] == start["commit"]


def test_another_machine_is_told_once_bits_may_differ(run, caplog):
    with caplog.at_level(logging.WARNING, "dynquant"):
        run.note_continuation()
        assert not caplog.text
        file = run.path / "versions.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | {"machine": "another, 96 cores"}))
        run.note_continuation()
    assert "begun on another, 96 cores, here it is" in caplog.text and "may end with other last bits" in caplog.text


@pytest.mark.parametrize("text", ["{", "[]", '{"continuations": 1}'])
def test_damaged_versions_are_left_as_they_are(run, text):
    (run.path / "versions.json").write_text(text)
    run.note_continuation()
    assert (run.path / "versions.json").read_text() == text


def test_its_configuration_opens_again_with_overrides(run):
    folder, config = open_run(run.path, ["train.epochs=99"])
    assert folder.path == run.path
    assert (config.train.seed, config.train.epochs, config.run.dir) == (7, 99, str(run.path))


@pytest.fixture
def again(run):
    """A function that starts another run in the same folder, as a later process would."""

    def start(*overrides):
        run.lock.close()
        return create_run(load_config(None, [f"run.dir={run.path}", *overrides]), None)

    return start


def test_a_run_that_has_trained_is_refused(run, again):
    run.append_metrics({"stage": "float", "epoch": 1})
    before = (run.path / "config.yaml").read_text()
    with pytest.raises(UserError, match=f"run.dir={run.path} already holds a run.*--resume"):
        again("train.seed=8")
    assert (run.path / "config.yaml").read_text() == before


def test_a_start_that_failed_does_not_stand_in_the_way(again):
    assert open_run(again("train.seed=8").path)[1].train.seed == 8


def test_two_runs_of_one_second_have_two_folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("time.strftime", lambda _: "20260101-000000")
    paths = [create_run(load_config(None, []), "config/a_recipe.yaml").path for _ in range(3)]
    stem = "runs/a_recipe-20260101-000000"
    assert [str(path) for path in paths] == [stem, f"{stem}-2", f"{stem}-3"]


def test_a_folder_that_another_process_trains_in(run):
    """`run` holds its lock: the next one is told, and what it would have written is not there."""
    config = load_config(None, [f"run.dir={run.path}", "train.seed=8"])
    with pytest.raises(UserError, match=f"run.dir={run.path} is in use .*process {os.getpid()}"):
        create_run(config, None)
    with pytest.raises(UserError, match="is in use"):
        open_run(run.path)[0].claim()
    assert open_run(run.path)[1].train.seed == 7
    run.lock.close()
    open_run(run.path)[0].claim()


def test_folders_of_one_second_that_are_made_at_once(tmp_path, monkeypatch):
    """Whoever made a folder has it, however little time lies between."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("time.strftime", lambda _: "20260101-000000")
    with ThreadPoolExecutor(8) as pool:
        made = pool.map(lambda _: create_run(load_config(None, []), "x.yaml").path, range(8))
        assert len(set(made)) == 8


def test_a_configuration_of_which_a_part_is_gone(run):
    """Defaults would stand in for what was trained with."""
    path = run.path / "config.yaml"
    text = path.read_text()
    for cut in ("", text[: text.index("train:")]):
        path.write_text(cut)
        with pytest.raises(UserError, match="config.yaml is incomplete: it lacks .*train, device"):
            open_run(run.path)


def test_resuming_keeps_what_the_network_is(run):
    for override, key in (
        ("quant.w_bits=2", "quant.w_bits=2"), ("data.val_split=0.5", "begun with data.val_split=0.0"),
        ("model.name=resnet20", "model.name=resnet20"), ("train.seed=1", "begun with train.seed=7"),
        ("dqnet.hidden=32", "dqnet.hidden=32"), ("method.name=float", "start a new run"),
    ):  # fmt: skip
        with pytest.raises(UserError, match=key):
            continue_run(run.path, [override])


def test_resuming_may_change_how_and_where(run):
    overrides = ["train.epochs=99", "train.lr=0.01", "data.workers=1", "device.threads=1", "train.seed=7"]
    folder, config = continue_run(run.path, overrides)
    assert (config.train.epochs, config.train.lr, config.device.threads) == (99, 0.01, 1)
    folder.store_config(config)
    assert continue_run(run.path, [])[1].train.epochs == 99, "the next resume starts from there"


def test_what_is_lost_when_it_is_stopped(run):
    assert "nothing is kept" in run.how_to_go_on(1)
    run.last.parent.mkdir()
    run.last.write_text("")
    assert f"train.py --resume {run.path}" in run.how_to_go_on(1)
    assert f"run_distribute_train.sh --resume {run.path} 2" in run.how_to_go_on(2)


def test_details_go_to_the_file_alone(run, capsys):
    run.start_log()
    log = logging.getLogger("dynquant")
    log.info("for all")
    log.debug("for the file")
    log.handlers.clear()
    assert capsys.readouterr().out == "for all\n"
    text = (run.path / "log.txt").read_text()
    assert "for all" in text and "for the file" in text


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


def test_best_checkpoint_stands_for_the_run(run):
    run.last.parent.mkdir()
    run.last.write_text("")
    assert run.model_checkpoint == run.last
    run.best.write_text("")
    assert run.model_checkpoint == run.best
