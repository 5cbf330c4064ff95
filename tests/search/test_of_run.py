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
"""A search over a system's plans: what search.json holds, that it repeats, and what cannot be searched."""

import json
from pathlib import Path

import numpy as np
import pytest

import search as search_script
from src.config import load_config
from src.cost.bitops import CostModel
from src.cost.named_plans import to_choices
from src.entry import guarded
from src.errors import UserError
from src.methods.base import System
from src.runtime import Runtime
from src.search import of_run
from src.search.of_run import Settings, search_run
from src.train.run_folder import RunFolder
from tests.train.planned import COST, COUNT, Planned, numbers, planned, tables

SMALL = Settings(budgets=(12000.0, 6000.0), random=2, population=3, generations=1)


@pytest.fixture(scope="module")
def built():
    return planned(tables(), looks=False)


@pytest.fixture
def searched(monkeypatch, tmp_path, built, pynative):
    """settings -> search.json, on 40 held-out images and a test set of 35."""
    sizes = {"val": COUNT, "test": 35}
    monkeypatch.setattr("src.search.of_run.load_split", lambda _, split: numbers(sizes[split]))
    config = load_config(None, ["data.val_split=0.1", "data.eval_batch_size=16", "data.workers=1"])
    (tmp_path / "ckpt").mkdir()
    (tmp_path / "ckpt/last.ckpt").write_bytes(b"weights")

    def run(settings: Settings = SMALL, system: System | None = None) -> dict:
        system = system or built
        returned = search_run(config, system, RunFolder(tmp_path), Runtime("CPU"), settings)
        assert system.forced is None
        written = json.loads((tmp_path / "search.json").read_text())
        assert written == json.loads(json.dumps(returned))
        return written

    run.config = config
    return run


def top1_of(plan: dict, images: int) -> float:
    rungs = to_choices(plan, COST, 1)[:, 0]
    logits = tables()[rungs, :images].mean(0)
    return (logits.argmax(1) == np.arange(images) % 5).mean()


def test_what_is_kept(searched):
    found = searched()
    assert found["budgets"] == [6000, 12000] and found["images"] == COUNT
    assert len({row["widths"] for row in found["tried"]}) == len(found["tried"]) <= 9
    for row in found["tried"]:
        plan = dict(zip(found["layers"], map(int, row["widths"].split()), strict=True))
        assert row["bitops"] == COST.of_plan(to_choices(plan, COST, 1)[None])[0]
        assert row["top1"] == top1_of(plan, COUNT)
    front = found["front"]
    assert all(row["test_top1"] == top1_of(row["plan"], 35) for row in front)
    assert [row["bitops"] for row in front] == sorted({row["bitops"] for row in front})
    picked = {(pick["method"], pick["budget"]) for pick in found["picks"]}
    assert picked == {("uniform", None)} | {
        (by, budget) for by in ("random", "greedy", "evolution") for budget in (6000, 12000)
    }
    for pick in found["picks"]:
        assert pick["budget"] is None or found["tried"][pick["tried"]]["bitops"] <= pick["budget"]


def test_it_repeats_with_its_seed(searched):
    assert searched() == searched()


@pytest.fixture
def measured(monkeypatch):
    """The plans that are measured from here on, on held-out images."""
    plans, measure = [], of_run._Measure.__call__

    def noted(self, plan):
        if len(self.loader.dataset) == COUNT:
            plans.append(plan.tobytes())
        return measure(self, plan)

    monkeypatch.setattr(of_run._Measure, "__call__", noted)
    return plans


