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
"""Disks that fill up and folders that may not be written: one clear error, exit code 2, and nothing is lost."""

import shutil
import tempfile
from pathlib import Path

import pytest

import eval as eval_script
import export as export_script
import report as report_script
import train as train_script
from src.entry import guarded
from tests.full_disk import full_disk
from tests.rights import read_only
from tests.shared import made_once
from tests.system.runs import TINY, assert_same_training

# Nothing is compiled, and an epoch is a step: what is written, and when, is the matter.
PLAIN = [*TINY, "device.native=off", "device.mode=pynative", "data.batch_size=1024", "train.epochs=1"]
FLOAT, QUANTISED = "method.name=float", ["method.name=static", "quant.quantizer=dorefa"]


def trained(run: Path, *arguments: str) -> int:
    return guarded(train_script.main, [*PLAIN, f"run.dir={run}", *arguments])


def resumed(run: Path) -> int:
    return guarded(train_script.main, ["--resume", str(run), "train.epochs=2"])


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The float runs `one` and `two`, of so many epochs, and `quantised`, of one."""

    def make(folder):
        assert trained(folder / "one", FLOAT) == 0
        shutil.copytree(folder / "one", folder / "two")
        assert resumed(folder / "two") == 0
        assert trained(folder / "quantised", *QUANTISED) == 0

    return made_once(tmp_path_factory, "plain_runs", make)


@pytest.fixture
def scratch():
    """Not below pytest's folder, whose rights its other processes set again."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.fixture
def run(runs, scratch):
    """A quantised run, to be damaged."""
    return Path(shutil.copytree(runs / "quantised", scratch / "run"))


@pytest.fixture
def failed(capsys):
    """Run a script that must end with one error; returns it."""

    def run(main, *arguments) -> str:
        capsys.readouterr()
        code = guarded(main, [str(argument) for argument in arguments])
        errors = capsys.readouterr().err
        lines = [line for line in errors.splitlines() if line.startswith("error: ")]
        assert code == 2 and len(lines) == 1 and "Traceback" not in errors, (code, errors)
        return lines[0]

    return run


def contents(folder: Path, *but: str) -> dict[str, bytes]:
    """Every file below a folder by its name, but for some."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name not in but]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


# What does not fit: anything; the configuration; the checkpoint.
@pytest.mark.parametrize("free", [0, pytest.param(3000, marks=pytest.mark.slow), 200_000])
def test_training_goes_on_after_a_full_disk_as_if_there_had_been_room(runs, scratch, failed, free):
    run = Path(shutil.copytree(runs / "one", scratch / "run"))
    with full_disk(free):
        error = failed(train_script.main, "--resume", run, "train.epochs=2")
    assert "could not be written" in error or "cannot be written" in error, error
    assert resumed(run) == 0
    assert_same_training(run, runs / "two")
    assert not list(run.rglob(".*partial*")) + list(run.rglob(".unfinished*"))


def test_a_new_run_on_a_full_disk_leaves_a_folder_that_is_taken_again(tmp_path, failed):
    with full_disk(100):
        error = failed(train_script.main, *PLAIN, FLOAT, f"run.dir={tmp_path / 'new'}")
    assert str(tmp_path / "new") in error
    assert trained(tmp_path / "new", FLOAT, "train.epochs=0") == 0


OUTPUTS = {
    "eval": (eval_script.main, []),
    "export": (export_script.main, ["--format", "int"]),
    "report": (report_script.main, []),
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_what_was_written_before_stays_where_there_is_no_room(run, failed, name):
    main, options = OUTPUTS[name]
    arguments = ["--run", str(run), *options]
    assert guarded(main, arguments) == 0
    before = contents(run)
    with full_disk(50):
        error = failed(main, *arguments)
    assert "could not be written" in error and str(run) in error
    assert contents(run) == before


@pytest.mark.parametrize("name", ["train", *OUTPUTS])
def test_a_run_folder_that_is_read_only_is_named_and_stays_as_it_is(run, failed, name):
    before = contents(run)
    main, options = OUTPUTS.get(name, (train_script.main, []))
    arguments = ["--run", run, *options] if name in OUTPUTS else ["--resume", run, "train.epochs=2"]
    with read_only(run):
        error = failed(main, *arguments)
    assert "written" in error and str(run) in error
    assert contents(run) == before
