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
"""Where networks are cut, and that the pieces together are the network."""

import numpy as np
import pytest
from mindspore import Tensor

from src.deploy.compare import network_answers
from src.deploy.mindir.pieces import UNCHOSEN, Front, Masked, frozen, pieces_of
from tests.methods.build import images, method, randomise_head
from tests.stepwise import stepwise

DQNET = ["method.name=dqnet", "quant.quantizer=lsq"]
DQT = ["method.name=dqt", "dqt.pool=2", "dqt.hidden=8"]
# name, slot, maps; the layers of a piece are the one that it is named after, where it has a choice
LAYERS_OF_DQNET = [
    ("layer2.0.conv1", 0, (0,)),
    ("layer2.0.conv2", 1, (1, 0)),
    ("layer3.0.conv1", 2, (2,)),
    ("layer3.0.conv2", 3, (3, 2)),
    ("fc", -1, (4,)),
]
CUTS = {
    "dqnet": (DQNET, LAYERS_OF_DQNET),
    # A shortcut without a choice belongs to the piece that reads it.
    "dqnet with projections": ([*DQNET, "model.shortcut=B"], LAYERS_OF_DQNET),
    "dqt with projections": (
        [*DQT, "model.shortcut=B"],
        [
            ("layer1.0.conv1", 0, (0,)),
            ("layer1.0.conv2", 1, (1, 0)),
            ("layer2.0.downsample.conv", 2, (2,)),
            ("layer2.0.conv1", 3, (2,)),
            ("layer2.0.conv2", 4, (4, 3)),
            ("layer3.0.downsample.conv", 5, (5,)),
            ("layer3.0.conv1", 6, (5,)),
            ("layer3.0.conv2", 7, (7, 6)),
            ("fc", -1, (8,)),
        ],
    ),
}
FIRST_OF_A_BOTTLENECK = [
    ("layer1.0.downsample.conv", 0, (0,)),
    ("layer1.0.conv1", 1, (0,)),
    ("layer1.0.conv2", 2, (2,)),
    ("layer1.0.conv3", 3, (3, 1)),
    ("layer1.1.conv1", 4, (4,)),
    ("layer1.1.conv2", 5, (5,)),
    ("layer1.1.conv3", 6, (6, 4)),
]
pytestmark = pytest.mark.usefixtures("pynative")


def cut(system) -> list:
    return pieces_of(frozen(system))


def summary(pieces) -> list:
    return [(piece.name, piece.slot, piece.inputs) for piece in pieces]


@pytest.mark.parametrize("name", CUTS)
def test_a_layer_and_what_follows_it_is_a_piece(name):
    overrides, expected = CUTS[name]
    pieces = cut(method(*overrides))
    assert summary(pieces) == expected
    for piece in pieces:
        assert piece.layers == ((piece.name,) if piece.slot >= 0 else ())
        assert piece.decides == -1


@pytest.mark.slow
def test_bottlenecks():
    pieces = cut(method(*DQT, "model.name=resnet50", side=32))
    assert summary(pieces)[: len(FIRST_OF_A_BOTTLENECK)] == FIRST_OF_A_BOTTLENECK
    assert summary(pieces)[-1] == ("fc", -1, (52,))


def test_one_choice_for_the_network_gives_a_tail():
    (tail,) = cut(method(*DQNET, "dqnet.scope=network"))
    assert (tail.name, tail.slot, tail.inputs) == ("tail", 0, (0,))
    assert tail.layers == tuple(name for name, slot, _ in LAYERS_OF_DQNET if slot >= 0)


def test_each_decision_of_a_step_wise_controller_is_a_piece():
    """It comes before its layer and reads the same map, which for the first layer is the stem's."""
    pieces = cut(stepwise())
    assert [(p.name, p.slot, p.inputs, p.decides) for p in pieces] == [
        ("conv1", -1, (0,), -1),
        ("controller.0", -1, (1,), 0), ("layer1.0.conv1", 0, (1,), -1),
        ("controller.1", -1, (2,), 1), ("layer1.0.conv2", 1, (2, 1), -1),
        ("controller.2", -1, (3,), 2), ("layer2.0.conv1", 2, (3,), -1),
        ("controller.3", -1, (4,), 3), ("layer2.0.conv2", 3, (4, 3), -1),
        ("controller.4", -1, (5,), 4), ("layer3.0.conv1", 4, (5,), -1),
        ("controller.5", -1, (6,), 5), ("layer3.0.conv2", 5, (6, 5), -1),
        ("fc", -1, (7,), -1),
    ]  # fmt: skip


CHAINS = {name: overrides for name, (overrides, _) in CUTS.items()} | {
    "whole network": [*DQNET, "dqnet.scope=network"],
    "weights and inputs apart": [*DQNET, "dqnet.tied=false", "quant.first_last=8"],
    "the controller sees the image": [*DQT, "dqt.input=image"],
}


@pytest.mark.parametrize("name", CHAINS)
def test_the_pieces_in_turn_are_the_network(name):
    """So is the masked form; each image takes its own candidates."""
    built, x = method(*CHAINS[name]), images(4)
    randomise_head(built, x)
    expected, plan = network_answers(built, x)
    assert len(np.unique(plan)) > 1
    network = frozen(built).set_train(False)
    front, masked, pieces = Front(network), Masked(network), pieces_of(network)
    for image, logits, choices in zip(x, expected, plan, strict=True):
        features, decided = front(Tensor(image[None]))
        decided = decided.asnumpy().argmax(-1)[0].tolist()
        np.testing.assert_array_equal(decided, choices[: len(decided)])
        maps = [features]
        for piece in pieces:
            choice = UNCHOSEN
            if piece.slot >= 0:
                choice = (decided[piece.slot][0], decided[piece.slot][-1])
            maps.append(piece.cell(choice)(*[maps[i] for i in piece.inputs]))
        at_once, of_mask = masked(Tensor(image[None]))
        np.testing.assert_array_equal(of_mask.asnumpy().argmax(-1)[0], decided)
        for got in (maps[-1], at_once):
            np.testing.assert_allclose(got.asnumpy()[0], logits, atol=1e-4 * np.abs(expected).max())
