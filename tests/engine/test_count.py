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
from src.engine.artefact import load_artefact, save_artefact
from src.engine.check import check
from src.engine.count import cost_of, layer_cost
from tests.engine.programs import static, untied
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


@pytest.mark.parametrize("name", ["dqnet", "dqt"])
def test_layers_of_a_file_have_the_networks_names(name, tmp_path):
    """So that a plan means the same to both (cost/named_plans.py)."""
    built, file = method(*NETWORKS[name]), tmp_path / "net.safetensors"
    save_artefact(lower(built, PICTURE, {}), file)
    dynamic = cost_of(load_artefact(file)).dynamic
    assert [(x.name, x.slot) for x in dynamic] == [(x.name, x.slot) for x in built.cost.dynamic]


@pytest.mark.parametrize("name", NETWORKS)
def test_counts_are_those_of_the_cost_model(name):
    built = method(*NETWORKS[name])
    counted, cost = cost_of(lower(built, PICTURE, {})), built.cost
    plan, w_bits, a_bits = None, np.zeros((1, 0)), np.zeros((1, 0))
    if built.controller is not None:
        columns = 2 if name == "dqnet" else 1
        shape = (5, len(cost.dynamic), columns)
        plan = np.random.default_rng(0).integers(0, len(built.widths), shape)
        bits = np.array(built.widths)[plan]
        w_bits, a_bits = bits[:, :, 0], bits[:, :, -1]
    for ours, theirs in zip(counted.widths(plan), (w_bits, a_bits), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(counted.of_plan(plan), cost.of_widths(w_bits, a_bits))
    changes = cost.width_changes(w_bits, a_bits)
    np.testing.assert_array_equal(counted.width_changes(*counted.widths(plan)), changes)
    assert counted.fixed() == cost.fixed()
    assert counted.uniform(4) == cost.uniform(4)
    assert counted.float_macs() == cost.float_macs()
    assert counted.controller_macs == cost.controller_macs
    assert [x.macs for x in counted.dynamic] == [x.macs for x in cost.dynamic]
    bits = 3.5 if plan is None else (w_bits + a_bits).mean(1) / 2
    np.testing.assert_allclose(counted.mean_bits(w_bits, a_bits, axis=1), bits)


def test_a_layer_by_hand():
    """Slot 0 of this program: 2 groups, 4 -> 6 channels, 3x3, stride 2, 8 -> 4 pixels; 2/4/8 bits."""
    cost = cost_of(untied())
    layer = cost.dynamic[0]
    assert (layer.weights, layer.inputs, layer.macs) == (6 * 2 * 9, 4 * 64, 6 * 2 * 9 * 16)
    assert cost.prices(0, 2)[2, 1] == layer.macs * 8 * 4
    plan = np.full((1, 3, 2), 2)
    assert cost.width_changes(*cost.widths(plan)).tolist() == [0]
    plan[0, 0, 0] = 0
    w_bits, a_bits = cost.widths(plan)
    assert cost.width_changes(w_bits, a_bits).tolist() == [layer.weights]
    assert w_bits.tolist() == [[2, 8, 8]]
    assert cost.width_changes(w_bits, a_bits, master=2).tolist() == [
        sum(x.weights for x in cost.dynamic[1:]) + sum(x.inputs for x in cost.dynamic)
    ]


def test_a_depthwise_layer_by_hand():
    """Operation 3 of this program: 6 groups of one channel, 3x3, on 5 x 4 pixels."""
    program = static()
    cost = layer_cost(program, check(program), 3)
    assert (cost.weights, cost.inputs, cost.macs) == (6 * 9, 6 * 20, 6 * 9 * 20)
    assert (cost.w_bits, cost.a_bits, cost.slot) == ((2,), (3,), None)
