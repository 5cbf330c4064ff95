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
"""The confusion matrix of a page: what is drawn, named, and left out."""

import json
import re

import numpy as np
import pytest

from src.report.confusion import confusion, drawing
from src.report.heatmap import SIDE, shortened
from src.report.labels import text_width
from src.report.load import load_run
from src.report.page import run_page
from src.report.summary import summary
from tests.report.fake_run import Fake, write_run
from tests.report.test_page import check

NAMES = ["Äpfel <rot>", "pear & co", "fig"]


def boxes(svg: str) -> list[tuple[str, str]]:
    """(class, tooltip) of each cell."""
    found = re.findall(r"<rect ([^>]*)><title>([^<]*)</title></rect>", svg)
    return [(re.search(r'class="([^"]*)"', attributes)[1], tip) for attributes, tip in found]


def test_a_cell_for_each_answer_with_its_share_of_the_class():
    svg = drawing(np.array([[9, 1, 0], [0, 10, 0], [6, 0, 4]]), NAMES)
    assert boxes(svg) == [
        ("fill one s4", "Äpfel &lt;rot&gt; right: 9 of 10 (90.0 %)"),
        ("fill two s0", "Äpfel &lt;rot&gt; taken for pear &amp; co: 1 of 10 (10.0 %)"),
        ("fill one s4", "pear &amp; co right: 10 of 10 (100.0 %)"),
        ("fill two s3", "fig taken for Äpfel &lt;rot&gt;: 6 of 10 (60.0 %)"),
        ("fill one s2", "fig right: 4 of 10 (40.0 %)"),
    ]
    assert re.findall(r'class="entry [^>]*>(\d+)<', svg) == ["9", "1", "10", "6", "4"]


@pytest.mark.parametrize("size", [2, 12, 40, 100])
def test_names_of_up_to_100_classes_stand_apart(size):
    svg = drawing(np.eye(size, dtype=int) * 1234, [f"a class of a long name, {i}" for i in range(size)])
    rows = [float(y) for y in re.findall(r'y="([\d.]+)" text-anchor="end" style="font-size', svg)]
    letters = float(re.search(r"font-size:([\d.]+)px", svg)[1])
    assert len(rows) == size and letters >= 8
    assert all(letters < below - above for above, below in zip(rows, rows[1:], strict=False))
    width = float(re.search(r'width="([\d.]+)" height="[\d.]+" role', svg)[1])
    assert width < 1.8 * SIDE
    assert ("entry" in svg) == (size <= 12)  # a number only where it has room


def test_a_long_name_is_cut():
    assert shortened("fig", 11) == "fig"
    cut = shortened("golden retriever, a very long name", 11)
    assert cut.startswith("golden ret") and cut.endswith("…") and text_width(cut, 11) <= 120


def of_classes(folder, size: int, **totals):
    labels = np.repeat(np.arange(size), 4)
    write_run(folder, Fake(method="static", dynamic=0, images=len(labels), classes=size, data_path="/x",
                           data="image_folder"), labels)  # fmt: skip
    file = folder / "eval/test.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | totals))
    return load_run(folder)


def test_names_come_from_the_evaluation_where_the_data_is_gone(tmp_path):
    run = of_classes(tmp_path / "run", 3, classes=dict.fromkeys(NAMES, {}))
    text = check(run_page(run))
    assert "What is taken for what" in text and "pear &amp; co" in text
    arrays = run.evaluation.arrays
    arrays["predicted"] = arrays["label"].copy()
    assert "No image got the answer of another class." in confusion(run.evaluation, NAMES)
    arrays["predicted"][:2] = 2
    listed = re.sub(r"<[^>]+>", " ", confusion(run.evaluation, NAMES).split("<table>")[1])
    assert re.search(r"&lt;rot&gt; \s*fig \s*2 \s*50.0.%", listed)


def test_more_classes_have_a_list_alone(tmp_path):
    run = of_classes(tmp_path / "run", 101)
    run.evaluation.arrays["predicted"][0] = 100
    found = confusion(run.evaluation, None)
    assert "<svg" not in found and "class 100" in found


def test_one_answer_for_everything_is_said(tmp_path):
    quiet = of_classes(tmp_path / "quiet", 3, one_class=None)
    assert "one answer" not in run_page(quiet)
    found = {"class": "a <b>", "share": 0.97, "of_others": 0.951}
    run = of_classes(tmp_path / "run", 3, one_class=found)
    text = check(run_page(run)).replace("\u00a0", " ")
    assert "Nearly one answer for everything." in text
    assert "97.0 % of all images, and 95.1 % of those of other classes, are taken for a &lt;b&gt;" in text
    assert "97.0 % of the answers are a <b>" in summary(run)
