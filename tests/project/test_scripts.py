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
"""The shell scripts with stubs in place of training and of pip: order, quoting, errors, set-up."""

import ast
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.project.files import ROOT

RECIPE = "config/resnet8_digits_abn_234bit.yaml"

# An entry script that notes its arguments and, on request, ends with the exit code of `fail=CODE`.
ENTRY = """\
import pathlib, sys
with open("calls.txt", "a") as calls:
    calls.write(repr([pathlib.Path(__file__).name, *sys.argv[1:]]) + "\\n")
run = [a[8:] for a in sys.argv if a.startswith("run.dir=")]
if run:
    (pathlib.Path(run[-1]) / "ckpt").mkdir(parents=True, exist_ok=True)
    (pathlib.Path(run[-1]) / "config.yaml").touch()
    (pathlib.Path(run[-1]) / "ckpt" / "last.ckpt").touch()
sys.exit(next((int(a[5:]) for a in sys.argv if a.startswith("fail=")), 0))
"""

# A Python that makes "environments" of itself and whose pip does what the file `pip-does` says.
FAKE_PYTHON = """\
#!/usr/bin/env bash
case "$1 $2" in
  "-m venv") mkdir -p .venv/bin && cp "$0" .venv/bin/python && touch .venv/made ;;
  "-m pip") echo "pip ${*:3}" >>pip-calls.txt; eval "$(cat pip-does)" ;;
  "-c "*version_info*print* | "-c import sys; print"*) echo 3.11 ;;
  "-c "*) exit 0 ;;
  *) echo "ran $*" ;;
esac
"""


@pytest.fixture
def project(tmp_path) -> Path:
    """A copy of the scripts, in a folder whose name needs quotes, with stubs for the rest."""
    root = tmp_path / "a project's copy"
    shutil.copytree(ROOT / "scripts", root / "scripts")
    for name in ("requirements.txt", "requirements-onnx.txt", "requirements-dev.txt"):
        shutil.copy(ROOT / name, root)
    (root / "config").mkdir()
    (root / RECIPE).touch()
    (root / "src" / "report").mkdir(parents=True)
    for name in ("train.py", "eval.py", "export.py", "report.py", "src/report/summary.py"):
        (root / name).write_text(ENTRY)
    return root


