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
"""A frozen network held at a plan gives the answers that the network gives at that plan."""

import numpy as np
import pytest
from mindspore import Tensor

from src.deploy.compare import network_answers, rung_answers
from src.deploy.held import HeldNetwork
from tests.deploy.ladders import SEVERAL_WIDTHS, at_several_widths
from tests.methods.build import images

pytestmark = pytest.mark.usefixtures("pynative")


@pytest.mark.parametrize(
    "name", ["dqt", *(pytest.param(n, marks=pytest.mark.slow) for n in SEVERAL_WIDTHS if n != "dqt")]
)
def test_at_every_width(name):
    """In one graph, and with the stem apart; every width has answers, and statistics, of its own."""
    system, x = at_several_widths(name), images(3)
    expected = rung_answers(system, x, system.widths)
    assert system.forced is None
    held = HeldNetwork(system)
    kept = held.stem()(Tensor(x))
    maps = kept if isinstance(kept, tuple) else (kept,)
    for k, logits in enumerate(expected):
        for got in (held.whole(k)(Tensor(x)), held.tail(k)(*maps)):
            np.testing.assert_allclose(got.asnumpy(), logits, atol=1e-4 * np.abs(expected).max())
    assert np.abs(expected[1:] - expected[:-1]).max((1, 2)).min() > 1e-2


def test_at_a_plan_of_different_widths():
    system, x = at_several_widths("abn, weights and inputs apart"), images(3)
    slots, columns = system.controller.slots, system.controller.columns
    plan = np.random.default_rng(0).integers(0, len(system.widths), (slots, columns))
    draws = (system.controller.one_hot(np.tile(plan, (1, len(x), 1, 1))),)
    expected, _ = system.answer(x, draws)
    widest, _ = network_answers(system, x)
    assert np.abs(widest - expected).max() > 1e-2
    got = HeldNetwork(system).whole(plan)(Tensor(x)).asnumpy()
    np.testing.assert_allclose(got, expected, atol=1e-4 * np.abs(expected).max())
