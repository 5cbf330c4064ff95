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
"""What a step says at its end."""

import shlex
import sys
from pathlib import Path

import pytest

from src.next_step import say_next


@pytest.fixture
def said(capsys, monkeypatch):
    """What is on the error stream."""
    monkeypatch.delenv("DYNQUANT_GOES_ON", raising=False)
    return lambda: capsys.readouterr().err


def test_it_can_be_typed_as_it_stands(said, monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "train.py")])
    monkeypatch.setattr("src.next_step.shutil.which", lambda name, path: sys.executable)
    say_next("export.py", "--run", Path("runs/a b"), to_fill_in="IMAGE...")
    (line,) = said().splitlines()
    words = shlex.split(line.removeprefix("next: "))
    assert words == ["python", str(tmp_path / "export.py"), "--run", "runs/a b", "IMAGE..."]


def test_another_python_is_named(said, monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "argv", ["train.py"])
    monkeypatch.setattr(sys, "executable", str(tmp_path / ".venv/bin/python"))
    monkeypatch.chdir(tmp_path)
    say_next("report.py")
    assert said() == "next: .venv/bin/python report.py\n"


def test_a_script_that_puts_its_own_python_in_front_says_so(said, monkeypatch, tmp_path):
    python = Path(sys.executable)
    monkeypatch.setattr(sys, "argv", ["train.py"])
    monkeypatch.setenv("PATH", str(python.parent), prepend=":")
    monkeypatch.setenv("DYNQUANT_CALLER_PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    say_next("report.py")
    assert said() == f"next: {python} report.py\n"


def test_a_script_that_goes_on_wants_no_advice(said, monkeypatch):
    monkeypatch.setenv("DYNQUANT_GOES_ON", "1")
    say_next("report.py")
    assert said() == ""
