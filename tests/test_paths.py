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
"""A leading ~ is the home folder in every argument of every entry script."""

import importlib

import pytest

from src.errors import UserError

# Script, its arguments with ~ in the places of paths, and the names under which they are read.
SCRIPTS = [
    ("train", ["--resume", "~/x"], ["resume"]),
    ("train", ["--config=~/x"], ["config"]),
    ("eval", ["--run=~/x"], ["run"]),
    ("eval", ["--config", "~/x"], ["config"]),
    ("export", ["--run", "~/x", "--out=~/x"], ["run", "out"]),
    ("export", ["--config=~/x"], ["config"]),
    ("infer", ["--model=~/x", "~/x"], ["model", "images"]),
    (
        "preprocess",
        ["--model=~/x", "--data_path=~/x", "--result_path=~/x"],
        ["model", "data_path", "result_path"],
    ),
    (
        "postprocess",
        ["--model=~/x", "--label_path=~/x", "--result_path=~/x"],
        ["model", "label_path", "result_path"],
    ),
    ("report", ["--run=~/x", "--out=~/x"], ["run", "out"]),
    ("bench", ["step", "--json=~/x", "--peer-python=~/x"], ["json", "peer_python"]),
    ("src.deploy.inspect", ["~/x"], ["file"]),
]


@pytest.mark.parametrize("script, arguments, names", SCRIPTS, ids=lambda x: " ".join(x) if isinstance(x, list) else x)
def test_home_is_expanded(script, arguments, names, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    parse = importlib.import_module(script).parse
    options = parse(arguments)
    for name in names:
        value = getattr(options, name)
        assert str(value[0] if isinstance(value, list) else value) == f"{tmp_path}/x"
    with pytest.raises(UserError, match="~no-such-user/x.*home folder"):
        parse([argument.replace("~/x", "~no-such-user/x") for argument in arguments])
