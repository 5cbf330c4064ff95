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
"""Recipes are found by name; a name that is nearly right is told."""

import subprocess
import sys

import pytest

from src.config import DEFAULT_FILE, load_config
from src.errors import UserError
from tests.project.files import ROOT
from tests.test_config import RECIPES


@pytest.mark.parametrize("name", ["resnet20_cifar10_lsq_4bit", "resnet20_cifar10_lsq_4bit.yaml"])
def test_a_bare_name_is_a_shipped_recipe(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = load_config(name, ["data.path=x"])
    assert (config.model.name, config.quant.quantizer, config.quant.w_bits) == ("resnet20", "lsq", 4)


def test_a_file_of_that_name_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "resnet20_cifar10_float").write_text("train: {epochs: 77}\n")
    assert load_config("resnet20_cifar10_float").train.epochs == 77


@pytest.mark.parametrize(
    "name, near",
    [
        ("resnet20_cifar_lsq_4bit", "resnet20_cifar10_lsq_4bit"),
        ("resnet20_cifar10_lqs_4bit", "resnet20_cifar10_lsq_4bit"),
        ("config/resnet18_imagenet_floot.yaml", "resnet18_imagenet_float"),
    ],
)
def test_a_near_name_is_told_instead_of_all(name, near):
    with pytest.raises(UserError) as error:
        load_config(name)
    assert f"recipe {name}: no such file; did you mean {near}" in str(error.value)
    assert len(str(error.value)) < 200


def test_a_name_like_no_other_lists_all():
    with pytest.raises(UserError) as error:
        load_config("zzz")
    shipped = [path.stem for path in RECIPES if path.parent == DEFAULT_FILE.parent]
    assert len(shipped) > 10 and all(stem in str(error.value) for stem in shipped)


def test_a_name_in_another_folder_is_no_shipped_recipe(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        load_config(tmp_path / "resnet20_cifar10_float")


def test_all_are_listed_with_what_ran():
    done = subprocess.run([sys.executable, "train.py", "--list"], cwd=ROOT, capture_output=True, text=True, check=True)
    rows = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
    assert set(rows) == {path.stem for path in RECIPES if path.parent == DEFAULT_FILE.parent}
    assert all(mark.startswith(("Run ", "Never run")) for mark in rows.values())
