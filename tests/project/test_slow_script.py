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
"""scripts/run_slow_tests.sh: every part runs, whatever becomes of the others, and the end says which failed."""

import stat
from pathlib import Path

import pytest

from tests.project.test_scripts import assert_one_error, project, run_script  # noqa: F401

# Notes what it is called with, but for what env.sh asks of a Python; what `fails` holds ends with code 1.
PYTHON = """\
#!/usr/bin/env bash
if [[ $1 == -c ]]; then exit; fi
echo "$*" >> calls.txt
if [[ "$*" == *"$(cat fails)"* ]]; then exit 1; fi
"""


@pytest.fixture
def folder(project) -> Path:  # noqa: F811
    python = project / "python"
    python.write_text(PYTHON)
    python.chmod(stat.S_IRWXU)
    (project / "scripts/fuzz_loader.sh").write_text('"$PY" the loader "$@"\n')
    (project / "scripts/sanitize_kernels.sh").write_text('"$PY" the kernels "$@"\n')
    (project / "results/one").mkdir(parents=True)
    (project / "results/one/model.safetensors").touch()
    return project


def slow(folder: Path, *arguments: str, fails: str = "nothing"):
    (folder / "fails").write_text(fails)
    python = str(folder / "python")
    return run_script(folder, "run_slow_tests.sh", *arguments, PYTHON=python, PY=python)


PARTS = [
    "-m slow", "--hypothesis-profile=search", "fuzz_files.py", "fuzz_artefact.py", "the loader", "the kernels",
    "tests.mutations",
]  # fmt: skip


def test_all_parts_run_in_turn(folder):
    result = slow(folder, "7", "5")
    assert result.returncode == 0, result.stderr
    assert result.stderr.splitlines()[-1] == "everything slow passed"
    calls = (folder / "calls.txt").read_text().splitlines()
    assert len(calls) == len(PARTS) and all(part in call for part, call in zip(PARTS, calls, strict=True))
    assert "--hypothesis-seed=5" in calls[1]
    assert all("--seconds 7 --seed 5" in call for call in calls[2:4])
    assert calls[4] == "the loader 7 5 results/one/model.safetensors"


NAMES = ["slow", "properties", "files", "oracle", "engine", "kernels", "breaks"]


@pytest.mark.parametrize("name, part", list(zip(NAMES, PARTS, strict=True))[::2])
def test_a_part_that_fails_stops_no_other(folder, name, part):
    result = slow(folder, "7", "5", fails=part)
    assert result.returncode == 1
    assert len((folder / "calls.txt").read_text().splitlines()) == len(PARTS)
    assert result.stderr.splitlines()[-1].endswith(f": bash scripts/run_slow_tests.sh 7 5 {name}")


def test_parts_by_name(folder):
    result = slow(folder, "7", "5", "breaks", "files")
    assert result.returncode == 0, result.stderr
    calls = (folder / "calls.txt").read_text().splitlines()
    assert [part for part in PARTS for call in calls if part in call] == ["fuzz_files.py", "tests.mutations"]
    assert result.stderr.splitlines()[-1] == "breaks files passed"


@pytest.mark.parametrize("arguments", [["0"], ["x"], ["5", "x"]])
def test_numbers_that_are_none(folder, arguments):
    assert_one_error(slow(folder, *arguments), "a whole number")


def test_a_part_that_is_none(folder):
    assert_one_error(slow(folder, "5", "1", "sloww"), "PART=sloww: one of slow properties")
