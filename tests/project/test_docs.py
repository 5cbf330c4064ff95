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
"""What the texts promise is there: commands of the README, links, a comment for every key."""

import re

import pytest

from tests.project.files import ROOT, project_files

COMMAND = re.compile(r"\b(?:bash|python3?)\s+((?:[\w.-]+/)*[\w.-]+\.(?:sh|py))\b")
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)\s#]+)[^)]*\)")
KEY = re.compile(r"^\s*[\w.-]+:")


def text_of(name: str) -> str:
    path = ROOT / name
    if not path.is_file():
        pytest.skip(f"{name} is not written yet")
    return path.read_text(encoding="utf-8")


def uncommented_keys(text: str) -> list[str]:
    """`section.key` of each indented key without a comment on its line or the line before."""
    bare, section, previous = [], "", ""
    for line in text.splitlines():
        if KEY.match(line):
            key = line.split(":")[0]
            if not line[0].isspace():
                section = key
            elif " #" not in line and not previous.lstrip().startswith("#"):
                bare.append(f"{section}.{key.strip()}")
        previous = line
    return bare


@pytest.mark.parametrize("name", ["README.md", "README_CN.md", "CONTRIBUTING.md"])
def test_commands_exist(name):
    commands = set(COMMAND.findall(text_of(name)))
    assert commands, f"{name} shows no command"
    missing = sorted(command for command in commands if not (ROOT / command).is_file())
    assert not missing, f"{name} names scripts that are not there: {missing}"


def test_links_exist():
    missing = [
        f"{path.relative_to(ROOT)}: {target}"
        for path in project_files(".md")
        for target in LINK.findall(path.read_text(encoding="utf-8"))
        if not (path.parent / target).exists()
    ]
    assert not missing, "links to files that are not there:\n" + "\n".join(missing)


def test_every_key_has_a_comment():
    bare = uncommented_keys(text_of("config/default.yaml"))
    assert not bare, f"config/default.yaml: keys without a comment: {bare}"


def test_recipes_named_in_scripts_exist():
    named = {
        recipe
        for path in project_files(".sh", under="scripts/")
        for recipe in re.findall(r"\bconfig/[\w.-]+\.yaml", path.read_text(encoding="utf-8"))
    }
    if not (ROOT / "train.py").is_file():
        pytest.skip("train.py is not written yet")
    missing = sorted(recipe for recipe in named if not (ROOT / recipe).is_file())
    assert not missing, f"recipes that are not there: {missing}"


def test_a_key_without_comment_is_seen():
    text = "# head\na:\n  b: 1  # why\n  c: 2\n  # why\n  d: 3\n"
    assert uncommented_keys(text) == ["a.c"]


def test_a_command_is_seen():
    text = "run `bash scripts/x.sh A` or python y.py; PYTHON=python3 pip"
    assert COMMAND.findall(text) == ["scripts/x.sh", "y.py"]
