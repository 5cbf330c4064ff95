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
"""What the texts promise is there: commands, links, recipes, a comment for every key; the README is short."""

import re

import pytest

from tests.project.files import ROOT, project_files, relative

COMMAND = re.compile(r"\b(?:bash|python3?)\s+((?:[\w.-]+/)*[\w.-]+\.(?:sh|py))\b")
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)\s#]+)[^)]*\)")
KEY = re.compile(r"^\s*[\w.-]+:")
RECIPE = re.compile(r"\bconfig/([\w-]+\.yaml)|(?:--config|run_train\.sh)\s+([a-z0-9]+_[\w.]+)")


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
def test_commands_are_shown(name):
    assert COMMAND.search(text_of(name)), f"{name} shows no command"


def test_commands_exist():
    missing = [
        f"{relative(path)}: {command}"
        for path in project_files(".md")
        for command in sorted(set(COMMAND.findall(path.read_text(encoding="utf-8"))))
        if not (ROOT / command).is_file()
    ]
    assert not missing, "scripts that are not there:\n" + "\n".join(missing)


def test_the_readme_is_short():
    """A stranger reads one screen; what is longer has a page beside its code."""
    assert len(text_of("README.md").split()) < 1300


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


def recipes_named(text: str) -> set[str]:
    """Names of the shipped recipes that a text runs or points to."""
    return {name.removesuffix(".yaml") for pair in RECIPE.findall(text) for name in pair if name}


def test_recipes_named_in_scripts_and_texts_exist():
    missing = [
        f"{relative(path)}: {name}"
        for path in project_files(".sh", ".md")
        for name in sorted(recipes_named(path.read_text(encoding="utf-8")))
        if not (ROOT / "config" / f"{name}.yaml").is_file()
    ]
    assert not missing, "recipes that are not there:\n" + "\n".join(missing)


def test_a_named_recipe_is_seen():
    text = "`config/a_b.yaml`, --config c_d x=1; bash scripts/run_train.sh e_f.yaml, --config CONFIG"
    assert recipes_named(text) == {"a_b", "c_d", "e_f"}


def test_a_key_without_comment_is_seen():
    text = "# head\na:\n  b: 1  # why\n  c: 2\n  # why\n  d: 3\n"
    assert uncommented_keys(text) == ["a.c"]


def test_a_command_is_seen():
    text = "run `bash scripts/x.sh A` or python y.py; PYTHON=python3 pip"
    assert COMMAND.findall(text) == ["scripts/x.sh", "y.py"]