def run_script(project: Path, name: str, *arguments: str, cwd=None, **environment: str):
    """Run scripts/NAME with this Python, or with what `environment` says; never with a network."""
    variables = {"PATH": os.environ["PATH"], "PYTHON": sys.executable, **environment}
    return subprocess.run(
        ["bash", str(project / "scripts" / name), *arguments],
        cwd=cwd or project, env=variables, capture_output=True, text=True, timeout=60,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


def calls_of(project: Path) -> list[list[str]]:
    path = project / "calls.txt"
    lines = path.read_text().splitlines() if path.exists() else []
    return [ast.literal_eval(line) for line in lines]


def assert_one_error(result, *words: str):
    """Exit code 2, a single `error:` line on stderr that has the words, and no traceback."""
    assert result.returncode == 2, result.stderr
    errors = [line for line in result.stderr.splitlines() if line.startswith("error:")]
    assert len(errors) == 1, result.stderr
    assert all(word in errors[0] for word in words), errors[0]
    assert "Traceback" not in result.stderr


# ---- run_train.sh --------------------------------------------------------------------------------


def test_train_goes_the_whole_road(project):
    result = run_script(project, "run_train.sh", "run.dir=runs/my run", "data.path=/d $HOME 'x'")
    assert result.returncode == 0, result.stderr
    overrides = ["run.dir=runs/my run", "data.path=/d $HOME 'x'", "run.dir=runs/my run"]
    assert calls_of(project) == [
        ["train.py", "--config", RECIPE, *overrides],
        ["eval.py", "--run", "runs/my run"],
        ["export.py", "--run", "runs/my run", "--format", "mindir"],
        ["report.py", "--run", "runs/my run"],
        ["summary.py", "--run", "runs/my run"],
    ]


def test_train_names_a_fresh_run_after_the_recipe(project):
    (project / "config" / "other.yaml").touch()
    for _ in range(2):
        assert run_script(project, "run_train.sh", "config/other.yaml").returncode == 0
    runs = [call[-1].removeprefix("run.dir=") for call in calls_of(project)[::5]]
    assert len(set(runs)) == 2
    assert all(run.startswith("runs/other-20") for run in runs)


def test_train_takes_a_recipe_as_the_caller_sees_it(project, tmp_path):
    (tmp_path / "mine.yaml").touch()
    assert run_script(project, "run_train.sh", "mine.yaml", cwd=tmp_path).returncode == 0
    assert calls_of(project)[0][2] == str(tmp_path / "mine.yaml")


@pytest.mark.parametrize("name", ["resnet8_digits_abn_234bit", "resnet8_digits_abn_234bit.yaml"])
def test_train_takes_the_bare_name_of_a_recipe(project, tmp_path, name):
    assert run_script(project, "run_train.sh", name, cwd=tmp_path).returncode == 0
    assert calls_of(project)[0][2] == RECIPE


def test_train_expands_home_as_the_python_scripts_do(project, tmp_path):
    for arguments in (["run.dir=~/a b"], ["--resume", "~/a b"]):
        result = run_script(project, "run_train.sh", *arguments, HOME=str(tmp_path))
        assert result.returncode == 0, result.stderr
    assert not (project / "~").exists()
    runs = [call[2] for call in calls_of(project) if call[0] != "train.py"]
    assert runs == [str(tmp_path / "a b")] * 8


@pytest.mark.parametrize("nothing", ["run.dir=", "run.dir=null"])
def test_train_makes_a_fresh_folder_where_none_is_named(project, nothing):
    assert run_script(project, "run_train.sh", nothing).returncode == 0
    assert calls_of(project)[0][-1].startswith("run.dir=runs/resnet8_digits_abn_234bit-20")


def test_train_leaves_the_last_word_to_the_error(project):
    """Exit code 2 means that the step has said in one line what is wrong."""
    result = run_script(project, "run_train.sh", "fail=2", "run.dir=r")
    assert result.returncode == 2
    assert "exit code" not in result.stderr


def test_train_shows_commands_that_can_be_typed_again(project):
    result = run_script(project, "run_train.sh", "data.path=a b")
    assert r"data.path=a\ b" in result.stderr


def test_train_stops_at_the_first_failure_and_says_how_to_go_on(project):
    result = run_script(project, "run_train.sh", "fail=7", "run.dir=runs/a b")
    assert result.returncode == 7
    assert [call[0] for call in calls_of(project)] == ["train.py"]
    assert "exit code 7" in result.stderr
    assert r"scripts/run_train.sh --resume runs/a\ b" in result.stderr


def test_train_resumes(project):
    (project / "old").mkdir()
    (project / "old" / "config.yaml").touch()
    assert run_script(project, "run_train.sh", "--resume", "old", "a=1").returncode == 0
    assert calls_of(project)[0] == ["train.py", "--resume", "old", "a=1"]
    assert calls_of(project)[1] == ["eval.py", "--run", "old"]


@pytest.mark.parametrize(
    "script, arguments, words",
    [
        ("run_train.sh", ["config/no.yaml"], ["config/no.yaml", RECIPE]),
        ("run_train.sh", ["resnet8_digit_abn_234bit"], ["did you mean resnet8_digits_abn_234bit?"]),
        ("run_train.sh", ["--resume", "~no-such-user/x"], ["~no-such-user/x", "home folder"]),
        ("run_train.sh", ["run.dir=~no-such-user/x"], ["~no-such-user/x", "home folder"]),
        ("run_train.sh", [RECIPE, "epochs"], ["`epochs`", "key=value"]),
        ("run_train.sh", ["a=1", "=2"], ["`=2`", "key=value"]),
        ("run_train.sh", ["--resume"], ["--resume", "run"]),
        ("run_train.sh", ["--resume", "nowhere"], ["nowhere", "config.yaml"]),
        ("run_eval.sh", [], ["which run"]),
        ("run_eval.sh", ["nowhere"], ["nowhere", "config.yaml"]),
        ("run_export.sh", [], ["which run"]),
        ("run_export.sh", ["nowhere"], ["nowhere", "config.yaml"]),
        ("run_infer_310.sh", ["config"], ["three to five"]),
        ("run_infer_310.sh", ["nowhere", "cifar10", "/data"], ["nowhere"]),
        ("run_infer_310.sh", ["config", "cifar10", "/data", "TPU"], ["DEVICE_TYPE", "TPU", "Host"]),
        ("run_distribute_train.sh", [RECIPE], ["WORKERS"]),
        ("run_distribute_train.sh", ["no.yaml", "2"], ["no.yaml", RECIPE]),
        ("run_distribute_train.sh", ["resnet8_digits_dqn_4bit", "2"], ["did you mean resnet8"]),
        ("run_distribute_train.sh", [RECIPE, "0"], ["WORKERS=0"]),
        ("run_distribute_train.sh", [RECIPE, "2x"], ["WORKERS=2x"]),
        ("run_distribute_train.sh", [RECIPE, "2", "b"], ["`b`", "key=value"]),
    ],
)
def test_bad_arguments_give_one_error_before_anything_runs(project, script, arguments, words):
    assert_one_error(run_script(project, script, *arguments), "--help", *words)
    assert not calls_of(project)
    assert not (project / ".venv").exists()


@pytest.mark.parametrize("name", sorted(path.name for path in ROOT.glob("scripts/run_*.sh")))
def test_help_is_printed(project, name):
    result = run_script(project, name, "--help")
    assert result.returncode == 0
    assert f"usage: bash scripts/{name}" in result.stdout


def test_310_asks_for_mindspore_lite(project):
    result = run_script(project, "run_infer_310.sh", "config", "cifar10", "/data", "CPU")
    assert_one_error(result, "LITE_HOME", "get_mindspore_lite.sh", "Host")
    assert not calls_of(project)


def test_eval_and_export_pass_their_arguments_on(project):
    (project / "r u").mkdir()
    (project / "r u" / "config.yaml").touch()
    assert run_script(project, "run_eval.sh", "r u", "data.path=x y").returncode == 0
    assert run_script(project, "run_export.sh", "r u").returncode == 0
    assert run_script(project, "run_export.sh", "r u", "int", "data.path=x y").returncode == 0
    assert calls_of(project) == [
        ["eval.py", "--run", "r u", "data.path=x y"],
        ["export.py", "--run", "r u", "--format", "mindir"],
        ["export.py", "--run", "r u", "--format", "int", "data.path=x y"],
    ]


# ---- a Python of the user's own ------------------------------------------------------------------


@pytest.mark.parametrize(
    "python, words",
    [("/nowhere/python", ["no such program"]), ("/bin/cat", ["not a working Python"])],
)
def test_a_wrong_python_is_refused(project, python, words):
    result = run_script(project, "run_train.sh", PYTHON=python)
    assert_one_error(result, f"PYTHON={python}", *words)


def test_a_python_without_mindspore_is_refused_by_name(project, tmp_path):
    bare = tmp_path / "bare-python"
    bare.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S -I "$@"\n')
    bare.chmod(0o755)
    result = run_script(project, "run_train.sh", PYTHON=str(bare))
    assert_one_error(result, "cannot import mindspore", "pip install -r requirements.txt")


# ---- the environment in .venv --------------------------------------------------------------------


@pytest.fixture
def fake_python(project, tmp_path) -> dict[str, str]:
    """Environment variables under which python3.11 is FAKE_PYTHON; its pip does nothing, well."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("python3.11", "python3.12", "python3.10", "python3", "python"):
        (folder / name).write_text(FAKE_PYTHON)
        (folder / name).chmod(stat.S_IRWXU)
    (project / "pip-does").write_text("true")
    return {"PATH": f"{folder}:/usr/bin:/bin", "PYTHON": ""}


def pip_calls(project: Path) -> list[str]:
    path = project / "pip-calls.txt"
    return path.read_text().splitlines() if path.exists() else []


def test_second_call_installs_nothing(project, fake_python):
    for _ in range(2):
        result = run_script(project, "run_tests.sh", "-k", "a b", **fake_python)
        assert result.returncode == 0, result.stderr
        assert result.stdout == "ran -m pytest -k a b\n"
    assert len(pip_calls(project)) == 1
    assert pip_calls(project)[0].endswith(
        "-rrequirements.txt -rrequirements-onnx.txt -rrequirements-dev.txt"
    )
    assert result.stderr == ""


def test_changed_requirements_are_installed(project, fake_python):
    assert run_script(project, "run_train.sh", **fake_python).returncode == 0
    with (project / "requirements.txt").open("a") as file:
        file.write("another==1.0\n")
    assert run_script(project, "run_train.sh", **fake_python).returncode == 0
    assert len(pip_calls(project)) == 2


@pytest.mark.parametrize(
    "log, words",
    [
        ("ERROR: No space left on device", ["disk is full"]),
        ("WARNING: Failed to establish a new connection", ["network"]),
        ("ERROR: something else", ["could not install requirements.txt", "install.log"]),
    ],
)
def test_failed_installation_gives_its_reason_and_is_redone(project, fake_python, log, words):
    (project / "pip-does").write_text(f"echo '{log}'; exit 1")
    assert_one_error(run_script(project, "run_train.sh", **fake_python), *words)
    (project / ".venv" / "made").unlink()
    (project / "pip-does").write_text("true")
    assert run_script(project, "run_train.sh", **fake_python).returncode == 0
    assert (project / ".venv" / "made").exists(), ".venv was not made anew"
    assert len(pip_calls(project)) == 2


def test_killed_installation_is_redone(project, fake_python):
    (project / "pip-does").write_text("kill -9 $PPID")
    assert run_script(project, "run_train.sh", **fake_python).returncode != 0
    (project / "pip-does").write_text("true")
    result = run_script(project, "run_train.sh", **fake_python)
    assert result.returncode == 0
    assert "making .venv" in result.stderr


@pytest.mark.skipif(shutil.which("flock") is None, reason="no flock here: no lock either")
def test_two_calls_at_once_install_once(project, fake_python):
    (project / "pip-does").write_text("sleep 1")
    command = ["bash", str(project / "scripts" / "run_tests.sh")]
    both = [
        subprocess.Popen(command, env=fake_python, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    assert [process.communicate(timeout=60)[0] for process in both] == [
        "ran -m pytest -m not slow -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder\n"
    ] * 2
    assert len(pip_calls(project)) == 1


def test_without_a_fitting_python_it_says_what_was_found(project, fake_python, tmp_path):
    for path in (tmp_path / "bin").iterdir():
        path.write_text("#!/bin/sh\necho 3.13\n")
    result = run_script(project, "run_train.sh", **fake_python)
    assert_one_error(result, "python3 is 3.13", "3.11", "PYTHON")
    assert not (project / ".venv").exists()


def test_a_strange_venv_is_left_alone(project, fake_python):
    (project / ".venv").mkdir()
    (project / ".venv" / "precious").touch()
    assert_one_error(run_script(project, "run_train.sh", **fake_python), ".venv", "remove it")
    assert (project / ".venv" / "precious").exists()
