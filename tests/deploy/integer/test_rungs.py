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
"""Networks that run at several widths, as integers: answers and price of each width, and escalation, are
the network's."""

import mindspore as ms
import numpy as np
import pytest

from src.cost.ladder import climb, fit, margin_of
from src.deploy.compare import rung_answers
from src.deploy.integer.lower import lower
from src.engine.oracle import Oracle
from src.engine.rungs import ladder_of, pass_costs, rungs_of
from src.train.escalate import bare_ladder
from tests.deploy.ladders import SEVERAL_WIDTHS, at_several_widths

COUNT = 6
FEW = ("dqt", "abn")  # the others are slow
CASES = [pytest.param(name, marks=() if name in FEW else pytest.mark.slow) for name in SEVERAL_WIDTHS]


@pytest.fixture(scope="module", params=CASES)
def case(request, digits, picture):
    """(system, its program, images, the network's logits at each width): a module's own network."""
    ms.set_context(mode=ms.PYNATIVE_MODE)
    try:
        system, some = at_several_widths(request.param), np.arange(COUNT)
        program = lower(system, picture, {})
        logits = np.stack(rung_answers(system, digits.batch(some), system.widths))
    finally:
        ms.set_context(mode=ms.GRAPH_MODE)
    return system, program, digits.pixels(some), logits


def test_every_width_gives_the_networks_answers(case):
    """Each with its own row of statistics."""
    system, program, images, expected = case
    for bits, logits in zip(system.widths, expected, strict=True):
        found, _ = Oracle(program).climb(images, rungs_of(program, (bits,)))
        real = found * 2.0 ** -program.notes["exponent"]
        difference = np.abs(real - logits).max(1) / np.abs(logits).max(1)
        assert np.median(difference) < 1e-3, bits


def test_every_pass_costs_what_training_counts(case):
    system, program, _, _ = case
    bare = bare_ladder(system)
    assert pass_costs(program, bare.bits) == (bare.costs, bare.again)


def test_a_fitted_ladder_escalates_as_in_training(case):
    system, program, images, expected = case
    bare, real = bare_ladder(system), np.stack([margin_of(one) for one in expected])
    right = expected.argmax(2) == expected[-1].argmax(1)
    ladder = fit(bare.bits, bare.costs, bare.again, real, right)
    program.notes["ladder"] = ladder.as_integers(program.notes["exponent"]).as_dict()
    for row in ladder_of(program).rows:
        path = [system.widths.index(bits) for bits in row.bits]
        _, ends = Oracle(program).climb(images, rungs_of(program, row.bits, row.margins))
        thresholds = np.array(row.margins) * 2.0 ** -program.notes["exponent"]
        np.testing.assert_array_equal(ends, climb(real[path], tuple(thresholds)))
