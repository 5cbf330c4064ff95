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
import html
import json
import re

import numpy as np
import pytest

from src.data import load
from src.report import rungs
from src.report.load import load_run
from src.report.page import run_page
from tests.report.browser import dump
from tests.report.fake_escalation import write_escalating_run
from tests.report.fake_run import Fake, write_run

ROWS = r"(?s)<tbody>(.*?)</tbody>"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    digits = load("digits", None, "test")
    return load_run(write_escalating_run(tmp_path_factory.mktemp("page") / "run", digits.labels))


@pytest.fixture(scope="module")
def page(run):
    return run_page(run)


def words(markup: str) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", markup))).replace("\u202f", " ")


def section(page: str, anchor: str) -> str:
    return re.search(rf'(?s)<section id="{anchor}">.*?</section>', page)[0]


def test_easy_and_hard_images_are_shown_as_such(run, page):
    text, found = words(section(page, "images")), rungs.rungs(run.evaluation)
    assert f"Easy: answered at {found[0].bits} bits Of {found[0].images} images" in text
    assert f"Hard: climbed to {found[-1].bits} bits Of {found[-1].images} images" in text
    arrays = run.evaluation.arrays
    easy, hard = rungs.easiest(run.evaluation, 5), rungs.hardest(run.evaluation, 5)
    assert set(arrays["rung"][easy]) == {0} and set(arrays["rung"][hard]) == {arrays["rung"].max()}
    assert (np.diff(arrays["margin"][easy]) <= 0).all() and (np.diff(arrays["margin"][hard]) >= 0).all()
    first = arrays["margin"][arrays["rung"] == 0]
    assert arrays["margin"][easy[0]] == first.max()
    assert f"2 bits, margin {first.max():.1f}" in text


def test_every_setting_is_a_dot_and_a_row(run, page):
    body = section(page, "escalation")
    ladder = run.knob.ladder
    assert re.findall(r'data-row="(\d+)"', body) == [str(n) for n in range(len(ladder))]
    listed = re.findall(r"<tr[^>]*>", re.search(ROWS, body)[1])
    assert len(listed) == len(ladder) and listed.count('<tr class="strong">') == 1
    assert body.count('class="here"') == 1 and "hidden" in re.search(r"<label[^>]*>", body)[0]


def test_the_panel_has_the_setting_that_was_evaluated(run, page):
    totals = run.evaluation.totals
    panel = words(re.search(r'(?s)<div class="panel".*?</p></div></div>', page)[0])
    assert " → ".join(map(str, totals["rungs"]["bits"])) in panel
    assert f"{100 * totals['top1']:.2f}" in panel
    ratio = totals["bitops"] / run.knob.top.bitops
    assert f"{ratio:.3f} × of 4 bits throughout" in panel.replace("\u00a0", " ")


def test_who_was_answered_where(run, page):
    found = rungs.rungs(run.evaluation)
    assert sum(rung.images for rung in found) == 355 and sum(rung.share for rung in found) == pytest.approx(1)
    assert [rung.bits for rung in found] == sorted({rung.bits for rung in found})
    mean = sum(rung.bitops * rung.share for rung in found)
    assert mean == pytest.approx(run.evaluation.totals["bitops"])
    text = words(section(page, "escalation"))
    for rung in found:
        assert f"{rung.bits} bits {rung.images} {100 * rung.share:.1f} %" in text.replace("\u00a0", " ")


def test_searches_are_drawn_with_the_held_out_images(run, page):
    body = section(page, "escalation")
    test, held_out = (part for part in body.split("<figure") if "Top-1 on the" in part)
    assert test.count('class="mark searched"') == len(run.knob.searched)
    kinds = [found.found_by for found in run.knob.tried]
    for role in ("random", "greedy", "evolution"):
        assert held_out.count(f'class="mark {role}"') >= kinds.count(role) > 0
        assert f"mark {role}" not in test


def test_a_run_without_a_ladder_has_no_section_and_no_script(tmp_path):
    page = run_page(load_run(write_run(tmp_path / "run", Fake(images=30))))
    assert "escalation" not in re.sub(r"(?s)<style>.*?</style>", "", page) and "<script" not in page


@pytest.mark.parametrize(
    "gone", ["search.json", "eval/test_4bit.json", "ladder.json", "eval/ladder.json", "eval/test.npz"]
)
def test_the_page_does_without_any_of_the_files(tmp_path, gone):
    folder = write_escalating_run(tmp_path / "run", images=40)
    (folder / gone).unlink()
    page = run_page(load_run(folder))
    assert 'id="escalation"' in page and ("<script" in page) == (gone != "eval/ladder.json")


def test_a_damaged_ladder_is_told(tmp_path):
    folder = write_escalating_run(tmp_path / "run", images=40)
    (folder / "eval/ladder.json").write_text("{")
    assert "eval/ladder.json cannot be read" in words(section(run_page(load_run(folder)), "escalation"))


def test_shares_that_were_not_counted_are_a_dash(tmp_path):
    folder = write_escalating_run(tmp_path / "run", images=40)
    rows = json.loads((folder / "eval/ladder.json").read_text())
    (folder / "eval/ladder.json").write_text(json.dumps([{**row, "shares": []} for row in rows]))
    assert 'data-row="3"' in run_page(load_run(folder))


MOVE = """
onload = () => {
  const slider = document.querySelector("#knob input"), found = [];
  for (const at of [0, slider.max, 3]) {
    slider.value = at;
    slider.dispatchEvent(new Event("input"));
    const mark = document.querySelector(`[data-row="${at}"]`), row = document.querySelectorAll("#knob tbody tr")[at];
    found.push({
      cells: [...row.cells].map(cell => cell.textContent),
      shown: [...document.querySelectorAll("[data-column]")].map(slot => [slot.dataset.column, slot.textContent]),
      ring: document.querySelector(".here").getAttribute("transform") === mark.getAttribute("transform"),
      strong: [...document.querySelectorAll("#knob tr.strong")].length === 1 && row.className === "strong",
      hidden: slider.closest("label").hidden,
    });
  }
  document.body.textContent = "FOUND" + JSON.stringify(found) + "END";
};
"""


def test_the_slider_moves_the_marker_and_the_numbers(page, tmp_path):
    found = dump(page.replace("</body>", f"<script>{MOVE}</script></body>"), tmp_path)
    assert len({tuple(state["cells"]) for state in found}) == 3
    for state in found:
        assert state["ring"] and state["strong"] and not state["hidden"]
        assert len(state["shown"]) == 7
        for column, text in state["shown"]:
            assert text == state["cells"][int(column)]
