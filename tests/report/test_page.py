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
import re
import shutil
from html.parser import HTMLParser

import numpy as np
import pytest

from src.data import load
from src.report.load import load_run
from src.report.page import breakable, run_page, write_report
from tests.report.fake_run import Fake, write_run

NBSP = "\u00a0"
VOID = {"img", "br", "input", "meta", "wbr"}


class Checker(HTMLParser):
    """Every element closed in order, no resource from outside, no link that leads nowhere."""

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.targets, self.seen = [], set(), [], set()

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)
        values = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        if "id" in values:
            self.ids.add(values["id"])
        for name in ("href", "src"):
            if name in values:
                assert values[name].startswith(("#", "data:image/png;base64,")), values[name][:60]
                self.targets.append(values[name])

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def check(page):
    """The page's text, after the checks that every page must pass."""
    checker = Checker()
    checker.feed(page)
    assert checker.open == []
    assert not checker.seen & {"script", "link", "iframe", "object"}
    assert {target[1:] for target in checker.targets if target.startswith("#")} <= checker.ids
    assert not re.search(r"url\(|@import|https?://", page)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", re.sub(r"(?s)<style>.*?</style>", "", page)))


@pytest.fixture(scope="module")
def digits():
    return load("digits", None, "test")


def test_a_dynamic_run(tmp_path, digits):
    run = load_run(write_run(tmp_path / "run", Fake(), digits.labels))
    page = run_page(run)
    text = check(page)
    totals, arrays = run.evaluation.totals, run.evaluation.arrays
    assert f"{100 * totals['top1']:.2f}{NBSP}% of 355 test images right" in page
    assert f"at {totals['mean_bits']:.2f} bits on average" in page
    for label in range(10):
        mine = arrays["label"] == label
        assert f">{arrays['w_bits'][mine].mean():.3f}<" in page
    for title in ("Training", "Chosen widths", "Fewest bits", "Most bits", "Worst mistakes"):
        assert title in text
    wrong = int((arrays["label"] != arrays["predicted"]).sum())
    assert page.count("<img") == 12 + 12 + min(12, wrong)
    assert "collapsed" not in text


def test_the_page_says_of_images_what_their_numbers_show(tmp_path, digits):
    folder = write_run(tmp_path / "run", Fake(), digits.labels)
    with np.load(folder / "eval/test.npz") as archive:
        arrays = dict(archive)
    arrays["loss"] = -arrays["bitops"]  # the images that cost most are those with the smallest loss
    np.savez(folder / "eval/test.npz", **arrays)
    text = check(page := run_page(load_run(folder)))
    assert "easy" not in text and "hard" not in text
    assert "The 12 images of smallest mean width." in text
    assert "The 12 images of largest mean width." in text
    assert "of an image's BitOPs with its loss \u22121.00, with being wrong" in text.replace("&#x27;", "'")
    assert "within ±0.10 in 95 of 100 cases" in text
    plans, times = np.unique(arrays["w_bits"], axis=0, return_counts=True)
    share = f"{100 * times.max() / 355:.1f}{NBSP}%"
    assert f"{len(plans)} different plans (the widths of all layers); the most frequent one is that of {share}" in page


def test_every_picture_is_there_when_the_page_is_printed(tmp_path, digits):
    page = run_page(load_run(write_run(tmp_path / "run", Fake(), digits.labels)))
    assert page.count("<img") > 24
    assert "lazy" not in page  # a picture that is loaded when it is scrolled to is grey on paper


@pytest.mark.parametrize("method", ["static", "float"])
def test_a_run_without_dynamic_layers(tmp_path, digits, method):
    text = check(
        run_page(
            load_run(write_run(tmp_path / "run", Fake(method=method, dynamic=0), digits.labels))
        )
    )
    for title in ("Chosen widths", "Fewest bits", "on average", "controller", "mean width"):
        assert title not in text
    assert "Worst mistakes" in text
    assert ("Against static 4-bit" in text) == (method == "static")


def test_a_collapsed_controller_is_announced(tmp_path, digits):
    run = load_run(write_run(tmp_path / "run", Fake(collapsed=True), digits.labels))
    text = check(run_page(run))
    assert "The controller has collapsed." in text
    assert "Fewest bits" not in text
    assert "there is no distribution to show" in text
    assert "All images have one plan" in text
    assert "correlation" not in text


def test_untied_widths(tmp_path, digits):
    run = load_run(write_run(tmp_path / "run", Fake(tied=False), digits.labels))
    check(page := run_page(run))
    assert page.count('class="stack"') == 2 * 17


def test_names_are_escaped(tmp_path, monkeypatch):
    evil = "<script>alert(1)</script>"
    folder = write_run(tmp_path / "a&b<i>", Fake(images=60))
    table = json.loads((folder / "layers.json").read_text())
    table["layers"][1] |= {"name": evil, "why": evil, "kind": evil}
    (folder / "layers.json").write_text(json.dumps(table))
    (folder / "versions.json").write_text(json.dumps({evil: evil}))
    run = load_run(folder)

    class Source:
        classes = [evil] * 10
        labels = run.evaluation.arrays["label"]

        def raw(self, _):
            return np.zeros((8, 8, 3), np.uint8)

    monkeypatch.setattr("src.data.load", lambda *_, **__: Source())
    page = run_page(run)
    check(page)
    assert evil not in page
    assert "&lt;script&gt;alert(1)" in page


def test_a_thousand_classes(tmp_path):
    folder = write_run(tmp_path / "run", Fake(classes=1000, images=20000, data_path="/gone"))
    page = run_page(load_run(folder))
    text = check(page)
    assert "the 10 at either end are listed" in text
    assert len(page) < 600_000


@pytest.mark.parametrize(
    ("gone", "says"),
    [
        (["metrics.csv"], "This run has no metrics.csv yet."),
        (["eval"], "This run has no eval/test.json yet."),
        (["eval/test.npz"], "This run has no eval/test.npz yet."),
        (["layers.json"], "This run has no layers.json yet."),
        (["versions.json"], "This run has no versions.json"),
        (["metrics.csv", "eval", "layers.json", "versions.json"], "python eval.py --run"),
    ],
)
def test_missing_files_are_said_and_not_fatal(tmp_path, gone, says):
    folder = write_run(tmp_path / "run", Fake(images=40))
    for name in gone:
        target = folder / name
        shutil.rmtree(target) if target.is_dir() else target.unlink()
    assert says in check(run_page(load_run(folder)))


def test_empty_totals_are_not_fatal(tmp_path):
    folder = write_run(tmp_path / "run", Fake(images=40))
    (folder / "eval/test.json").write_text("{}")
    check(run_page(load_run(folder)))


def test_written_twice_is_the_same_file(tmp_path):
    folder = write_run(tmp_path / "run", Fake(images=40))
    first = write_report(folder).read_bytes()
    assert write_report(folder).read_bytes() == first
    assert [file.name for file in (folder / "report").iterdir()] == ["index.html"]


def test_long_names_may_break():
    assert breakable("a_b-c<") == "a_<wbr>b-<wbr>c&lt;<wbr>"
