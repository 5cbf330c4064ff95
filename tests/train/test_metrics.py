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
"""metrics.csv: its rows, and which of them a resumed run drops."""

import csv
import logging

import pytest

from src.errors import UserError
from src.train.metrics import COLUMNS, append_row, forget_after


@pytest.fixture
def path(tmp_path):
    return tmp_path / "metrics.csv"


def rows(path) -> list[dict]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def epochs(path) -> list[tuple[str, str]]:
    return [(row["stage"], row["epoch"]) for row in rows(path)]


def test_rows(path):
    append_row(path, {"stage": "float", "epoch": 1, "train_loss": 1 / 3})
    append_row(path, {"stage": "dqnet", "epoch": 1, "mean_bits": 4.25, "bitops": 1.5e9})
    first, second = rows(path)
    assert tuple(first) == COLUMNS
    assert float(first["train_loss"]) == pytest.approx(1 / 3, rel=1e-7)
    assert first["mean_bits"] == "" and second["mean_bits"] == "4.25"
    assert float(second["bitops"]) == 1.5e9


def test_a_stage_may_have_columns_of_its_own(path):
    append_row(path, {"stage": "supernet", "epoch": 1})
    append_row(path, {"stage": "agent", "epoch": 1, "return": 0.5})
    append_row(path, {"stage": "agent", "epoch": 2, "return": 0.75})
    append_row(path, {"stage": "finetune", "epoch": 1})
    found = rows(path)
    assert tuple(found[0]) == (*COLUMNS, "return")
    assert [row["return"] for row in found] == ["", "0.5", "0.75", ""]
    forget_after(path, "agent", 1)
    assert epochs(path) == [("supernet", "1"), ("agent", "1")] and rows(path)[1]["return"] == "0.5"
    path.write_text(path.read_text().splitlines()[0][:-3])
    forget_after(path, "agent", 1)
    assert not path.exists()


@pytest.fixture
def two_stages(path):
    for stage, epoch in (("float", 1), ("float", 2), ("dqnet", 1), ("dqnet", 2), ("dqnet", 3)):
        append_row(path, {"stage": stage, "epoch": epoch})
    return path


def test_resuming_forgets_what_comes_again(two_stages):
    forget_after(two_stages, "dqnet", 1)
    assert epochs(two_stages) == [("float", "1"), ("float", "2"), ("dqnet", "1")]
    forget_after(two_stages, "dqnet", 0)
    assert epochs(two_stages) == [("float", "1"), ("float", "2")]
    forget_after(two_stages, "float", 1)
    assert epochs(two_stages) == [("float", "1")]
    assert list(two_stages.parent.iterdir()) == [two_stages]


@pytest.mark.parametrize("cut", ["dqnet", "dqnet,", "dqnet,3,12,0.1,0.5"])
def test_a_row_that_a_full_disk_cut_off(two_stages, cut):
    with two_stages.open("a") as file:
        file.write(cut)
    forget_after(two_stages, "dqnet", 9)
    assert epochs(two_stages)[-1] == ("dqnet", "3") and len(epochs(two_stages)) == 5


def test_a_file_that_is_not_there_yet(path):
    forget_after(path, "float", 0)
    assert not path.exists()


@pytest.mark.parametrize("left", ["", "stage,epoch,st"])
def test_a_first_row_for_which_there_was_no_room(path, left):
    """The file is there and has no header, or a part of it."""
    path.write_text(left)
    forget_after(path, "float", 0)
    append_row(path, {"stage": "float", "epoch": 1})
    append_row(path, {"stage": "float", "epoch": 2})
    assert epochs(path) == [("float", "1"), ("float", "2")]


def test_an_empty_file_gets_its_header(path):
    path.touch()
    append_row(path, {"stage": "float", "epoch": 1})
    assert epochs(path) == [("float", "1")]


def test_a_disk_that_is_full(tmp_path):
    (tmp_path / "metrics.csv").symlink_to("/dev/full")
    with pytest.raises(UserError, match="metrics.csv could not be written .*--resume"):
        append_row(tmp_path / "metrics.csv", {"stage": "float", "epoch": 1})


@pytest.mark.parametrize("content", [b"a,b,c\n1,2,3\n", bytes(range(255, 100, -1))])
def test_a_file_that_is_something_else_is_left_alone(path, content):
    path.write_bytes(content)
    with pytest.raises(UserError, match="metrics.csv is damaged: .*move it away"):
        forget_after(path, "float", 0)
    assert path.read_bytes() == content


def test_dropped_rows_are_told(two_stages, caplog):
    with caplog.at_level(logging.WARNING, logger="dynquant"):
        forget_after(two_stages, "dqnet", 3)
        assert not caplog.records
        forget_after(two_stages, "dqnet", 1)
    assert "2 rows are dropped" in caplog.text
