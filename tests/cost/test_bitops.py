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

"""The cost model against sums done by hand, and against published BitOPs of ResNets."""

import numpy as np
import pytest

from src.cost.bitops import CONVENTIONS, CostModel, LayerCost
from src.models import build_backbone
from src.models.geometry import describe

# Ends at 8 bits, one static layer, two dynamic ones given out of slot order, one float layer.
TINY = [
    LayerCost("first", 100, 10, 50, (8,), (8,)),
    LayerCost("static", 200, 20, 60, (4,), (3,)),
    LayerCost("late", 700, 70, 90, (2, 3, 4), (2, 3, 4), slot=1),
    LayerCost("early", 300, 30, 80, (2, 3, 4), (2, 3, 4), slot=0),
    LayerCost("float", 400, 40, 70),
    LayerCost("last", 50, 5, 5, (8,), (8,)),
]
W_BITS = np.array([[2, 4], [3, 3], [4, 8]])
A_BITS = np.array([[2, 4], [3, 2], [8, 8]])


@pytest.fixture
def cost():
    return CostModel(TINY, controller_macs=11)


def test_plans_by_hand(cost):
    fixed = 100 * 64 + 200 * 12 + 50 * 64
    assert cost.fixed() == fixed == 12000
    expected = [
        fixed + 300 * 2 * 2 + 700 * 4 * 4,
        fixed + 300 * 3 * 3 + 700 * 3 * 2,
        fixed + 300 * 4 * 8 + 700 * 8 * 8,
    ]
    got = cost.of_widths(W_BITS, A_BITS)
    assert got.dtype == np.float64
    np.testing.assert_array_equal(got, expected)


def test_conventions(cost):
    mac = cost.of_widths(W_BITS, A_BITS)
    np.testing.assert_array_equal(cost.of_widths(W_BITS, A_BITS, "two_ops"), 2 * mac)
    inner = cost.of_widths(W_BITS, A_BITS, "without_ends")
    np.testing.assert_array_equal(inner, mac - 64 * 150)
    assert cost.uniform(4, "two_ops") == 2 * cost.uniform(4)
    assert cost.uniform(4, "without_ends") == cost.uniform(4) - 64 * 150
    with pytest.raises(ValueError, match="allowed are mac, two_ops, without_ends"):
        cost.fixed("flops")
    assert CONVENTIONS == ("mac", "two_ops", "without_ends")


def test_uniform_is_the_static_network_at_that_width(cost):
    for bits in (2, 3, 4, 8):
        assert cost.uniform(bits) == 64 * 150 + (200 + 300 + 700) * bits**2


@pytest.mark.parametrize("bits", [2, 3, 4])
def test_a_uniform_plan_costs_what_uniform_says(bits):
    layers = [
        LayerCost("first", 100, 1, 1),  # float ends have no width and no BitOPs
        LayerCost("static", 31, 1, 1, (bits,), (bits,)),
        *(LayerCost(f"d{i}", 10**i, 1, 1, (2, 3, 4), (2, 3, 4), i) for i in range(4)),
        LayerCost("last", 10, 1, 1),
    ]
    model = CostModel(layers)
    plan = np.full((3, 4), bits)
    np.testing.assert_array_equal(model.of_widths(plan, plan), [model.uniform(bits)] * 3)
    assert model.float_macs() == 110


def test_lines_of_their_own(cost):
    """Float layers in MACs, the controller at 32 x 32, and the elements that change width."""
    assert cost.float_macs() == 400
    assert cost.controller_bitops() == 11 * 1024
    expected = [30 + 80 + 70 + 90, 30 + 80 + 70 + 90, 30]
    np.testing.assert_array_equal(cost.width_changes(W_BITS, A_BITS), expected)
    from_four = cost.width_changes(W_BITS, A_BITS, master=4)
    np.testing.assert_array_equal(from_four, [110, 270, 80 + 160])


def resnet_cost(name: str, bits: int, image_size=224, classes=1000) -> CostModel:
    layers, _ = describe(build_backbone(name, classes), image_size)
    costs = []
    for x in layers:
        is_end = x in (layers[0], layers[-1])
        width = (8,) if is_end else (bits,)
        costs.append(LayerCost(x.name, x.macs, x.weights, x.inputs, width, width))
    return CostModel(costs)


@pytest.mark.parametrize(
    "name,expected,printed",
    [
        ("resnet18", (14_367_850_496, 22_845_587_456, 34_714_419_200), (14.4, 22.8, 34.7)),
        ("resnet50", (23_560_454_144, 43_406_065_664, 71_189_921_792), (23.6, 43.4, 71.2)),
    ],
)
def test_anchors_at_224_with_8_bit_ends(name, expected, printed):
    """To the operation; papers print 23.0 / 35.0 G for ResNet-18 at 3 / 4 bits."""
    cost = resnet_cost(name, 4)
    none = np.zeros((1, 0))
    for bits, value, giga in zip((2, 3, 4), expected, printed, strict=True):
        assert cost.uniform(bits) == value
        assert round(value / 1e9, 1) == giga
    assert cost.fixed() == expected[2]
    np.testing.assert_array_equal(cost.of_widths(none, none), [expected[2]])
