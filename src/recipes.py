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
"""Recipe files: found by path or by name, and read."""

import difflib
from pathlib import Path

import yaml

from src.errors import UserError
from src.yaml_text import read_yaml, read_yaml_texts

FOLDER = Path(__file__).resolve().parent.parent / "config"
DEFAULT_FILE = FOLDER / "default.yaml"
MOST_INCLUDES = 4  # one in the other


def find_recipe(name: str | Path) -> Path:
    """The file of that path, or the shipped one of that name (`resnet20_cifar10_lsq_4bit`).

    Raises:
        UserError: there is neither; near names are given.
    """
    path = Path(name)
    if path.is_file():
        return path
    shipped = {file.stem: file for file in sorted(FOLDER.glob("*.yaml"))}
    stem = path.name.removesuffix(".yaml")
    if path.parent == Path() and stem in shipped:
        return shipped[stem]
    near = difflib.get_close_matches(stem, shipped, n=3, cutoff=0.75)
    hint = f"did you mean {' or '.join(near)}?" if near else f"config/ holds {', '.join(shipped)}"
    raise UserError(f"recipe {name}: no such file; {hint}")


def shipped_recipes() -> dict[str, str]:
    """What each recipe of config/ says of itself in its first line: whether it ran, and as what."""
    files = [file for file in sorted(FOLDER.glob("*.yaml")) if file != DEFAULT_FILE]
    return {file.stem: file.read_text(encoding="utf-8").splitlines()[0].lstrip("# ") for file in files}


def read_recipe(path: Path, includes: int = 0) -> list[tuple[Path, dict, dict]]:
    """The file and before it those that its `include:` names, in the order in which they apply:
    path, what YAML makes of it, and the same with each scalar but null as its text.

    Raises:
        UserError: a file is missing or no YAML, not a mapping, or includes go on for ever.
    """
    if includes > MOST_INCLUDES:
        raise UserError(f"recipe {path}: `include:` is nested too deeply, or names itself")
    try:
        content = path.read_text(encoding="utf-8")
        tree = read_yaml(content) or {}
        texts = read_yaml_texts(content) or {}
    except (yaml.YAMLError, ValueError) as error:  # ValueError: no UTF-8, no date
        raise UserError(f"recipe {path}: not valid YAML: {error}") from error
    if not isinstance(tree, dict):
        raise UserError(f"recipe {path}: expected sections such as `train:`, found {tree!r}")
    tree.pop("include", None)
    included = texts.pop("include", None)
    before = []
    if included is not None:
        before = read_recipe(find_recipe(path.parent / str(included)), includes + 1)
    return [*before, (path, tree, texts)]
