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
"""The page that compares runs: who stands on it, what it tests and what it says of that."""

import html
import json
import re

import numpy as np
import pytest

from src.cost.latency import LatencyTable, LayerMs
from src.data import load
from src.errors import UserError
from src.report.comparable import Entry, Group
from src.report.compare import comparison_page, write_comparison
from src.report.compare_classes import by_class
from src.report.compare_tables import against_first, artefact_bytes, differing
from src.report.formats import big
from src.report.load import load_run
from src.report.width_map import width_maps
from tests.report.browser import dump
from tests.report.fake_escalation import write_escalating_run
from tests.report.fake_run import Fake, write_run
from tests.report.test_page import check


@pytest.fixture
def folders(tmp_path):
    return [
        write_run(tmp_path / "dynamic", Fake(images=80)),
        write_run(tmp_path / "static", Fake(method="static", dynamic=0, images=80)),
        write_run(tmp_path / "float", Fake(method="float", dynamic=0, images=80)),
    ]


def words(markup: str) -> str:
    text = re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", markup)))
    return text.replace("\u00a0", " ").replace("\u202f", " ")


def section(page: str, anchor: str) -> str:
    return re.search(rf'(?s)<section id="{anchor}">.*?</section>', page)[0]


def test_runs_keep_their_order_and_are_numbered(folders):
    page = comparison_page([load_run(folder) for folder in folders])
    check(page)
    names = re.findall(r'<td class="num">(\d)</td><td>(\w+)</td><td>\w+</td><td><span class="whole">', page)
    assert names == [("1", "dynamic"), ("2", "static"), ("3", "float")]
    drawn = re.findall(r"<title>(\w+): [\d.]+\u00a0%, [\d.]+\u00a0M BitOPs</title>", section(page, "accuracy"))
    assert drawn == ["dynamic", "static"]  # the float run has no BitOPs
    totals = load_run(folders[0]).evaluation.totals
    assert f"{big(totals['bitops'] + totals['bitops_controller'])} BitOPs" in section(page, "accuracy")
    assert "different data sets" not in page and "<script" not in page


def test_other_data_sets_are_called_out_and_nothing_is_tested_across(tmp_path, folders):
    other = write_run(tmp_path / "other", Fake(data="cifar10", images=40))
    page = comparison_page([load_run(folder) for folder in [*folders, other]])
    assert "These runs are on different data sets:" in page
    assert "other" not in words(section(page, "tested")).replace("another", "")
    assert "digits, 80 test images" in words(section(page, "tested"))


def test_a_run_without_evaluation_is_named(tmp_path, folders):
    (folders[0] / "eval/test.json").unlink()
    page = write_comparison(folders, tmp_path / "out" / "c.html").read_text()
    assert "<b>dynamic</b> is not evaluated." in page
    (folders[1] / "eval/test.json").unlink()
    with pytest.raises(UserError, match="at least two evaluated runs, found 1.*--run"):
        write_comparison(folders, tmp_path / "c.html")
    with pytest.raises(UserError, match="found 1"):  # one run named twice
        write_comparison([folders[2], folders[2]], tmp_path / "c.html")


def of_answers(folder, number: int, wrong: np.ndarray, **values) -> Entry:
    """A static run of 100 images that answers these wrong."""
    run = load_run(write_run(folder / f"run{number}", Fake(method="static", dynamic=0, images=100, **values)))
    arrays = run.evaluation.arrays
    arrays["predicted"] = np.where(wrong, (arrays["label"] + 1) % 10, arrays["label"])
    run.evaluation.totals["top1"] = 1 - wrong.mean()
    return Entry(number, run)


def test_a_difference_is_tested_on_the_images_that_one_alone_answers_right(tmp_path):
    at = np.arange(100)
    entries = [of_answers(tmp_path, 1, at < 12), of_answers(tmp_path, 2, at >= 99), of_answers(tmp_path, 3, at < 10)]
    rows = re.findall(r"<tr>(.*?)</tr>", against_first(Group(entries)).split("<tbody>")[1])
    second, third = map(words, rows)
    # 12 images that only run 2 has right, one that only run 1 has: 2 * 14 / 2^13, twice for two tests.
    assert re.search(r"99.00 % \+11.00 \S+ to \S+ 12 1 0.0068 more right than run 1", second)
    assert re.search(r"90.00 % \+2.00 \S+ to \S+ 2 0 0.5 no difference shown", third)


def test_one_that_was_trained_longer_is_said_to_be(tmp_path):
    at = np.arange(100)
    entries = [of_answers(tmp_path, 1, at < 30), of_answers(tmp_path, 2, at < 10, epochs=48)]
    text = words(against_first(Group(entries)))
    assert "more right than run 1; not trained equally long" in text and "Holm" not in text
    assert "It says nothing of the methods behind them" in text


def test_classes_are_held_against_the_first_run(tmp_path):
    label = np.arange(100) % 10
    entries = [of_answers(tmp_path, 1, label == 3), of_answers(tmp_path, 2, (label == 3) & (np.arange(100) < 50))]
    for entry in entries:
        entry.arrays["label"] = label
    entries[0].arrays["predicted"] = np.where(label == 3, 4, label)
    entries[1].arrays["predicted"] = np.where((label == 3) & (np.arange(100) < 50), 4, label)
    page = by_class(Group(entries))
    rows = [words(row) for row in re.findall(r"<tr>(.*?)</tr>", page.split("<tbody>")[1])]
    assert rows[3].strip() == "3 10 0.0 % 50.0 % +50.0" and rows[4].strip() == "4 10 100.0 % 100.0 % +0.0"
    assert page.count("<svg") == 2 and "3 taken for 4: 5 of 10 (50.0 %)" in page
    assert by_class(Group(entries[:1])) == ""


