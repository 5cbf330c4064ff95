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
"""The entry script report.py."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import report
from src.entry import guarded
from tests.full_disk import full_disk
from tests.report.fake_run import Fake, write_run

ROOT = Path(__file__).parents[2]


def test_run(tmp_path, capsys):
    folder = write_run(tmp_path / "run", Fake(images=40))
    assert report.main(["--run", str(folder)]) == 0
    page = folder / "report" / "index.html"
    assert capsys.readouterr().out.strip() == str(page)
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_a_full_disk_is_exit_code_2_and_leaves_the_older_page(tmp_path, capsys):
    folder = write_run(tmp_path / "run", Fake(images=40))
    assert guarded(report.main, ["--run", str(folder)]) == 0
    page = folder / "report" / "index.html"
    before = page.read_text(encoding="utf-8")
    capsys.readouterr()
    with full_disk(1000):
        assert guarded(report.main, ["--run", str(folder)]) == 2
    message = capsys.readouterr().err
    assert message.startswith("error: ") and message.count("\n") == 1
    assert f"{page} could not be written" in message
    assert page.read_text(encoding="utf-8") == before
    assert list(page.parent.iterdir()) == [page]


def test_a_run_whose_name_is_not_utf_8(tmp_path):
    """With a newline in it as well; as a program, since a terminal encodes what is printed."""
    folder = write_run(tmp_path / os.fsdecode(b"r\xfc\nn"), Fake(images=40))
    for command in (["report.py"], ["-m", "src.report.summary"]):
        done = subprocess.run(
            [sys.executable, *command, "--run", folder], cwd=ROOT, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[-1].endswith("r\\udcfc\\nn/report/index.html")
    page = (folder / "report" / "index.html").read_text(encoding="utf-8")
    assert "r\\udcfc" in page


def test_several_runs_are_compared(tmp_path, monkeypatch, capsys):
    runs = [str(write_run(tmp_path / "records" / name, Fake(images=40))) for name in "ab"]
    target = tmp_path / "c.html"
    assert report.main(["--run", runs[0], "--run", runs[1], "--out", str(target)]) == 0
    made = target.read_text()
    assert "2 runs" in made
    monkeypatch.chdir(tmp_path)
    assert report.main(["--run", "records"]) == 0  # the folder that holds both
    assert capsys.readouterr().out.splitlines()[-1] == "runs/comparison.html"
    page = (tmp_path / "runs/comparison.html").read_text()
    assert page.count("records/a") == made.count(f"{tmp_path}/records/a") and "2 runs" in page


def test_one_run_takes_no_other_place(tmp_path, capsys):
    folder = write_run(tmp_path / "run", Fake(images=40))
    assert guarded(report.main, ["--run", str(folder), "--out", str(tmp_path / "c.html")]) == 2
    assert "--out" in capsys.readouterr().err


def test_no_run_is_exit_code_2(tmp_path, capsys):
    for path, says in ((tmp_path / "gone", "no such folder"), (tmp_path, "not a run folder")):
        assert guarded(report.main, ["--run", str(path)]) == 2
        message = capsys.readouterr().err
        assert message.startswith("error: ") and says in message
        assert "Traceback" not in message


@pytest.mark.parametrize("arguments", [[], ["--run"], ["--compare", "a", "b"]])
def test_wrong_arguments(arguments):
    with pytest.raises(SystemExit) as stop:
        report.main(arguments)
    assert stop.value.code == 2
