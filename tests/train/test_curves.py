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
"""Event files for TensorBoard: read back record by record, as TensorBoard does."""

import builtins
import struct

import pytest

from src.entry import guarded
from src.errors import UserError
from src.train.metrics import append_row, read_rows
from src.train.run_folder import RunFolder
from tests.full_disk import full_disk


@pytest.fixture
def event():
    return pytest.importorskip("tensorboardX.proto.event_pb2", reason="optional: requirements-tensorboard.txt").Event


def scalars(folder, event) -> dict[str, list[tuple[int, float]]]:
    """tag -> (step, value) in the order of the one event file; its records are length, CRC, bytes, CRC."""
    (file,) = (folder / "tensorboard").iterdir()
    content, at, found = file.read_bytes(), 0, {}
    while at < len(content):
        (length,) = struct.unpack_from("<Q", content, at)
        record = event.FromString(content[at + 12 : at + 12 + length])
        for value in record.summary.value:
            found.setdefault(value.tag, []).append((record.step, value.simple_value))
        at += length + 16
    return found


def run(path) -> RunFolder:
    folder = RunFolder(path)
    folder.draw_curves()
    return folder


def test_every_column_is_a_curve_over_the_epochs_of_all_stages(tmp_path, event):
    folder = run(tmp_path)
    folder.append_metrics({"stage": "float", "epoch": 1, "train_loss": 1.5, "val_top1": 0.25})
    folder.append_metrics({"stage": "float", "epoch": 2, "train_loss": 1.25})
    folder.append_metrics({"stage": "agent", "epoch": 1, "train_loss": 1.0, "return": 0.5})
    assert scalars(tmp_path, event) == {
        "epoch": [(1, 1), (2, 2), (3, 1)],
        "train_loss": [(1, 1.5), (2, 1.25), (3, 1.0)],
        "val_top1": [(1, 0.25)],
        "return": [(3, 0.5)],
    }


def test_a_resumed_run_has_the_curves_of_one_that_was_never_stopped(tmp_path, event):
    (tmp_path / "whole").mkdir()
    (tmp_path / "stopped").mkdir()
    rows = [{"stage": "float", "epoch": n, "train_loss": 1 / n} for n in (1, 2, 3, 4)]
    whole, first = run(tmp_path / "whole"), run(tmp_path / "stopped")
    for row in rows:
        whole.append_metrics(row)
    for row in (rows[0], rows[1], {**rows[2], "train_loss": 9.0}):  # the third was not stored, and comes again
        first.append_metrics(row)
    (older,) = (tmp_path / "stopped/tensorboard").iterdir()
    older.rename(older.with_name("events.out.tfevents.1.elsewhere"))  # as of another second
    second = run(tmp_path / "stopped")
    second.forget_after("float", 2)
    for row in rows[2:]:
        second.append_metrics(row)
    assert scalars(tmp_path / "stopped", event) == scalars(tmp_path / "whole", event)


def test_rows_from_before_the_option_are_drawn_too(tmp_path, event):
    append_row(tmp_path / "metrics.csv", {"stage": "float", "epoch": 1, "lr": 0.5})
    run(tmp_path).append_metrics({"stage": "float", "epoch": 2, "lr": 0.25})
    assert scalars(tmp_path, event)["lr"] == [(1, 0.5), (2, 0.25)]


def test_a_full_disk_is_told_and_costs_no_row(tmp_path, event):
    folder = run(tmp_path)
    folder.append_metrics({"stage": "float", "epoch": 1})
    with full_disk(150), pytest.raises(UserError, match=r"tensorboard could not be written .*train\.tensorboard=false"):
        folder.curves.follow([{"epoch": n} for n in range(1, 400)])
    assert len(read_rows(tmp_path / "metrics.csv")) == 1


def test_without_the_package_one_line_says_what_to_install(tmp_path, monkeypatch, capsys):
    real = builtins.__import__

    def without(name, *rest):
        if name.startswith("tensorboardX"):
            raise ImportError("No module named 'tensorboardX'")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    assert guarded(lambda _: run(tmp_path) and 0, []) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "pip install -r requirements-tensorboard.txt" in said
    assert list(tmp_path.iterdir()) == []


def test_off_by_default_and_silent_on_other_workers(tmp_path):
    folder = RunFolder(tmp_path)
    folder.append_metrics({"stage": "float", "epoch": 1})
    quiet = RunFolder(tmp_path, quiet=True)
    quiet.draw_curves()
    assert quiet.curves is None and [path.name for path in tmp_path.iterdir()] == ["metrics.csv"]
