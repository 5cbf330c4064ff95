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
import json

import pytest

from src.report.load import load_run
from src.report.page import run_page
from tests.report.fake_run import Fake, write_run

ROW = {
    "name": "layer1.0.conv1", "weights": [-0.5, -0.1, 0.1, 0.7], "inputs": [0.0, 1.0],
    "histogram": {"counts": [3, 0, 9, 1], "from": -0.6, "to": 0.8},
}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    return write_run(tmp_path / "run", Fake(method="ddq", dynamic=0, images=20))


def page(folder, content: str | None) -> str:
    if content is not None:
        (folder / "levels.json").write_text(content)
    return run_page(load_run(folder))


def test_a_picture_for_each_layer(folder):
    text = page(folder, json.dumps({"layers": [ROW]}))
    assert "layer1.0.conv1: weights 2 bit, inputs 1 bit" in text
    start = text.index("Learned levels</h2>")
    section = text[start : text.index("</section>", start)]
    assert section.count("<rect") == 3, "an empty bin is not drawn"
    assert section.count("input level") == 2 and section.count("<title>level") == 4
    assert "9 weights from 0.1 to 0.45" in section


def test_other_runs_have_no_such_section(folder):
    assert "Learned levels" not in page(folder, None)


@pytest.mark.parametrize("damage", [{"weights": []}, {"histogram": {}}, {"inputs": "x"}])
def test_a_damaged_file_is_told(folder, damage):
    text = page(folder, json.dumps({"layers": [ROW | damage]}))
    assert "levels.json cannot be read" in text
