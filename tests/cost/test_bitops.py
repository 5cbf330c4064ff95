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

from src.cost.bitops import CostModel, LayerCost, PlanCost
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
    assert got.dtype == np.int64
    np.testing.assert_array_equal(got, expected)


def test_uniform_is_the_static_network_at_that_width(cost):
    for bits in (2, 3, 4, 8):
        assert cost.uniform(bits) == 64 * 150 + (200 + 300 + 700) * bits**2


def test_what_comes_before_a_layer(cost):
    """The layer itself and float ones do not count."""
    assert cost.before("first") == 0
    assert cost.before("static") == 100 * 64
    assert cost.before("late") == 100 * 64 + 200 * 12


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


def test_a_plan_is_choices_or_widths(cost):
    choices = np.array([[[0], [2]], [[1], [0]]])
    w_bits, a_bits = cost.widths(choices)
    assert w_bits.tolist() == a_bits.tolist() == [[2, 4], [3, 2]]
    np.testing.assert_array_equal(cost.of_plan(choices), cost.of_widths(w_bits, a_bits))
    static = CostModel(TINY[:2])
    assert static.of_plan(None).tolist() == [8800]
    assert [side.shape for side in static.widths(None)] == [(1, 0), (1, 0)]


def test_columns_and_candidates_of_each_layer():
    """A layer may have widths of its own; here two columns, which the second layer swaps."""
    first = LayerCost("a", 10, 1, 1, (2, 4), (3, 8), slot=0)
    second = LayerCost("b", 7, 1, 1, (5, 6), (1, 7), slot=1, w_column=1, a_column=0)
    cost = PlanCost([second, first], fixed=1000)
    apart = np.array([[[1, 0], [1, 0]], [[0, 1], [0, 1]]])
    assert [side.tolist() for side in cost.widths(apart)] == [
        [[4, 5], [2, 6]], [[3, 7], [8, 1]],
    ]  # fmt: skip
    expected = [1000 + 10 * 4 * 3 + 7 * 5 * 7, 1000 + 10 * 2 * 8 + 7 * 6 * 1]
    assert cost.of_plan(apart).tolist() == expected
    assert cost.prices(0, 1).tolist() == [10 * 2 * 3, 10 * 4 * 8]
    assert cost.prices(1, 2).tolist() == [[7 * 5 * 1, 7 * 6 * 1], [7 * 5 * 7, 7 * 6 * 7]]


@pytest.mark.parametrize("columns", [1, 2])
def test_prices_of_the_slots_add_up_to_the_plan(columns):
    """Also where layers share a slot, as in a network with one choice."""
    rng = np.random.default_rng(columns)
    layers = [
        LayerCost(str(i), int(rng.integers(1, 10**9)), 1, 1, (2, 4, 8), (3, 5, 7), slot)
        for i, slot in enumerate((1, 0, 2, 1))
    ]
    cost, plan = PlanCost(layers, 12345), rng.integers(0, 3, (20, 3, columns))
    prices = [cost.prices(slot, columns) for slot in range(3)]
    assert prices[0].shape == (3,) * columns
    for image, total in zip(plan, cost.of_plan(plan), strict=True):
        assert total == 12345 + sum(prices[slot][tuple(image[slot])] for slot in range(3))


def test_what_the_dynamic_layers_cost_at_one_width(cost):
    assert cost.macs.tolist() == [300, 700]
    for bits in (2, 3, 4):
        widths = np.full((1, 2), bits)
        assert [cost.with_dynamic_at(bits)] == cost.of_widths(widths, widths).tolist()
    assert cost.with_dynamic_at(2.5) == cost.fixed() + 1000 * 6.25


def test_prices_are_exact():
    """Where float64 would round: the sum is above 2^53."""
    cost = PlanCost([LayerCost("a", 2**50 + 1, 1, 1, (3,), (5,), slot=0)], 1)
    assert cost.of_plan(np.zeros((1, 1, 1), int)).tolist() == [15 * (2**50 + 1) + 1]


def test_mean_bits_of_plans_or_of_the_static_layers_between_the_ends(cost):
    assert cost.mean_bits(W_BITS, A_BITS) == (24 + 27) / 12
    np.testing.assert_array_equal(cost.mean_bits(W_BITS, A_BITS, axis=1), [3, 2.75, 7])
    none = np.zeros((1, 0), int)
    assert CostModel([TINY[0], TINY[1], TINY[5]]).mean_bits(none, none) == 3.5
    assert CostModel([TINY[0], TINY[4], TINY[5]]).mean_bits(none, none, axis=1) == 32


def resnet_cost(name: str, bits: int, image_size=224, classes=1000) -> CostModel:
    layers = describe(build_backbone(name, classes), image_size).layers
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
