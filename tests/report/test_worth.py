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
import pytest

from src.report.load import load_run
from src.report.worth import pays, worth
from tests.report.fake_run import Fake, write_run

TOTALS = {"top1": 0.912, "shuffled_top1": 0.901, "hardness_correlation": 0.42}
OWN = {"shuffled_p": 0.004, "choice_pays": True}


@pytest.fixture
def run(tmp_path):
    return load_run(write_run(tmp_path / "run", Fake(images=40)))


def said(run, **totals) -> str:
    run.evaluation.totals.update(totals)
    return worth(run).replace("\u00a0", " ").replace("&#x27;", "'")


def test_a_choice_that_pays(run):
    text = said(run, **TOTALS, **OWN)
    assert "The choice of widths pays." in text and 'class="warning"' not in text
    assert "90.10 % are right in place of 91.20 %: a fall of 1.10 points" in text
    assert "p = 0.004" in text and "+0.42; hard images cost more." in text


def test_a_choice_that_is_worth_nothing(run):
    text = said(run, **TOTALS | {"shuffled_top1": 0.9119, "hardness_correlation": -0.02}, choice_pays=False)
    assert 'class="warning"' in text and "worth nothing beyond chance" in text
    assert "does not follow how hard it is" in text


def test_the_evaluations_own_verdict_counts():
    assert pays(TOTALS) and not pays(TOTALS | {"choice_pays": False})
    assert not pays({"top1": 0.9, "shuffled_top1": 0.9})


def test_an_older_evaluation_is_asked_for(run):
    assert "has no shuffle test" in said(run) and "eval.py --run" in said(run)


def test_nothing_is_said_where_nothing_is_chosen(tmp_path):
    static = load_run(write_run(tmp_path / "static", Fake(method="static", dynamic=0, images=20)))
    same = load_run(write_run(tmp_path / "same", Fake(collapsed=True, images=20)))
    assert worth(static) == worth(same) == ""
