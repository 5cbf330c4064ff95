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
"""The bundle of a network that escalates: a front, a tail for each width, and the table."""

import json

import numpy as np
import pytest

from src.cost.ladder import Ladder, climb, margin_of
from src.deploy.compare import network_answers, rung_answers
from src.deploy.mindir.bundle import FILE, Bundle, BundleStage, read_bundle, write_bundle
from src.deploy.mindir.export_bundle import export_bundle
from src.deploy.mindir.run_bundle import ends_of, run_in_mindspore, run_rungs
from src.errors import UserError
from tests.deploy.ladders import SEVERAL_WIDTHS, at_several_widths, ladder_for

LADDER = Ladder.from_dict({
    "bits": [2, 4], "costs": [100, 300], "again": [90, 290], "top1": [0.5, 0.9],
    "rows": [
        {"bits": [2], "margins": [], "bitops": 100.0, "top1": 0.5},
        {"bits": [2, 4], "margins": [0.1 + 0.2], "bitops": 1e2 + 1 / 3, "top1": 0.9},
        {"bits": [4], "margins": [], "bitops": 300.0, "top1": 1.0},
    ],
})  # fmt: skip
TAIL = BundleStage("tail", 0, (0, 1), 2, 10, ("a", "b"))
BUNDLE = Bundle(3, (3, 8, 8), 5, (2, 4), 1, 1, 3, "front", "", 60, (TAIL,), LADDER, 2)


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow) for n in SEVERAL_WIDTHS]
)
def test_rungs_and_network_agree(name, digits, tmp_path):
    system, images, folder = at_several_widths(name), digits.batch(np.arange(8)), tmp_path / "bundle"
    ladder = ladder_for(system, images)
    expected = rung_answers(system, images, ladder.bits)
    row = export_bundle(system, digits, {"model": "resnet8"}, folder, 3, ladder)
    assert row["rungs_equal"] == 1.0 and row["files"] == len(ladder.bits) + 1
    assert read_bundle(folder).maps == (2 if name == "dqnet, projections" else 1)
    assert json.loads((folder / "notes.json").read_text()) == {"model": "resnet8"}
    logits = run_rungs(folder, images)
    np.testing.assert_allclose(logits, expected, atol=1e-4 * np.abs(expected).max())
    ends = ends_of(ladder, expected)
    margins = np.stack([margin_of(of_rung) for of_rung in expected])
    np.testing.assert_array_equal(ends, climb(margins, ladder.rows[-1].margins))
    np.testing.assert_array_equal(np.bincount(ends), [4, 4] if len(ladder.bits) == 2 else [4, 2, 2])
    answers, choices = run_in_mindspore(folder, images)
    np.testing.assert_array_equal(choices[:, 0, 0], ends)
    np.testing.assert_array_equal(answers, logits[ends, np.arange(8)])
    bundle = read_bundle(folder)
    assert bundle.ladder == ladder
    plans = np.arange(len(ladder.bits))[:, None, None]
    np.testing.assert_array_equal(bundle.cost().of_plan(plans), ladder.costs)


@pytest.mark.slow
def test_a_bundle_of_one_plan_is_one_file(digits, tmp_path):
    system, images = at_several_widths("abn"), digits.batch(np.arange(4))
    system.forced = np.arange(system.controller.slots)[:, None] % 3
    expected, plan = network_answers(system, images)
    assert export_bundle(system, digits, {}, tmp_path / "bundle", 3)["files"] == 1
    logits, choices = run_in_mindspore(tmp_path / "bundle", images)
    np.testing.assert_allclose(logits, expected, atol=1e-4 * np.abs(expected).max())
    bitops = read_bundle(tmp_path / "bundle").cost().of_plan(None)
    assert choices.size == 0 and bitops == system.cost.of_plan(plan)[0]


def test_the_table_is_read_as_it_was_written(tmp_path):
    write_bundle(BUNDLE, tmp_path)
    assert read_bundle(tmp_path) == BUNDLE
    assert "usual=1\n" in (tmp_path / FILE).read_text()


@pytest.mark.parametrize(
    "old, new",
    [("again=90 290\n", ""), ("[ladder]", "[stage]"), ("margins=0.30000000000000004", "margins=low"),
     ("margins=0.30000000000000004\n", ""), ("costs=100 300", "costs=100"), ("top1=1.0", "top1=0.2")],
)  # fmt: skip
def test_a_damaged_table_is_named(old, new, tmp_path):
    write_bundle(BUNDLE, tmp_path)
    text = (tmp_path / FILE).read_text()
    assert text.count(old) == 1
    (tmp_path / FILE).write_text(text.replace(old, new))
    with pytest.raises(UserError, match=f"{FILE} is damaged"):
        read_bundle(tmp_path)
