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
"""An epoch is judged by the mean of several evaluations; a collapse is told."""

import logging
from types import SimpleNamespace

import pytest

from src.data import Loader
from src.runtime import Runtime
from src.train.batches import Loaders
from src.train.evaluate import evaluate, summarise
from src.train.judge import Judge
from tests.train.planned import COUNT, numbers, planned, tables


def test_the_mean_over_what_it_is_judged_at(caplog):
    """Here the narrowest and the widest of three widths, whatever the network is forced to otherwise."""
    system, runtime = planned(tables()), Runtime("CPU")
    loader = Loader(numbers(), COUNT, train=False, workers=0)
    expected = []
    for system.forced in (0, 2):
        expected.append(summarise(system, evaluate(system, loader, runtime)))
    system.forced, system.judged_at = 1, (0, 2)
    with caplog.at_level(logging.INFO, logger="dynquant"):
        found = Judge("dqnet", system, Loaders(None, loader, True), runtime, 0).judge(3)
    assert found == {n: pytest.approx((expected[0][n] + expected[1][n]) / 2) for n in ("loss", "top1", "top5")}
    assert system.forced == 1
    told = "; ".join(f"{n['top1']:.2%}, {n['mean_bits']:.2f} bits, 0.0 M BitOPs" for n in expected)
    assert f"dqnet epoch 3: held-out top-1 {told} (" in caplog.text


def test_a_collapse_is_told_once_and_so_is_its_end(caplog):
    judge = Judge("dqnet", SimpleNamespace(against_collapse="lower beta"), None, None, 0)
    with caplog.at_level(logging.INFO, logger="dynquant"):
        for is_collapsed in (False, True, True, False, False, True):
            judge.tell_collapse(is_collapsed)
    told = [record.getMessage().split(":")[0] for record in caplog.records]
    again = "the controller chooses between images again"
    assert told == ["the controller has collapsed", again, "the controller has collapsed"]
