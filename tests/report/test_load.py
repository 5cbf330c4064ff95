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
import json
import logging

import numpy as np
import pytest

from src.errors import UserError
from src.report.load import load_run, run_folders
from tests.report.fake_run import Fake, write_run


@pytest.fixture
def folder(tmp_path):
    return write_run(tmp_path / "run", Fake(images=50))


def test_a_whole_run(folder):
    run = load_run(folder)
    assert run.name == "run"
    assert run.gaps == {}
    assert len(run.metrics) == 6 + 24
    assert run.metrics.stage[5:7] == ["float", "dqnet"]
    assert np.isnan(run.metrics.column("mean_bits")[:6]).all()
    assert run.metrics.column("budget_bits")[6] == 4
    assert run.image_size == 32
    assert [layer.slot for layer in run.dynamic_layers] == list(range(17))
    assert run.evaluation.n_dynamic == 17
    assert run.setting("dqnet.target") == 4
    assert run.setting("no.such.key", 7) == 7


def test_one_damaged_run_of_a_folder_is_left_out(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("dynquant"), "propagate", True)
    runs = [write_run(tmp_path / name, Fake(images=5)) for name in "abc"]
    assert run_folders(tmp_path) == runs
    (runs[1] / "config.yaml").write_text("data: [")
    assert run_folders(tmp_path) == [runs[0], runs[2]]
    assert f"left out: {runs[1]}/config.yaml cannot be read" in caplog.text
    assert run_folders(runs[1]) == [runs[1]]  # asked for by its own name, it is an error of load_run


def test_a_metrics_row_cut_short_by_a_kill(folder):
    with (folder / "metrics.csv").open("a") as stream:
        stream.write("dqnet,25,87")
    metrics = load_run(folder).metrics
    assert metrics.column("step")[-1] == 87
    assert np.isnan(metrics.column("val_top1")[-1])


@pytest.mark.parametrize(
    ("name", "section"),
    [
        ("metrics.csv", "metrics"),
        ("layers.json", "layers"),
        ("eval/test.json", "evaluation"),
        ("eval/test.npz", "arrays"),
    ],
)
@pytest.mark.parametrize("damage", ["missing", "empty", "garbage"])
def test_missing_and_damaged_files_are_gaps(folder, name, section, damage):
    file = folder / name
    if damage == "missing":
        file.unlink()
    else:
        file.write_bytes(b"" if damage == "empty" else b"\x93\xff{")
    gap = load_run(folder).gaps[section]
    assert name in gap.what
    script = "train.py" if section in ("metrics", "layers") else f"python eval.py --run {folder}"
    assert script in gap.how


def test_arrays_of_unequal_length_are_refused(folder):
    with np.load(folder / "eval/test.npz") as archive:
        arrays = dict(archive)
    np.savez(folder / "eval/test.npz", **(arrays | {"loss": arrays["loss"][:-1]}))
    run = load_run(folder)
    assert run.evaluation.arrays is None
    assert "`loss` has shape (49,)" in run.gaps["arrays"].what


def test_the_evaluation_of_another_net_is_refused(folder):
    table = json.loads((folder / "layers.json").read_text())
    table["layers"] = [row for row in table["layers"] if row["slot"] != 16]
    (folder / "layers.json").write_text(json.dumps(table))
    run = load_run(folder)
    assert run.evaluation.arrays is None
    assert "17 dynamic layers and layers.json has 16" in run.gaps["arrays"].what


def test_no_folder_and_no_run(tmp_path):
    with pytest.raises(UserError, match=r"--run .*gone: no such folder"):
        load_run(tmp_path / "gone")
    with pytest.raises(UserError, match="not a run folder, it has no config.yaml"):
        load_run(tmp_path)


@pytest.mark.parametrize("text", ["a: [", "- a\n- b\n", ""])
def test_a_config_that_is_none(tmp_path, text):
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(UserError, match=r"config\.yaml"):
        load_run(tmp_path)
