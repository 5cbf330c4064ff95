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
"""The scripts around the inference program: arguments, and a fetch that cannot end half-done."""

import subprocess
from pathlib import Path

import pytest

from tests.ascend310.program import assert_one_error
from tests.project.files import ROOT

# A Python whose pip leaves a wheel that is not the right one.
OTHER_WHEEL = """\
#!/usr/bin/env bash
while (($#)); do
  if [[ $1 == --dest ]]; then echo other >"$2/mindspore_lite-2.0.0.whl"; fi
  shift
done
"""


def run_script(name: str, *arguments: object, **environment: str) -> subprocess.CompletedProcess:
    command = ["bash", str(ROOT / "scripts" / name), *map(str, arguments)]
    variables = {"PATH": "/usr/bin:/bin", **environment}
    return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("name", ["get_mindspore_lite.sh", "build_aarch64.sh"])
def test_help(name):
    done = run_script(name, "--help")
    assert done.returncode == 0
    assert f"scripts/{name}" in done.stdout and "usage:" in done.stdout


@pytest.mark.parametrize(
    "name, arguments, words",
    [
        ("get_mindspore_lite.sh", ["riscv64"], ["riscv64", "x86_64, aarch64"]),
        ("get_mindspore_lite.sh", ["x86_64", "a", "b"], ["at most"]),
        ("build_aarch64.sh", ["--fast"], ["at most one folder"]),
        ("build_aarch64.sh", ["a", "b"], ["at most one folder"]),
    ],
)
def test_bad_arguments(name, arguments, words):
    assert_one_error(run_script(name, *arguments), 2, "--help", *words)


def test_a_wrong_checksum_leaves_nothing(tmp_path):
    python = tmp_path / "python"
    python.write_text(OTHER_WHEEL)
    python.chmod(0o755)
    (tmp_path / "third").mkdir()
    dest = tmp_path / "third" / "lite"
    done = run_script("get_mindspore_lite.sh", "x86_64", dest, PYTHON=str(python))
    assert done.returncode == 2
    assert "error: mindspore_lite-2.0.0.whl has a wrong checksum" in done.stderr
    assert done.stdout == ""
    assert not list((tmp_path / "third").iterdir())


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    precious = tmp_path / "precious"
    precious.touch()
    done = run_script("get_mindspore_lite.sh", "aarch64", tmp_path)
    assert_one_error(done, 2, str(tmp_path), "remove it")
    assert precious.exists()


def test_a_fetched_folder_is_taken_at_once(tmp_path: Path):
    script = (ROOT / "scripts" / "get_mindspore_lite.sh").read_text()
    wanted = script.split("aarch64)")[1].split("sha256=")[1].split()[0]
    (tmp_path / "sha256").write_text(wanted + "\n")
    done = run_script("get_mindspore_lite.sh", "aarch64", tmp_path, PYTHON="/nowhere")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{tmp_path}\n", "")
