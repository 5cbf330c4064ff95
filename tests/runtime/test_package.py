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
"""The package `dynquant`: what is in it, that it needs no framework, and that it answers as infer.py does."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from runtime import pack
from tests.project.files import ROOT

RECORD = ROOT / "results" / "resnet8_digits_abn_234bit"
MODEL, PICTURES = RECORD / "model.safetensors", RECORD / "images"
DISTRIBUTIONS = {"cv2": "opencv-python-headless", "PIL": "pillow", "sklearn": "scikit-learn"}
# Imports all of the package where neither the framework nor the project's tree can be, then runs its command.
WITHOUT = """
import importlib, pkgutil, sys

class Nowhere:
    def find_spec(self, name, *rest):
        if name.split(".")[0] in ("mindspore", "src", "sklearn", "yaml", "matplotlib"):
            raise ImportError(f"{name} is not to be had")

sys.meta_path.insert(0, Nowhere())
import dynquant
for module in pkgutil.walk_packages(dynquant.__path__, "dynquant."):
    importlib.import_module(module.name)
from dynquant.command import infer
sys.exit(infer())
"""


def outside(path: Path) -> set[str]:
    """What a file imports that neither is Python's nor the project's."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module.split(".")[0])
    return names - set(sys.stdlib_module_names) - {"src", "dynquant"}


def answers(text: str) -> list[dict]:
    """Of `--json`, without what depends on the machine: times, paths, the last bit of an exponential."""
    rows = [json.loads(line) for line in text.splitlines()]
    for row in rows:
        row.update(ms=0, file=Path(row["file"]).name, probability=round(row["probability"], 9))
    return rows


def run(command: list, cwd: Path = ROOT, **variables) -> subprocess.CompletedProcess:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **variables}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=1200)


@pytest.fixture(scope="module")
def expected() -> list[dict]:
    """Of infer.py."""
    done = run([sys.executable, "infer.py", "--engine", "oracle", "--json", "--model", MODEL, PICTURES])
    assert done.returncode == 0, done.stderr
    return answers(done.stdout)


def test_it_takes_the_engine_and_nothing_of_training():
    names = {path.relative_to(ROOT).as_posix() for path in pack.modules()}
    assert {"infer.py", "src/engine/load.py", "src/engine/oracle.py", "src/engine/native.py"} <= names
    rooms = {name.split("/")[1].removesuffix(".py") for name in names if name.startswith("src/")}
    assert rooms == {
        "cost", "data", "engine", "entry", "errors", "files", "interrupts", "kernels", "paths", "printable", "terminal",
    }  # fmt: skip
    assert not {"src/kernels/custom.py", "src/kernels/ops.py", "src/engine/mindspore_graph.py"} & names


def test_it_asks_for_what_it_imports():
    tomllib = pytest.importorskip("tomllib", reason="Python 3.11 or later")
    project = tomllib.loads((ROOT / "runtime" / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *sum(project["optional-dependencies"].values(), [])]
    needed = set().union(*(outside(path) for path in pack.modules()))
    assert {re.split("[<>=]", text)[0] for text in asked} == {DISTRIBUTIONS.get(name, name) for name in needed}


def test_cmake_builds_the_same_core():
    text = (ROOT / "runtime" / "CMakeLists.txt").read_text()
    listed = set(re.findall(r"\${CSRC}/[\w/]+\.cc\b|\binteger_table\.cc\b", text))
    packed = {
        "integer_table.cc" if path == pack.TABLE else f"${{CSRC}}/{path.relative_to(pack.CSRC).as_posix()}"
        for path in pack.sources()
        if path.suffix == ".cc"
    }
    assert listed == packed


def test_only_imports_are_renamed():
    source = "from src import kernels\n    from src.a import b\nimport src.c\nsrc = 1  # python infer.py\n"
    assert pack.renamed(source) == (
        "from dynquant import kernels\n    from dynquant.a import b\nimport dynquant.c\nsrc = 1  # dynquant-infer\n"
    )


def test_no_package_is_made_outside_the_project(tmp_path, monkeypatch):
    monkeypatch.setattr(pack, "CSRC", tmp_path / "csrc")
    with pytest.raises(SystemExit, match="whole checkout"):
        pack.write(tmp_path)


def test_it_answers_as_infer_does_where_neither_framework_nor_compiler_is(packed, expected, tmp_path):
    done = run(
        [sys.executable, "-c", WITHOUT, "--json", "--model", MODEL, PICTURES], tmp_path,
        PYTHONPATH=str(packed), PATH="/nowhere", CXX="", DYNQUANT_CACHE_DIR=str(tmp_path / "cache"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert answers(done.stdout) == expected
    assert "no C++ compiler found" in done.stderr and "the NumPy oracle runs instead" in done.stderr


def test_digits_say_what_they_need(packed, tmp_path):
    command = [sys.executable, "-c", WITHOUT, "--engine", "oracle", "--model", MODEL, "--test", "digits"]
    done = run(command, tmp_path, PYTHONPATH=str(packed))
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: digits come with scikit-learn") and "pip install" in done.stderr


@pytest.mark.slow
def test_a_fresh_environment_answers_as_infer_does(expected, tmp_path):
    """Installed from the three places that it is made of, into an environment without MindSpore."""
    tree, python = tmp_path / "tree", tmp_path / "venv" / "bin" / "python"
    for name in ("runtime", "src"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__"))
    shutil.copy(ROOT / "infer.py", tree)
    assert run([sys.executable, "-m", "venv", tmp_path / "venv"]).returncode == 0
    installed = run([python, "-m", "pip", "install", "--quiet", tree / "runtime"])
    if installed.returncode and re.search("No matching distribution|Failed to establish", installed.stderr):
        pytest.skip("the packages that it needs are not to be had here")
    assert installed.returncode == 0, installed.stderr
    shutil.rmtree(tree)
    assert run([python, "-c", "import mindspore"]).returncode
    command = [python.with_name("dynquant-infer"), "--model", MODEL, PICTURES, "--json"]
    for engine in ("oracle", "native") if shutil.which("g++") else ("oracle",):
        done = run([*command, "--engine", engine], tmp_path, DYNQUANT_CACHE_DIR=str(tmp_path / "cache"))
        assert done.returncode == 0, done.stderr
        assert answers(done.stdout) == expected
