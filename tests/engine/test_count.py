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
"""What is counted on a program equals what the cost model says of the network it was lowered from."""

import mindspore as ms
import numpy as np
import pytest

from src.deploy.integer.lower import Picture, lower
from src.engine.count import Counts
from tests.engine.programs import untied
from tests.methods.build import SIDE, method

PICTURE = Picture(SIDE, np.tile(np.linspace(-2, 2, 256, dtype=np.float32), (3, 1)))
DQT = ["method.name=dqt", "dqt.pool=2", "dqt.hidden=8"]
LSQ = ["method.name=static", "quant.quantizer=lsq", "quant.w_bits=4", "quant.a_bits=3"]
NETWORKS = {
    "static": [*LSQ, "quant.first_last=8", "model.shortcut=B"],
    "dqnet": ["method.name=dqnet", "quant.quantizer=lsq", "dqnet.tied=false"],
    "dqt": [*DQT, "quant.first_last=8"],
}


@pytest.fixture(autouse=True)
def _pynative():
    """Lowering reads many small results once: no graphs have to be compiled for that."""
    ms.set_context(mode=ms.PYNATIVE_MODE)
    yield
    ms.set_context(mode=ms.GRAPH_MODE)


@pytest.mark.parametrize("name", NETWORKS)
def test_counts_are_those_of_the_cost_model(name):
    built = method(*NETWORKS[name])
    counts, cost = Counts(lower(built, PICTURE, {})), built.cost
    plan, w_bits, a_bits = None, np.zeros((1, 0)), np.zeros((1, 0))
    if built.head is not None:
        columns = 2 if name == "dqnet" else 1
        shape = (5, len(cost.dynamic), columns)
        plan = np.random.default_rng(0).integers(0, len(built.widths), shape)
        bits = np.array(built.widths)[plan]
        w_bits, a_bits = bits[:, :, 0], bits[:, :, -1]
    np.testing.assert_array_equal(counts.bitops(plan), cost.of_widths(w_bits, a_bits))
    np.testing.assert_array_equal(counts.width_changes(plan), cost.width_changes(w_bits, a_bits))
    assert counts.fixed() == cost.fixed()
    assert (counts.float_macs, counts.controller_macs) == (cost.float_macs(), cost.controller_macs)
    assert [x.macs for x in counts.dynamic] == [x.macs for x in cost.dynamic]
    if plan is None:
        assert counts.mean_bits(None).tolist() == [3.5]
    else:
        np.testing.assert_allclose(counts.mean_bits(plan), (w_bits + a_bits).mean(1) / 2)


def test_a_layer_by_hand():
    """Slot 0 of this program: 2 groups, 4 -> 6 channels, 3x3, stride 2, 8 -> 4 pixels; 2/4/8 bits."""
    counts = Counts(untied())
    layer = counts.dynamic[0]
    assert (layer.weights, layer.inputs, layer.macs) == (6 * 2 * 9, 4 * 64, 6 * 2 * 9 * 16)
    assert counts.price(0, np.array([2, 1])) == layer.macs * 8 * 4
    plan = np.full((1, 3, 2), 2)
    assert counts.width_changes(plan).tolist() == [0]
    plan[0, 0, 0] = 0
    assert counts.width_changes(plan).tolist() == [layer.weights]
    assert counts.widths(plan)[0].tolist() == [[2, 8, 8]]
    assert counts.width_changes(plan, master=2).tolist() == [
        sum(x.weights for x in counts.dynamic[1:]) + sum(x.inputs for x in counts.dynamic)
    ]
