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

"""A network that breaks a rule is refused with the node's name; those of the project break none."""

import re

import numpy as np
import pytest
from mindspore import nn

from src.errors import UserError
from src.layers.activation import NONE, RELU
from src.layers.conv import Conv2d, Dense
from src.layers.norm import BatchNorm
from src.layers.pool import MaxPool, Mean
from src.models import BACKBONES
from src.models.backbone import CONV, DENSE, HEAD, IMAGE, MAX_POOL, MEAN, NORM, STEM, Backbone, Node
from src.models.geometry import describe
from src.models.sound import check_nodes
from tests.models.tiny import TINY

RNG = np.random.default_rng(0)
CLASSES = 3


def conv(c_in=4, c_out=4, **options):
    return Conv2d(c_in, c_out, 3, padding=1, rng=RNG, **options)


def sound() -> Backbone:
    """The smallest that keeps to all rules, and a residual."""
    net = Backbone()
    net.add("stem.conv", CONV, conv(3, is_first=True), IMAGE, part=STEM)
    net.add("stem.bn", NORM, BatchNorm(4, RELU), 0, part=STEM)
    net.add("block.conv", CONV, conv(), 1, part=1)
    net.add("block.bn", NORM, BatchNorm(4, RELU), 2, 1, part=1)
    net.add("mean", MEAN, Mean(), 3, part=HEAD)
    net.add("fc", DENSE, Dense(4, CLASSES, rng=RNG), 4, part=HEAD)
    return net


def fault(net: Backbone) -> str:
    with pytest.raises(UserError) as caught:
        check_nodes(net, "mine", CLASSES)
    text = str(caught.value)
    assert text.startswith("model mine: ") and "\n" not in text
    return text.removeprefix("model mine: ")


@pytest.mark.parametrize("design", [BACKBONES["resnet8"], BACKBONES["resnet18"], TINY], ids=str)
def test_networks_of_the_project_are_sound(design):
    check_nodes(design.build(CLASSES, np.random.default_rng(0)), "x", CLASSES)


def test_the_smallest_is_sound():
    net = sound()
    check_nodes(net, "mine", CLASSES)
    assert [value.channels for value in describe(net, 8).values] == [4] * 5 + [CLASSES]


CHANGES = [
    (2, {"kind": "swish"}, r"node 2, block.conv \(swish\): this kind is none of .*: conv, dense, norm"),
    (2, {"cell": nn.Conv2d(4, 4, 3)}, r"takes a Conv2d of src.api, not mindspore\.nn.*Conv2d"),
    (2, {"cell": conv(is_first=True)}, "is_first=True is for the layer that reads the image"),
    (2, {"name": "block conv"}, "a name is words"),
    (2, {"name": "controller"}, "`controller` is what the cell around it calls something else"),
    (2, {"name": "block.construct"}, "`construct` is what"),
    (2, {"name": "stem.bn"}, "its name and that of stem.bn are the same"),
    (2, {"name": "stem"}, "its name and that of stem.conv are the same, or one holds the other"),
    (2, {"inputs": ()}, "it reads 0 nodes; a conv reads one$"),
    (3, {"inputs": (2, 1, 1)}, "it reads 3 nodes; a norm reads one or two"),
    (2, {"inputs": (2,)}, "it reads node 2, which does not come before it"),
    (2, {"inputs": (-2,)}, "it reads node -2"),
    (2, {"inputs": (IMAGE,)}, "the first node, and no other, reads the image"),
    (4, {"kind": NORM, "cell": BatchNorm(4)}, r"node 5.*it reads mean \(norm\); a dense reads a mean"),
    (3, {"inputs": (2, 0)}, "reads stem.conv of another part; .* only the last node, stem.bn, may"),
    (3, {"part": STEM}, "part 0 comes after part 1"),
    (3, {"part": "1"}, "part='1'; parts are STEM"),
    (4, {"inputs": (1,)}, "node 3, block.bn .*no node reads it"),
    (3, {"inputs": (1,)}, "node 2, block.conv .*no node reads it"),
    (5, {"part": 1}, "part 1 comes after part -1"),
    (5, {"cell": Dense(4, 7, rng=RNG)}, "the classifier has part=-1 and 7 outputs; expected HEAD and num_classes=3"),
]  # fmt: skip


@pytest.mark.parametrize("i, change, told", CHANGES, ids=range(len(CHANGES)))
def test_a_broken_rule_is_told_with_its_node(i, change, told):
    net = sound()
    net.nodes[i] = Node(**{**vars(net.nodes[i]), **change})
    assert re.search(told, fault(net))


def test_a_cell_runs_in_one_node():
    net = sound()
    net.nodes[3].cell = net.nodes[1].cell
    assert "its cell is that of stem.bn, too" in fault(net)


@pytest.mark.parametrize("parts", [(STEM, STEM), (1, 1), (STEM, 2)])
def test_parts_are_stem_groups_and_head(parts):
    net = sound()
    for i in range(4):
        net.nodes[i].part = parts[i // 2]
    assert "expected STEM, groups numbered 1, 2, ... without a gap, and HEAD" in fault(net)


def test_ends_are_a_convolution_and_a_classifier():
    assert "it has no nodes" in fault(Backbone())
    net = sound()
    net.nodes[0] = Node("pool", MAX_POOL, MaxPool(), (IMAGE,), STEM)
    assert "the first node is a conv" in fault(net)
    net = sound()
    del net.nodes[5]
    assert "node 4, mean (mean): the last node, and no other, is a dense" in fault(net)


@pytest.mark.parametrize(
    "i, node, told",
    [
        (2, ("block.conv", CONV, conv(5, 4), (1,), 1), r"block.conv \(conv\) takes 5 channels; what it reads has 4"),
        (3, ("block.bn", NORM, BatchNorm(6), (2,), 1), "takes 6 channels"),
        (2, ("block.conv", CONV, conv(4, 8), (1,), 1), "block.bn .*takes 4 channels; what it reads has 8"),
        (2, ("b", CONV, conv(stride=2), (1,), 1), "takes 4 pixels a side of a residual; what it reads has 8"),
        (1, ("stem.bn", NORM, BatchNorm(4, NONE), (0,), STEM), None),
        (5, ("fc", DENSE, Dense(9, CLASSES, rng=RNG), (4,), HEAD), "fc .*takes 9 channels"),
        (1, ("pool", MAX_POOL, MaxPool(), (0,), STEM), "pool .*pads with zeros: it reads what is not negative"),
    ],
)  # fmt: skip
def test_values_fit_the_nodes_that_read_them(i, node, told):
    net = sound()
    net.nodes[i] = Node(*node)
    if told is None:
        describe(net, 8)
        return
    with pytest.raises(UserError, match=told):
        describe(net, 8)
