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
"""Each recipe says whether it ran, and `config/README.md` says the same."""

import json
import re
import shlex

import pytest

from src.config import load_config
from tests.project.files import ROOT

RECIPES = sorted(path.stem for path in (ROOT / "config").glob("*.yaml") if path.stem != "default")
NAME = re.compile(
    r"(resnet\d+|mobilenetv2)_(cifar10|digits|image_folder|imagenet|imagenette)"
    r"_(float|lsq|dorefa|dqnet|dqnet_dorefa|dqnet_lsq|dqt|abn|ddq)(_\d+bit)?"
)
# What may differ from a recipe that ran as it stands: where, not what.
WHERE = ("run.dir=", "data.path=", "device.")


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def mark(recipe: str) -> str:
    """What the records say of a recipe, as its first line does."""
    runs = []
    for row in json.loads(text_of("results/index.json")):
        _, _, _, file, *overrides = shlex.split(row["command"])
        if file == f"config/{recipe}.yaml":
            other = [text for text in overrides if not text.startswith(WHERE)]
            runs.append((bool(other), row["record"] != recipe, f"{row['record']} ({row['commit']})"))
    if not runs:
        return "Never run"
    other, _, first = min(runs)
    more = f" and {len(runs) - 1} more records" if len(runs) > 1 else ""
    return f"Run {'with other settings' if other else 'as it stands'}: {first}{more}"


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_says_whether_it_ran(recipe):
    assert text_of(f"config/{recipe}.yaml").splitlines()[0] == f"# {mark(recipe)}."


def test_the_table_of_recipes_says_the_same():
    listed = re.findall(r"(?m)^\| `(\w+)` \| (.*) \|$", text_of("config/README.md"))
    marks = [(recipe, mark(recipe).removeprefix("Run ").replace("Never run", "never")) for recipe in RECIPES]
    assert listed == marks


@pytest.mark.parametrize("recipe", RECIPES)
def test_names_say_model_data_method_and_width(recipe):
    assert NAME.fullmatch(recipe)


def test_overrides_that_the_page_shows_are_understood():
    """Each `*_name` with overrides in the table, on the CIFAR-10 network that has the recipe."""
    rows = re.findall(r"(?m)^\| [^|]+ \| `\*_(\w+)` with `([^`]+)`", text_of("config/README.md"))
    assert len(rows) >= 6
    for recipe, overrides in rows:
        config = load_config(f"resnet20_cifar10_{recipe}", ["data.path=FOLDER", *shlex.split(overrides)])
        assert config != load_config(f"resnet20_cifar10_{recipe}", ["data.path=FOLDER"])
