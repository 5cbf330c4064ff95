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
"""`config/default.yaml` is what the sections say, of any method that is registered."""

from dataclasses import dataclass

from src import default_file
from src.default_file import default_text, main
from src.keys import Section, key
from src.methods import METHODS
from src.recipes import DEFAULT_FILE


def test_the_file_is_what_the_sections_give():
    assert DEFAULT_FILE.read_text(encoding="utf-8") == default_text(), "run python -m src.default_file"


def test_one_command_writes_it(tmp_path, monkeypatch):
    path = tmp_path / "default.yaml"
    monkeypatch.setattr(default_file, "DEFAULT_FILE", path)
    assert main([]) == 0
    assert path.read_text(encoding="utf-8") == default_text()


@dataclass
class ToyOptions(Section):
    rungs: list = key([2, 3], "widths, {lowest: first}")
    far_longer_than_the_others: float = key(1e-5, "see above")
    native: str = key("on", "a text: {choices}", choices=("on", "off"))
    limit: int | None = key(None, "none")


class Toy:
    options = ToyOptions


def test_a_section_of_a_method_that_one_line_registers(monkeypatch):
    monkeypatch.setitem(METHODS, "toy", Toy)
    text = default_text()
    assert """
toy:
  rungs: [2, 3]            # widths, {lowest: first}
  far_longer_than_the_others: 1.0e-05 # see above
  native: 'on'             # a text: on | off
  limit: null              # none

train:
""" in text
    assert "# float | static | dqnet | dqt | abn | ddq | toy\n" in text
