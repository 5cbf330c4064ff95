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
"""run_infer_310.sh with stubs in place of the programs: calls at once, and where results are left."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.project.files import ROOT
from tests.project.test_scripts import project, run_script  # noqa: F401

# The three programs around a run hand on what the model's file says, slowly enough for two calls to
# meet; whatever they find of another call turns up in the accuracy.
PREPROCESS = """\
import pathlib, sys, time
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
out = pathlib.Path(given["--result_path"])
(out / "label").mkdir(parents=True, exist_ok=True)
(out / "img_data").mkdir(exist_ok=True)
time.sleep(0.2)
model = pathlib.Path(given["--model"]).read_text()
(out / "label" / model).write_text(given["--data_path"])
"""
MAIN = """\
#!/usr/bin/env bash
for word; do declare "${word%%=*}=${word#*=}" 2>/dev/null || declare "${word:2}"; done
if [[ $(<"$mindir_path") == broken ]]; then echo "error: broken" >&2; exit 3; fi
mkdir -p "$result_path" "$time_path"
sleep 0.3
ls "$dataset_path/../label" >"$result_path/0.bin"
cat "$mindir_path" >>"$result_path/0.bin"
printf 'head %s\\n\\ntail\\n' "${budget:-}" >"$time_path/test_perform_static.txt"
"""
BUILD = """\
root=$(dirname -- "$0"); out=${1:-$root/out}; mkdir -p "$out"
cp "$root/program" "$out/main"
if [[ -n ${2:-} ]]; then cp "$out/main" "$2"; fi
"""
POSTPROCESS = """\
import pathlib, sys, time
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
time.sleep(0.2)
results = sorted(pathlib.Path(given["--result_path"]).iterdir())
labels = sorted(path.name for path in pathlib.Path(given["--label_path"]).iterdir())
print("accuracy of", pathlib.Path(given["--model"]).read_text(), "is that of",
      *(path.read_text().split() for path in results), labels)
"""
LEFT = ["acc.log", "preprocess_Result", "result_Files", "time_Result"]


@pytest.fixture
def folder(project) -> Path:  # noqa: F811
    (project / "preprocess.py").write_text(PREPROCESS)
    (project / "postprocess.py").write_text(POSTPROCESS)
    harness = project / "ascend310_infer"
    harness.mkdir()
    (harness / "program").write_text(MAIN)
    (harness / "program").chmod(0o755)
    (harness / "build.sh").write_text(BUILD)
    for name in ("one", "two", "broken"):
        (project / name).write_text(name)
    return project


def right(name: str) -> str:
    return f"accuracy of {name} is that of ['{name}', '{name}'] ['{name}']\n"


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name in LEFT)


def test_two_at_once_judge_their_own_answers(folder):
    environment = {"PATH": os.environ["PATH"], "PYTHON": sys.executable}
    script = str(folder / "scripts" / "run_infer_310.sh")
    calls = {
        name: subprocess.Popen(
            ["bash", script, name, "digits", "-", "Host"], cwd=folder, env=environment,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for name in ("one", "two")
    }  # fmt: skip
    for name, call in calls.items():
        output, errors = call.communicate(timeout=60)
        assert (call.returncode, output) == (0, right(name)), errors
    assert left(folder) == LEFT
    whose = (folder / "preprocess_Result" / "label").iterdir()
    assert (folder / "acc.log").read_text() == right(next(whose).name), "results of one call alone"
    assert not list(folder.glob(".infer_310.??????")), "a call's own folder is gone"


def test_a_single_call_leaves_its_results_in_the_usual_place(folder):
    for name in ("one", "two"):
        result = run_script(folder, "run_infer_310.sh", name, "digits", "-", "Host")
        assert (result.returncode, result.stdout) == (0, right(name)), result.stderr
        assert "head" in result.stderr and "tail" not in result.stderr
        assert left(folder) == LEFT and (folder / "acc.log").read_text() == right(name)
        assert (folder / "result_Files" / "0.bin").read_text().split() == [name, name]


def test_a_budget_is_handed_on(folder):
    call = ("run_infer_310.sh", "one", "digits", "-", "Host")
    assert "head 250M\n" in run_script(folder, *call, BUDGET="250M").stderr
    assert "head \n" in run_script(folder, *call).stderr


def test_a_failure_leaves_the_results_of_before(folder):
    assert run_script(folder, "run_infer_310.sh", "one", "digits", "-", "Host").returncode == 0
    result = run_script(folder, "run_infer_310.sh", "broken", "digits", "-", "Host")
    assert result.returncode == 3 and "error: broken" in result.stderr
    assert left(folder) == LEFT and (folder / "acc.log").read_text() == right("one")
    assert not list(folder.glob(".infer_310.??????"))


def test_results_go_where_the_caller_wants_them(folder, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "model").write_text("model")
    result = run_script(
        folder, "run_infer_310.sh", "model", "digits", "data", "Host", cwd=tmp_path,
        RESULT_DIR="~/my results", HOME=str(tmp_path),
    )  # fmt: skip
    assert (result.returncode, result.stdout) == (0, right("model")), result.stderr
    assert left(tmp_path / "my results") == LEFT and not left(folder)
    label = tmp_path / "my results" / "preprocess_Result" / "label" / "model"
    assert label.read_text() == f"{tmp_path}/data"


@pytest.mark.parametrize("name", ["LITE_HOME", "MS_LITE_HOME"])
def test_a_relative_folder_of_mindspore_lite_is_the_callers(folder, tmp_path, name):
    (tmp_path / "lite").mkdir()
    with (folder / "ascend310_infer" / "build.sh").open("a") as file:
        file.write('echo "$LITE_HOME" >"$root/lite.txt"\n')
    arguments = [str(folder / "one"), "digits", "-", "CPU"]
    result = run_script(folder, "run_infer_310.sh", *arguments, cwd=tmp_path, **{name: "lite"})
    assert (result.returncode, result.stdout) == (0, right("one")), result.stderr
    assert (folder / "ascend310_infer" / "lite.txt").read_text() == f"{tmp_path / 'lite'}\n"


def test_builds_into_one_folder_wait_for_each_other(tmp_path):
    """With a cmake that takes its time, and fails where another one is at work in the same folder."""
    cmake = tmp_path / "cmake"
    cmake.write_text(
        f'#!/bin/sh\nmkdir "{tmp_path}/busy" || exit 1\nsleep 0.2\nrmdir "{tmp_path}/busy"\n'
        f'echo "program $LITE_HOME" >"{tmp_path}/out/main"\n'
    )
    cmake.chmod(0o755)
    calls = []
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        command = ["bash", ROOT / "ascend310_infer" / "build.sh", tmp_path / "out", tmp_path / name / "main"]
        environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "LITE_HOME": str(tmp_path / name)}
        calls.append(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True))
    for name, call in zip("abc", calls, strict=True):
        output = call.communicate(timeout=60)[0]
        assert (call.returncode, output) == (0, f"{tmp_path / name / 'main'}\n")
        assert (tmp_path / name / "main").read_text() == f"program {tmp_path / name}\n"
