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
"""What a browser makes of the page: lengths that a reader compares, at the widths of phones and screens.

Skipped where no Chromium is found.
"""

import html
import re

import numpy as np
import pytest

from src.data import load
from src.report.compare import comparison_page
from src.report.load import load_run
from src.report.page import STYLE, run_page
from tests.report.browser import dump
from tests.report.fake_escalation import write_escalating_run
from tests.report.fake_run import Fake, write_run

SIDES = (320, 390, 768, 1280)
# Bars as (row by its name, track, filled part), what does not fit sideways, pictures that are not there.
MEASURE = """
onload = () => {
  const wide = box => box.getBoundingClientRect().width;
  const found = [...document.querySelectorAll("iframe")].map(frame => {
    const page = frame.contentDocument, name = row => row.querySelector(".name").textContent;
    return {
      bars: [...page.querySelectorAll(".class-row:not(.head)")].map(row =>
        [name(row), ...[...row.querySelectorAll(".track")].flatMap(
          track => [wide(track), wide(track.querySelector("i"))])]),
      numbers: [...page.querySelectorAll(".bar .num")].filter(box => box.scrollWidth > box.clientWidth).length,
      page: page.documentElement.scrollWidth,
      missing: [...page.images].filter(image => !image.complete || !image.naturalWidth).length,
    };
  });
  document.body.textContent = "FOUND" + JSON.stringify(found) + "END";
};
"""


def measured(page: str, folder) -> list[dict]:
    """What MEASURE finds in the page at each of SIDES."""
    frames = "".join(
        f'<iframe style="width:{side}px;height:900px;border:0" srcdoc="{html.escape(page)}"></iframe>' for side in SIDES
    )
    return dump(f"<!DOCTYPE html><body>{frames}<script>{MEASURE}</script>", folder)


@pytest.mark.parametrize("dynamic", [17, 0], ids=["dynamic", "static"])
def test_equal_shares_are_bars_of_equal_length(tmp_path, dynamic):
    digits = load("digits", None, "test")
    fake = Fake(method="dqnet" if dynamic else "static", dynamic=dynamic)
    run = load_run(write_run(tmp_path / "run", fake, digits.labels))
    arrays = run.evaluation.arrays
    hit = np.array([0, 0.55, 0.94, 1, 1, 1, 1, 1, 1, 1])  # labels 4 % .. 100.0 %: of different length
    for label, share in enumerate(hit):
        mine = np.flatnonzero(arrays["label"] == label)
        right = np.arange(len(mine)) < round(share * len(mine))
        arrays["predicted"][mine] = np.where(right, label, (label + 1) % 10)
    correct = arrays["label"] == arrays["predicted"]
    accuracy = {str(label): correct[arrays["label"] == label].mean() for label in range(10)}
    for side, found in zip(SIDES, measured(run_page(run), tmp_path), strict=True):
        assert len(found["bars"]) == 10
        tracks = {track for _, *bars in found["bars"] for track in bars[::2]}
        assert max(tracks) - min(tracks) < 0.1, f"at {side} px bars of 100 % have lengths {tracks}"
        assert min(tracks) >= 24, side
        for name, *bars in found["bars"]:
            assert bars[-1] == pytest.approx(accuracy[name] * bars[-2], abs=0.1)
        assert found["numbers"] == 0, f"numbers beside bars are cut at {side} px"
        assert found["page"] <= side, f"the page is wider than {side} px"
        assert found["missing"] == 0, f"{found['missing']} pictures are not loaded at {side} px"


def test_a_page_with_a_slider_is_as_wide_as_its_screen(tmp_path):
    run = load_run(write_escalating_run(tmp_path / "run", load("digits", None, "test").labels))
    for side, found in zip(SIDES, measured(run_page(run), tmp_path), strict=True):
        assert (found["page"] <= side, found["missing"]) == (True, 0), side


def test_a_page_of_several_runs_is_as_wide_as_its_screen(tmp_path):
    labels = load("digits", None, "test").labels
    runs = [
        write_escalating_run(tmp_path / "a_net_with_a_name_that_is_longer_than_a_telephone_is_wide", labels),
        write_run(tmp_path / "dqnet", Fake(), labels),
        write_run(tmp_path / "static", Fake(method="static", dynamic=0, epochs=6), labels),
    ]
    for side, found in zip(SIDES, measured(comparison_page([*map(load_run, runs)]), tmp_path), strict=True):
        assert (found["page"] <= side, found["missing"]) == (True, 0), side


def test_a_number_beside_a_bar_has_a_width_of_its_own():
    """The same where there is no browser: the number must not take from its bar what its text needs."""
    rules = re.findall(r"\.bar \.num \{([^}]*)\}", STYLE.read_text(encoding="utf-8"))
    assert any(re.search(r"flex: none; width: [\d.]+em", rule) for rule in rules)
    assert not any("min-width" in rule for rule in rules)


def test_paper_is_light_on_a_dark_screen_too():
    schemes = re.findall(r"@media ([^{]*prefers-color-scheme[^{]*)\{", STYLE.read_text(encoding="utf-8"))
    assert schemes and all(scheme.startswith("screen and") for scheme in schemes)
