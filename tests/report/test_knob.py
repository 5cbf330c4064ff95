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

from src.report.knob import Setting, nearest
from src.report.load import load_run
from tests.report.fake_escalation import COSTS, WIDTHS, write_escalating_run
from tests.report.fake_run import Fake, write_run


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_escalating_run(tmp_path_factory.mktemp("knob") / "run", images=60)


def test_what_a_run_was_measured_at(folder):
    run = load_run(folder)
    knob = run.knob
    assert [setting.bits for setting in knob.uniform] == [(width,) for width in WIDTHS]
    assert knob.top.bitops == COSTS[-1]
    assert len(knob.ladder) == len(knob.fitted) > 6
    assert sorted(knob.ladder, key=lambda row: row.bitops) == knob.ladder
    assert all(sum(row.shares) == pytest.approx(1) for row in knob.ladder)
    assert {row.found_by for row in knob.tried} == {"random", "greedy", "evolution"}
    assert len(knob.searched) == 10 and len(knob.tried) == 112
    assert run.evaluation.climbs and not run.gaps


def test_a_budget_gives_the_setting_it_is_listed_with(folder):
    from src.cost.ladder import Ladder

    knob = load_run(folder).knob
    ladder = Ladder.from_dict(json.loads((folder / "ladder.json").read_text()))
    listed = [(knob.budget_of(setting), setting) for setting in knob.ladder]
    assert sum(budget is not None for budget, _ in listed) > 6
    for budget, setting in listed:
        if budget is not None:
            row = ladder.at(budget)
            assert (row.bits, row.margins) == (setting.bits, setting.margins)
    assert knob.budget_of(Setting(1e6, 0.5, (2, 4), (1.25,))) is None


def test_an_older_run_has_no_knob(tmp_path):
    run = load_run(write_run(tmp_path / "run", Fake(images=20)))
    assert not any(vars(run.knob).values())
    assert run.knob.top is None and not run.evaluation.climbs and "knob" not in run.gaps


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("eval/ladder.json", "[{"),
        ("eval/ladder.json", '{"rows": 3}'),
        ("eval/ladder.json", '[{"bits": [2, 4], "margins": [], "bitops": 1, "top1": 0.5}]'),
        ("eval/ladder.json", '[{"bits": [2], "margins": [], "bitops": null, "top1": 0.5}]'),
        ("ladder.json", '{"bits": [2, 4]}'),
        ("search.json", '{"tried": [{"method": "random"}]}'),
        ("search.json", "[]"),
        ("eval/test_3bit.json", '{"top1": 0.5}'),
    ],
)
def test_a_damaged_file_is_told_and_the_others_are_read(tmp_path, name, text):
    folder = write_escalating_run(tmp_path / "run", images=40)
    (folder / name).write_text(text)
    run = load_run(folder)
    assert run.gaps["knob"].what.startswith(f"{name} cannot be read")
    assert len(run.knob.uniform) >= 2 and run.evaluation is not None
    assert bool(run.knob.ladder) == (name != "eval/ladder.json")


def test_an_agents_budgets_are_settings_with_their_controller(tmp_path):
    folder = write_run(tmp_path / "run", Fake(method="abn", images=20))
    for budget, cost in (("250", 240e6), ("120.5", 118e6)):
        totals = {"top1": 0.9, "bitops": cost, "bitops_controller": 2e6}
        (folder / f"eval/test_{budget}M.json").write_text(json.dumps(totals))
    escalated = {"top1": 0.9, "bitops": 1e8, "rungs": {"bits": [2, 4]}}
    (folder / "eval/test_100M.json").write_text(json.dumps(escalated))
    found = load_run(folder).knob.budgets
    assert [(setting.budget, setting.bitops) for setting in found] == [(120.5e6, 120e6), (250e6, 242e6)]


def test_where_an_agent_keeps_to_budgets_none_gives_a_setting_of_the_ladder(tmp_path):
    folder = write_escalating_run(tmp_path / "run", images=60)
    totals = {"top1": 0.9, "bitops": 240e6, "bitops_controller": 2e6}
    (folder / "eval/test_250M.json").write_text(json.dumps(totals))
    knob = load_run(folder).knob
    assert knob.ladder and [knob.budget_of(setting) for setting in knob.ladder] == [None] * len(knob.ladder)


def test_the_nearest_setting():
    settings = [Setting(100.0, 0.8), Setting(200.0, 0.9), Setting(200.0, 0.91)]
    assert [nearest(settings, *wanted) for wanted in ((110, 0.9), (190, 0.91), (None, None))] == [0, 2, 0]
