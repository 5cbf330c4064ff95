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
"""A record keeps the numbers of a run and none of its paths."""

import json

import pytest
import yaml

from src.errors import UserError
from src.report.collect import FILES, keep, table


@pytest.fixture
def run(tmp_path):
    run = tmp_path / "deep" / "lsq_4bit"
    (run / "eval").mkdir(parents=True)
    config = {
        "run": {"dir": "/some/where/runs/lsq_4bit"},
        "data": {"path": "/some/where/cifar"},
        "model": {"weights": "/some/where/w/resnet20.npz"},
        "train": {"teacher_weights": None, "epochs": 6},
    }
    (run / "config.yaml").write_text(yaml.safe_dump(config))
    command = "python train.py --config config/a.yaml data.path=/some/where/cifar train.epochs=6"
    versions = {"command": command, "seed": 3, "commit": "abc", "machine": "two cores"}
    (run / "versions.json").write_text(json.dumps(versions))
    numbers = {"top1": 0.91234, "mean_bits": 3.5, "bitops": 123.4e6, "baseline": {"float": {"top1": 0.9173}}}
    (run / "eval/test.json").write_text(json.dumps(numbers))
    for name in ("metrics.csv", "layers.json", "eval/test.npz"):
        (run / name).write_bytes(b"kept as it is")
    return run


def test_record_holds_the_files_without_paths(run, tmp_path):
    target = tmp_path / "results" / "lsq_4bit"
    keep(run, target)
    assert (target / "eval/test.npz").read_bytes() == b"kept as it is"
    text = "".join((target / n).read_text() for n in FILES if not n.endswith("npz"))
    assert "/some/where" not in text
    config = yaml.safe_load((target / "config.yaml").read_text())
    assert config["model"]["weights"] == "resnet20.npz"
    command = json.loads((target / "versions.json").read_text())["command"]
    assert command == "python train.py --config config/a.yaml data.path=cifar train.epochs=6"


def test_table_has_one_row_per_record(run, tmp_path):
    keep(run, tmp_path / "results" / "lsq_4bit")
    row = [line for line in table(tmp_path / "results").splitlines() if "lsq_4bit |" in line]
    assert row == ["| lsq_4bit | 91.23 | 91.73 | 6 | 3.50 | 123.4 | 3 | abc | two cores |"]


def test_unfinished_run_is_refused_by_name(run, tmp_path):
    (run / "eval/test.json").unlink()
    with pytest.raises(UserError, match=r"eval/test.json.*eval.py --run"):
        keep(run, tmp_path / "results" / "x")
