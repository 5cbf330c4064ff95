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
"""Escalation in evaluation against the rungs run by hand, and the ladder of a run."""

import json

import numpy as np
import pytest
from mindspore import Tensor

from src.config import load_config
from src.cost.ladder import Ladder, Row
from src.data import Loader
from src.deploy.integer.lower import Picture, lower
from src.engine.count import kept_bitops
from src.errors import UserError
from src.runtime import Runtime
from src.train.asked import take_budget, take_plan
from src.train.escalate import Rungs, at_width, bare_ladder, ending_at, escalated
from src.train.evaluate import evaluate, summarise
from src.train.results import evaluate_run, evaluate_split
from src.train.run_folder import RunFolder
from src.train.run_ladder import fit_ladder, forget_ladder, read_ladder
from tests.methods.build import SIDE, method
from tests.train.planned import COUNT, WIDTHS, numbers, planned, tables

CPU = Runtime("CPU")
ROW = Row((2, 8), (1.5,), 0.0, 0.0)
FIRST = np.array([960 + 300 * b * b for b in WIDTHS])  # BitOPs of a first pass


def loader(count: int = COUNT) -> Loader:
    return Loader(numbers(count), 16, train=False, workers=0)


@pytest.fixture(scope="module")
def built():
    return planned(tables(), looks=False)


@pytest.fixture(scope="module")
def rungs(built):
    return Rungs(built, loader(), CPU)


def test_costs_of_passes_leave_out_what_they_share(built):
    ladder = bare_ladder(built)
    assert ladder.bits == WIDTHS
    np.testing.assert_array_equal(ladder.costs, FIRST)
    np.testing.assert_array_equal(ladder.again, FIRST - 800)


@pytest.mark.parametrize(
    "options",
    [
        ("method.name=dqt", "quant.first_last=8"),
        ("method.name=dqt", "quant.exceptions={layer1.0.conv1: 4}"),
        ("method.name=dqt", "dqt.norm=shared", "quant.exceptions={layer1.0.conv1: 4}"),
        ("method.name=abn", "quant.exceptions={layer1.0.conv1: 4}"),
    ],
)
def test_what_passes_share_is_what_an_engine_keeps(options, pynative):
    """A layer of fixed width in front of the dynamic ones is shared, unless its statistics are not."""
    built, rng = method("quant.quantizer=nested", *options), np.random.default_rng(0)
    for parameter in built.network.get_parameters():
        if parameter.name.endswith("moving_mean"):
            parameter.set_data(Tensor(rng.normal(size=parameter.shape).astype(np.float32)))
    ladder = bare_ladder(built)
    pixels = np.tile(np.linspace(-2, 2, 256, dtype=np.float32), (3, 1))
    program = lower(built, Picture(SIDE, pixels), {})
    kept = kept_bitops(program)
    assert [c - a for c, a in zip(ladder.costs, ladder.again, strict=True)] == [kept] * 3
    per_width = options[0] == "method.name=dqt" and "dqt.norm=shared" not in options
    assert (kept == 0) == (per_width and "quant.first_last=8" not in options)


def test_it_equals_running_the_rungs_by_hand(built, rungs):
    answers, logits = escalated(bare_ladder(built), ROW, rungs), tables()
    for n in range(COUNT):
        best = np.sort(logits[0, n])
        goes_on = best[-1] - best[-2] < 1.5
        end = 2 if goes_on else 0
        assert answers.rung[n] == goes_on
        assert answers.predicted[n] == logits[end, n].argmax()
        assert answers.w_bits[n].tolist() == [WIDTHS[end]] * 2
        assert answers.bitops[n] == FIRST[0] + goes_on * (FIRST[2] - 800)
        # the pass at 8 bits, the master's, changes nothing
        assert answers.width_changes[n] == 24
    assert 0 < answers.rung.mean() < 1


def test_a_width_is_run_once(built, monkeypatch):
    runs = []
    monkeypatch.setattr(
        "src.train.escalate.evaluate",
        lambda system, *_: runs.append(system.forced) or evaluate(system, *_),
    )
    own = Rungs(built, loader(), CPU)
    escalated(bare_ladder(built), ROW, own)
    escalated(bare_ladder(built), ROW, own)
    assert runs == [0, 2] and built.forced is None


def test_images_can_be_made_to_end_elsewhere(built, rungs):
    ends = np.arange(COUNT) % 2
    answers = ending_at(bare_ladder(built), ROW, rungs, ends)
    np.testing.assert_array_equal(answers.predicted[::2], rungs[2].predicted[::2])
    np.testing.assert_array_equal(answers.predicted[1::2], rungs[8].predicted[1::2])
    np.testing.assert_array_equal(answers.rung, ends)


def test_a_setting_in_force_is_told(built, rungs):
    answers = escalated(bare_ladder(built), ROW, rungs)
    assert not built.chooses
    built.climbing = ROW
    try:
        assert built.chooses
        told = summarise(built, answers)["rungs"]
        with at_width(built, 4):
            assert built.climbing is None and not built.chooses
    finally:
        built.climbing = None
    assert told["bits"] == [2, 8] and told["margins"] == [1.5]
    assert told["shares"] == pytest.approx([1 - answers.rung.mean(), answers.rung.mean()])


@pytest.fixture
def run(monkeypatch, tmp_path):
    """(configuration, run folder) on data of numbers: 40 held-out images, 35 in the test set."""
    sizes = {"val": COUNT, "test": 35}
    for room in ("results", "run_ladder"):
        monkeypatch.setattr(f"src.train.{room}.load_split", lambda _, split: numbers(sizes[split]))
    config = load_config(None, ["data.val_split=0.1", "data.eval_batch_size=16", "data.workers=1"])
    return config, RunFolder(tmp_path)


