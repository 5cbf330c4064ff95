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
"""YAML as files hold it: what is read does not depend on whether PyYAML has libyaml."""

import pytest
import yaml

from src import yaml_text
from src.recipes import DEFAULT_FILE
from src.yaml_text import read_yaml, read_yaml_texts

ODD = "a: 007\nb: no\nc: null\nd: 2026-11-27\ne: [1.5, ~, 1e3]\nf: ''\n"


@pytest.fixture(params=["libyaml", "without"])
def reader(request, monkeypatch):
    if request.param == "without":
        monkeypatch.setattr(yaml_text, "_FAST", yaml_text._SLOW)
        monkeypatch.setattr(yaml_text, "_FAST_TEXT", yaml_text._SLOW_TEXT)
    elif not yaml.__with_libyaml__:
        pytest.skip("PyYAML was built without libyaml")


def test_scalars_are_read_by_what_they_look_like_or_as_text(reader):
    assert read_yaml(ODD) == yaml.safe_load(ODD)
    assert read_yaml_texts(ODD) == {
        "a": "007", "b": "no", "c": None, "d": "2026-11-27", "e": ["1.5", None, "1e3"], "f": "",
    }  # fmt: skip
    assert read_yaml("") is None and read_yaml_texts("# nothing\n") is None


def test_the_default_file(reader):
    text = DEFAULT_FILE.read_text(encoding="utf-8")
    assert read_yaml(text) == yaml.safe_load(text)


def test_a_path_that_is_no_utf_8(reader):
    tree = {"run": {"dir": "r\udcfc\nn"}}
    assert read_yaml(yaml.safe_dump(tree)) == tree
    assert read_yaml_texts(yaml.safe_dump(tree)) == tree


@pytest.mark.parametrize("text", ["train: [1, 2", "a: b: c", "a: !!python/object:os.system {}"])
def test_what_is_no_yaml_is_refused(reader, text):
    for read in (read_yaml, read_yaml_texts):
        with pytest.raises(yaml.YAMLError):
            read(text)