def test_settings_that_differ_are_listed_without_paths(tmp_path, folders):
    runs = [load_run(folder) for folder in folders[:2]]
    runs[0].config["model"]["weights"], runs[1].config["model"]["weights"] = "/some/where/a.npz", "b.npz"
    runs[0].config["train"]["younger_key"] = 5
    text = words(differing([Entry(n, run) for n, run in enumerate(runs, 1)]))
    assert "model.weights a.npz b.npz" in text
    assert "younger_key" not in text and "dqnet" not in text and "run.dir" not in text
    assert differing([Entry(1, runs[0]), Entry(2, runs[0])]) == ""


def test_an_artefact_has_its_size_in_a_run_and_in_a_record(folders):
    runs = [load_run(folder) for folder in folders]
    (folders[0] / "export").mkdir()
    (folders[0] / "export/model.safetensors").write_bytes(b"x" * 105_216)
    (folders[1] / "model.safetensors").write_bytes(b"x" * 12)
    assert [artefact_bytes(run) for run in runs] == [105_216, 12, None]
    assert "105 kB" in words(comparison_page(runs)) and "12 B" in words(comparison_page(runs))


@pytest.fixture(scope="module")
def escalating(tmp_path_factory):
    """Pages of a net with a ladder beside another, of which a machine's milliseconds are known."""
    folder = tmp_path_factory.mktemp("escalating")
    labels = load("digits", None, "test").labels
    found = [write_escalating_run(folder / name, labels) for name in "ab"]
    for path in found:
        ms = {f"{b}x{b}": b / 10 for b in (2, 3, 4)}
        layers = tuple(LayerMs(f"l{i}", 9, ms) for i in range(6))
        (path / "export").mkdir()
        table = LatencyTable("a CPU", "avx2", 1, 1.0, 0.5, layers)
        (path / "export/latency.json").write_text(json.dumps({"table": table.as_dict()}))
    return [load_run(path) for path in found]


def test_each_ladder_has_a_slider_of_its_own(escalating):
    page = comparison_page(escalating)
    check(re.sub(r"(?s)<script>.*?</script>", "", page))
    body = section(page, "settings")
    assert re.findall(r'id="(knob-\d)"', body) == ["knob-1", "knob-2"]
    assert body.count("<script>") == 2 and body.count('type="range"') == 2
    assert "data-row" not in section(page, "accuracy")
    assert "The choice of widths pays." in section(page, "choice")


MOVE = """
onload = () => {
  const told = box => [...box.querySelectorAll("[data-column]")].map(slot => slot.textContent);
  const boxes = [...document.querySelectorAll(".settings")], slider = boxes[1].querySelector("input");
  const before = boxes.map(told);
  slider.value = 0;
  slider.dispatchEvent(new Event("input"));
  const row = [...boxes[1].querySelector("tbody tr").cells].map(cell => cell.textContent);
  document.body.textContent = "FOUND" + JSON.stringify({before, after: boxes.map(told), row}) + "END";
};
"""


def test_a_slider_moves_its_own_box_alone(escalating, tmp_path):
    page = comparison_page(escalating).replace("</body>", f"<script>{MOVE}</script></body>")
    found = dump(page, tmp_path)
    assert found["after"][0] == found["before"][0] and found["after"][1] != found["before"][1]
    assert set(found["after"][1]) == set(found["row"])


def test_milliseconds_of_every_setting_are_drawn_where_they_are_known(escalating):
    _, chart = section(comparison_page(escalating), "accuracy").split("<b>Top-1 against milliseconds")
    assert "Measured on a CPU, avx2, 1 thread." in chart
    ladder = escalating[0].knob.ladder
    assert chart.count('class="mark uniform"') == 2 * 3
    assert chart.count('class="mark escalation"') == 2 * (len(ladder) + 1)
    assert "a: " in chart and "2.2 ms" in chart  # 1 + 6 * 0.2, at 2 bits


def test_a_width_map_has_the_means_of_layers_and_classes(tmp_path):
    entry = Entry(1, load_run(write_run(tmp_path / "run", Fake(dynamic=2, images=4), np.array([0, 0, 1, 3]))))
    entry.arrays["w_bits"] = np.array([[3, 5], [4, 5], [5, 3], [4, 4]], np.uint8)
    entry.arrays["a_bits"] = entry.arrays["w_bits"]
    drawn = width_maps(Group([entry]))
    tips = re.findall(r"<title>\S+, (\d: [\d.]+) bits</title>", drawn)
    assert tips == ["0: 3.500", "1: 5.000", "3: 4.000", "0: 5.000", "1: 3.000", "3: 4.000"]
    assert "from 3.00 bits (light) to 5.00 (dark)" in drawn
    assert re.findall(r'class="fill one (s\d)"', drawn) == ["s1", "s4", "s2", "s4", "s0", "s2"]
    entry.arrays["a_bits"] = entry.arrays["w_bits"] = entry.arrays["w_bits"][:, :1].repeat(2, axis=1)
    assert "all 2 layers" in width_maps(Group([entry]))
