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
"""The walker: whatever the list of nodes says, against the same cells called by hand; choosers."""

import numpy as np
import pytest
from mindspore import Tensor

from src.controllers.given import GivenPlan
from src.errors import UserError
from src.layers.activation import NONE, RELU
from src.layers.conv import Conv2d, Dense
from src.layers.dynamic import DynamicConv2d
from src.layers.norm import BatchNorm
from src.layers.pool import Mean
from src.models import build_backbone
from src.models.backbone import CONV, DENSE, HEAD, IMAGE, MEAN, NORM, STEM, Backbone
from src.models.network import Answering, Network
from src.quantizers.lsq import LsqActivation, LsqWeight


def image(count=2) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(count, 3, 5, 5)).astype(np.float32)


def crossed() -> Backbone:
    """Two residuals whose spans cross: x1 is read by the last sum, x0 by the one before it."""
    net, rng = Backbone(), np.random.default_rng(0)
    x = net.add("c0", CONV, Conv2d(3, 3, 1, rng=rng), IMAGE, part=STEM)
    x0 = net.add("n0", NORM, BatchNorm(3, RELU), x, part=STEM)
    x = net.add("c1", CONV, Conv2d(3, 3, 3, 1, 1, rng=rng), x0, part=1)
    x1 = net.add("n1", NORM, BatchNorm(3, NONE), x, part=1)
    x = net.add("c2", CONV, Conv2d(3, 3, 1, rng=rng), x1, part=1)
    x = net.add("n2", NORM, BatchNorm(3, RELU), x, x0, part=1)
    x = net.add("c3", CONV, Conv2d(3, 3, 1, rng=rng), x, part=2)
    x = net.add("n3", NORM, BatchNorm(3, NONE), x, x1, part=2)
    x = net.add("mean", MEAN, Mean(), x, part=HEAD)
    net.add("fc", DENSE, Dense(3, 4, rng=rng), x, part=HEAD)
    return net


def by_hand(net: Backbone, x: Tensor) -> np.ndarray:
    values = {IMAGE: x}
    for i, node in enumerate(net.nodes):
        node.cell.set_train(False)
        values[i] = node.cell(*[values[r] for r in node.inputs])
    return values[len(net.nodes) - 1].asnumpy()


@pytest.mark.parametrize("split", [0, 2])
def test_nodes_run_as_the_list_says(mode, split):
    net, x = crossed(), Tensor(image())
    network = Network(net, split=split).set_train(False)
    logits = Answering(network).set_train(False)(x)[0].asnumpy()
    np.testing.assert_allclose(logits, by_hand(crossed(), x), atol=1e-6)


def test_a_split_hands_on_one_value():
    with pytest.raises(ValueError, match="behind a split at 4 read more than one value before it"):
        Network(crossed(), split=4)


def test_a_network_is_a_chain_of_links():
    """Cut wherever one value passes; within a link only what is read later is held."""
    network = Network(crossed())
    assert network.links == [(0, 1), (1, 2), (2, 8), (8, 9), (9, 10)]
    assert [i for i in range(10) if network.is_held[i]] == [3], "x1; x0 is what the link begins with"
    deep = Network(build_backbone("resnet50", 10))
    blocks = [link for link in deep.links if link[1] - link[0] > 1]
    assert len(blocks) == 16


def test_the_embedding_is_what_the_classifier_reads(pynative):
    network, x = Network(crossed()).set_train(False), Tensor(image(2))
    outputs = network(x)
    assert outputs["embedding"].shape[0] == 2
    again, _ = network.classify(outputs["embedding"], ())
    np.testing.assert_array_equal(again.asnumpy(), outputs["logits"].asnumpy())


def test_paths_in_the_tree_are_the_names_of_nodes():
    network = Network(crossed())
    cells = dict(network.cells_and_names())
    assert cells["c2"] is network.cell("c2")
    assert [p.name for p in network.get_parameters()][:2] == ["c0.weight", "n0.gamma"]
    with pytest.raises(UserError, match="no layer c9 in the model; it has c0, c1"):
        network.cell("c9")


def test_a_cell_that_replaces_another_runs(pynative):
    network, x = Network(crossed()).set_train(False), Tensor(image())
    before = network(x)["logits"].asnumpy()
    network.replace(7, BatchNorm(3, RELU).set_train(False))
    assert (network(x)["logits"].asnumpy() != before).any()


def dynamic(split=2) -> tuple[Network, GivenPlan]:
    net = crossed()
    for slot, name in enumerate(("c1", "c3")):
        node = net.node(name)
        weight = LsqWeight((2, 8), node.cell.weight.asnumpy())
        inputs = LsqActivation((2, 8), signed=True)
        node.cell = DynamicConv2d(node.cell, weight, inputs, slot, True, "mixture")
    given = GivenPlan(2, 1, 2)
    return Network(net, given, split), given


def test_a_plan_from_outside_reaches_each_layer(pynative):
    network, given = dynamic()
    network.set_train(False)
    x, answers = Tensor(image(4)), []
    for choices in ([0, 0], [0, 1], [1, 0], [1, 1]):
        plan = given.one_hot(np.tile(np.array(choices)[None, :, None], (4, 1, 1)))
        outputs = network(x, Tensor(plan))
        np.testing.assert_array_equal(outputs["plan"].asnumpy(), plan)
        answers.append(outputs["logits"].asnumpy())
    for i in range(4):
        for j in range(i):
            assert np.abs(answers[i] - answers[j]).max() > 1e-6, (i, j)
    mixed = given.one_hot(np.array([[[0], [0]], [[0], [1]], [[1], [0]], [[1], [1]]]))
    got = network(x, Tensor(mixed))["logits"].asnumpy()
    np.testing.assert_allclose(got, [answers[n][n] for n in range(4)], atol=1e-5)


def test_soft_choices_come_in_training_alone(pynative):
    network, given = dynamic()
    draws = [Tensor(v) for v in given.still(2)]
    assert set(network.set_train(False)(Tensor(image()), *draws)) == {"logits", "embedding", "plan"}
    assert set(network.set_train(True)(Tensor(image()), *draws)) == {"logits", "embedding", "plan", "soft"}