def written(folder: RunFolder, name: str) -> dict:
    return json.loads((folder.path / name).read_text())


def test_what_a_finished_run_keeps(run):
    """Thresholds come from the held-out images, and what they do on the test set stands beside them."""
    config, folder = run
    built = planned(tables(), looks=False)
    test_numbers = evaluate_run(config, built, folder, CPU)
    ladder = read_ladder(folder, built)
    assert ladder == fit_ladder(config, built, CPU)
    assert test_numbers == written(folder, "eval/test.json")
    row = ladder.cheapest_like_top()
    assert test_numbers["rungs"]["bits"] == list(row.bits) and len(row.bits) > 1
    rungs = Rungs(planned(tables(), looks=False), loader(35), CPU)
    for found, one in zip(written(folder, "eval/ladder.json")["rows"], ladder.rows, strict=True):
        answers = escalated(ladder, one, rungs)
        assert (found["bits"], found["margins"]) == (list(one.bits), list(one.margins))
        assert (found["held_out_bitops"], found["held_out_top1"]) == (one.bitops, one.top1)
        assert (found["bitops"], found["top1"]) == (answers.bitops.mean(), answers.right.mean())
        assert found["shares"] == [(answers.rung == rung).mean() for rung in range(len(one.bits))]
        if one == row:
            assert (test_numbers["bitops"], test_numbers["top1"]) == (
                found["bitops"],
                found["top1"],
            )
    for bits in WIDTHS:
        of_width = written(folder, f"eval/test_{bits}bit.json")
        assert of_width["top1"] == rungs[bits].right.mean() and of_width["mean_bits"] == bits
    with np.load(folder.path / "eval/test.npz") as arrays:
        assert arrays["rung"].dtype == np.uint8 and set(arrays["rung"]) == set(range(len(row.bits)))
        assert arrays["margin"].shape == (35,)


def test_a_controller_that_looks_keeps_its_own_answers(run):
    config, folder = run
    own = np.random.default_rng(0).integers(0, 3, (COUNT, 2))
    test_numbers = evaluate_run(config, planned(tables(), own), folder, CPU)
    assert "rungs" not in test_numbers and test_numbers["shuffled_top1"] >= 0
    assert (folder.path / "ladder.json").is_file()


def test_a_budget_takes_its_row(run):
    config, folder = run
    built = planned(tables(), looks=False)
    assert take_budget(config, built, folder, CPU, None, True) == "" and built.climbing is None
    suffix = take_budget(config, built, folder, CPU, 9000.0, True)
    ladder = read_ladder(folder, built)  # made, since it was missing
    assert built.climbing == ladder.at(9000)
    assert suffix == "_0.009M"
    assert evaluate_split(config, built, folder, CPU, "test", suffix=suffix)["rungs"]
    assert (folder.path / "eval/test_0.009M.npz").is_file()
    own = planned(tables(), looks=False)
    take_budget(config, own, folder, CPU, None, True)
    assert own.climbing == ladder.cheapest_like_top()
    forget_ladder(folder)
    assert read_ladder(folder, built) is None
    with pytest.raises(UserError, match="a budget of 0.001 M BitOPs: .* allow at least"):
        take_budget(config, built, folder, CPU, 1000.0, True)


def test_a_controller_that_minds_a_budget_is_told(run):
    config, folder = run
    built = planned(tables(), looks=True)
    assert take_budget(config, built, folder, CPU, 9000.0, True) == "_0.009M"
    assert built.controller.budget == 9000 and built.climbing is None
    assert not (folder.path / "ladder.json").exists()


def test_a_network_with_new_statistics_does_not_use_the_run_s_ladder(run):
    config, folder = run
    take_budget(config, planned(tables(), looks=False), folder, CPU, 9000.0, True)
    before = (folder.path / "ladder.json").read_text()
    other = planned(tables(seed=1), looks=False)
    take_budget(config, other, folder, CPU, 9000.0, False)
    assert other.climbing == fit_ladder(config, other, CPU).at(9000)
    assert (folder.path / "ladder.json").read_text() == before


def test_ladders_that_cannot_be_climbed_are_named(run):
    config, folder = run
    built = planned(tables(), looks=False)
    config.data.val_split = 0.0
    with pytest.raises(UserError, match="no image was held out .*data.val_split=0"):
        take_budget(config, built, folder, CPU, 9000.0, True)
    path = folder.path / "ladder.json"
    path.write_text("{")
    with pytest.raises(UserError, match="ladder.json holds no ladder: .*delete it"):
        read_ladder(folder, built)
    costs = tuple(int(c) for c in FIRST)
    other = Ladder(WIDTHS, costs, costs, (0.5, 0.6, 0.7), (Row((8,), (), 5.0, 0.7),))
    path.write_text(json.dumps(other.as_dict()))
    with pytest.raises(UserError, match="ladder.json is of another network"):
        read_ladder(folder, built)


def test_a_plan_for_all_images(run, tmp_path):
    config, folder = run
    built = planned(tables(), looks=False)
    assert take_plan(built, "4") == "_4bit" and built.forced == 1
    path = tmp_path / "mine.json"
    path.write_text('{"a": 8, "*": 2}')
    assert take_plan(built, str(path)) == "_plan_mine"
    found = evaluate_split(config, built, folder, CPU, "test", suffix="_mine")
    assert found["bitops"] == 960 + 100 * 64 + 200 * 4 and "shuffled_top1" not in found
    logits = tables()[[2, 0]].mean(0)[:35]
    assert found["top1"] == (logits.argmax(1) == np.arange(35) % 5).mean()
    path.write_text('{"*": 2}')
    take_plan(built, str(path))
    assert built.forced == 0
    with pytest.raises(UserError, match="--plan 3: this network has only 2, 4, 8"):
        take_plan(built, "3")