def test_a_search_that_was_stopped_goes_on_and_ends_like_one_that_was_not(searched, measured, tmp_path, monkeypatch):
    whole = searched()
    plans = [*measured]
    (tmp_path / "search.json").unlink()
    measured.clear()
    with monkeypatch.context() as stopping:
        stopping.setattr(of_run.algorithms, "greedy", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            searched()
    kept = json.loads((tmp_path / "search.json").read_text())["tried"]
    assert 0 < len(kept) == len(measured) < len(plans)
    assert searched() == whole and measured == plans


def test_what_was_measured_is_not_measured_again(searched, measured, tmp_path):
    whole = searched()
    measured.clear()
    again = searched(Settings(budgets=(9000.0,), by=("uniform", "random"), random=1, goal="top1"))
    known = {row["widths"] for row in whole["tried"]}
    new = {row["widths"] for row in again["tried"]} - known
    assert len(measured) == len(new)
    assert {row["widths"] for row in again["earlier"]} == known - {row["widths"] for row in again["tried"]}
    measured.clear()
    assert searched() | {"earlier": []} == whole and not measured  # as if nothing had been in between
    (tmp_path / "ckpt/last.ckpt").write_bytes(b"trained on")
    searched()
    assert len(measured) == len(whole["tried"])


@pytest.mark.parametrize("tried", ["{", "[1]", "", ', "tried": [{}]', ', "tried": [{"widths": "2 9"}]'])
def test_an_earlier_search_that_is_damaged_is_told(searched, tmp_path, tried):
    file, judge = tmp_path / "search.json", searched()["judge"]
    file.write_text(tried if tried[:1] in ("{", "[") else f'{{"judge": "{judge}", "earlier": []{tried}}}')
    with pytest.raises(UserError, match=r"search.json cannot be read as an earlier search \(.*delete it"):
        searched()


def test_budgets_of_its_own_and_a_part_of_the_images(searched):
    found = searched(Settings(by=("uniform", "random"), images=10, random=1))
    assert found["images"] == 10 and len(found["budgets"]) == 6
    ends = COST.with_dynamic_at(2), COST.with_dynamic_at(8)
    assert ends[0] < min(found["budgets"]) and max(found["budgets"]) < ends[1]
    assert all(
        (row["top1"] * 10) % 1 == pytest.approx(0, abs=1e-6) for row in found["tried"]
    )


def table_of(ms: dict, path: Path) -> Path:
    """As bench.py layers writes it: of each layer, milliseconds by width."""
    layers = [{"name": x.name, "macs": x.macs, "ms": {f"{b}x{b}": t for b, t in ms.items()}} for x in COST.dynamic]
    table = {"machine": "cpu", "isa": "avx2", "threads": 1, "fixed_ms": 1.0, "kept_ms": 0.5, "layers": layers}
    path.write_text(json.dumps({"table": table}))
    return path


def test_budgets_in_milliseconds(searched, tmp_path):
    """2 bits are the slower of the narrow widths here, as on a machine without a kernel for them."""
    table = table_of({2: 2.0, 4: 1.5, 8: 4.0}, tmp_path / "table.json")
    layers = len(COST.dynamic)
    budget = 1 + 2.0 * layers + 0.1
    found = searched(Settings(budgets=(budget,), latency=table, random=3, population=4, generations=2))
    assert found["budgets"] == [budget] and found["latency"] == str(table)
    slow = {2: 2.0, 4: 1.5, 8: 4.0}
    for row in found["tried"]:
        widths = list(map(int, row["widths"].split()))
        assert row["ms"] == pytest.approx(1 + sum(slow[b] for b in widths))
        plan = to_choices(dict(zip(found["layers"], widths, strict=True)), COST, 1)
        assert row["bitops"] == COST.of_plan(plan[None])[0]
    picked = [pick for pick in found["picks"] if pick["budget"] is not None]
    assert picked and all(found["tried"][pick["tried"]]["ms"] <= budget for pick in picked)
    times = [row["ms"] for row in found["front"]]
    assert times == sorted(times)


def test_what_takes_no_less_time_is_not_searched_for(searched, tmp_path):
    table = table_of({2: 4.0, 4: 4.0, 8: 4.0}, tmp_path / "table.json")
    with pytest.raises(UserError, match="fewer bits save no time there"):
        searched(Settings(latency=table))
    with pytest.raises(UserError, match="--latency=.*none.json"):
        searched(Settings(latency=tmp_path / "none.json"))


def test_what_cannot_be_searched_is_named(searched):
    with pytest.raises(
        UserError, match="a budget of 0.002 M BitOPs: the narrowest plan .* 0.00216 M"
    ):
        searched(Settings(budgets=(2000.0,)))
    fixed = System("static", Planned(tables(), np.zeros((COUNT, 2), int), False), [], CostModel([]))
    with pytest.raises(UserError, match="no widths to choose from"):
        searched(SMALL, fixed)
    searched.config.data.val_split = 0.0
    with pytest.raises(UserError, match="there are none: data.val_split=0"):
        searched()


@pytest.mark.parametrize(
    "arguments, says",
    [
        (["--by", "greed"], "--by greed: allowed are uniform, random, greedy, evolution"),
        (["--budgets", "200M,much"], "much: expected a number above 0"),
        ([], "is no run folder"),
    ],
)
def test_bad_input_of_the_script(capsys, tmp_path, arguments, says):
    assert guarded(search_script.main, ["--run", str(tmp_path), *arguments]) == 2
    assert says in capsys.readouterr().err
