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

import pytest
import yaml

from src.engine.artefact import load_artefact, save_artefact
from src.errors import UserError
from src.report import kept
from src.report.kept import keep
from tests.engine.programs import static
from tests.report.fake_escalation import write_escalating_run

PLACE = "/some/where"


@pytest.fixture
def run(tmp_path):
    run = write_escalating_run(tmp_path / "run", images=20)
    program = static()
    program.notes["config"] = {
        "data": {"path": f"{PLACE}/cifar", "name": "cifar10"},
        "model": {"weights": f"{PLACE}/resnet20.npz"},
    }
    program.notes["versions"] = {"command": f"python train.py data.path={PLACE}/cifar"}
    (run / "export").mkdir()
    save_artefact(program, run / "export/model.safetensors")
    return run


def test_the_artefact_is_kept_without_paths(run, tmp_path):
    keep(run, tmp_path / "out")
    target = tmp_path / "out/model.safetensors"
    assert PLACE.encode() not in target.read_bytes()
    before, after = load_artefact(run / "export/model.safetensors"), load_artefact(target)
    assert [type(op) for op in after.operations] == [type(op) for op in before.operations]
    assert after.notes["config"]["data"] == {"path": "cifar", "name": "cifar10"}
    assert after.notes["versions"]["command"] == "python train.py data.path=cifar"


def test_a_network_in_a_file_of_its_own_makes_no_record(run, tmp_path):
    config = yaml.safe_load((run / "config.yaml").read_text())
    config["model"]["file"] = "mine.py"
    (run / "config.yaml").write_text(yaml.safe_dump(config))
    with pytest.raises(UserError, match="its network is in a file of its own"):
        keep(run, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_artefact_too_large_for_a_repository_is_left_out(run, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(kept, "LARGEST_ARTEFACT", 100)
    with caplog.at_level(logging.WARNING, logger="dynquant"):
        keep(run, tmp_path / "out")
    assert not (tmp_path / "out/model.safetensors").exists()
    assert "is not kept" in caplog.text


def test_what_was_measured_at_other_settings_is_kept_too(run, tmp_path):
    (run / "export/latency.json").write_text("{}")
    keep(run, tmp_path / "out")
    for name in ("ladder.json", "eval/ladder.json", "search.json", "eval/test_2bit.json", "export/latency.json"):
        assert json.loads((tmp_path / "out" / name).read_text()) == json.loads((run / name).read_text())
