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
"""The shuffle test: nobody keeps its plan, the numbers against SciPy, and choices that pay or do not."""

import logging

import numpy as np
import pytest
from scipy import stats

from src.config import load_config
from src.cost.bitops import CostModel
from src.cost.ladder import Row
from src.runtime import Runtime
from src.train.results import evaluate_split
from src.train.run_folder import RunFolder
from src.train.shuffle import others, p_of_fall
from tests.train.planned import numbers, planned, tables

CPU = Runtime("CPU")
MANY = 200


def test_every_image_gets_another_s_plan():
    donor = others(50, seed=3)
    assert sorted(donor) == list(range(50)) and (donor != np.arange(50)).all()
    np.testing.assert_array_equal(donor, others(50, seed=3))
    assert (donor != others(50, seed=4)).any()
    assert others(1, 0).tolist() == [0]


@pytest.mark.parametrize("lost, won", [(0, 0), (5, 0), (30, 18), (18, 30), (900, 800)])
def test_p_of_a_fall_is_the_exact_sign_test(lost, won):
    own = np.repeat([True, False, True, False], [lost, won, 40, 7])
    shuffled = np.repeat([False, True, True, False], [lost, won, 40, 7])
    expected = stats.binom.sf(lost - 1, lost + won, 0.5)
    assert p_of_fall(own, shuffled) == pytest.approx(expected, rel=1e-9)


@pytest.fixture
def evaluated(monkeypatch, tmp_path, caplog):
    monkeypatch.setattr("src.train.results.load_split", lambda *_: numbers(MANY))
    config = load_config(None, ["data.eval_batch_size=50", "data.workers=1"])

    def run(system) -> dict:
        with caplog.at_level(logging.INFO, "dynquant"):
            return evaluate_split(config, system, RunFolder(tmp_path), CPU, "test")

    return run


def test_a_choice_that_follows_hardness_pays(evaluated, caplog):
    """Images that 2 bits answer wrongly get 8."""
    logits = tables(MANY)
    is_hard = logits[0].argmax(1) != np.arange(MANY) % 5
    own = np.repeat(np.where(is_hard, 2, 0)[:, None], 2, 1)
    found = evaluated(planned(logits, own))
    assert found["choice_pays"] is True and found["shuffled_top1"] < found["top1"]
    assert found["shuffled_p"] < 0.001 and found["hardness_correlation"] > 0.5
    assert "the choice of widths pays" in caplog.text


@pytest.mark.parametrize("controller, told", [(0, False), (60, False), (61, True)])
def test_a_controller_that_costs_more_than_it_can_save_is_told(evaluated, caplog, monkeypatch, controller, told):
    system = planned(tables(MANY), np.zeros((MANY, 2), int))
    narrow, wide = (system.cost.with_dynamic_at(bits) for bits in (system.widths[0], system.widths[-1]))
    monkeypatch.setattr("src.train.evaluate._runs_controller", lambda system: bool(controller))
    monkeypatch.setattr(CostModel, "controller_bitops", lambda self: wide - narrow + controller - 60)
    evaluated(system)
    assert ("with its controller an image costs" in caplog.text) == told


def test_a_choice_at_random_is_called_worthless(evaluated, caplog):
    own = np.random.default_rng(2).integers(0, 3, (MANY, 2))
    found = evaluated(planned(tables(MANY), own))
    assert found["choice_pays"] is False and abs(found["hardness_correlation"]) < 0.2
    assert [r.levelname for r in caplog.records if r.levelname != "INFO"] == ["WARNING"]
    assert "the choice of widths is worth nothing beyond chance: top-1 " in caplog.text


def test_shuffled_plans_are_those_of_others(evaluated):
    logits = tables(MANY)
    own = np.random.default_rng(1).integers(0, 3, (MANY, 2))
    found = evaluated(planned(logits, own))
    theirs, images = own[others(MANY, load_config(None, []).train.seed)], np.arange(MANY)
    mean = (logits[theirs[:, 0], images] + logits[theirs[:, 1], images]) / 2
    assert found["shuffled_top1"] == pytest.approx((mean.argmax(1) == images % 5).mean())


def test_escalation_is_shuffled_by_rung(evaluated):
    logits, images = tables(MANY), np.arange(MANY)
    system = planned(logits, looks=False)
    system.climbing = Row((2, 8), (1.5,), 0.0, 0.0)
    found = evaluated(system)
    top = np.sort(logits[0], 1)
    ends = np.where(top[:, -1] - top[:, -2] < 1.5, 2, 0)
    theirs = ends[others(MANY, load_config(None, []).train.seed)]
    for name, rung in (("top1", ends), ("shuffled_top1", theirs)):
        assert found[name] == (logits[rung, images].argmax(1) == images % 5).mean()
    assert found["shuffled_top1"] < found["top1"] and found["hardness_correlation"] > 0.2
