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

"""The budget's two hinges: values, gradients, the agreement with the cost model, the entropy."""

from itertools import product

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor, nn, ops

from src.controllers.gumbel import hard_choice
from src.cost.bitops import CostModel, LayerCost
from src.cost.latency import LatencyCost, LatencyTable, LayerMs
from src.methods.budget import BudgetPenalty

pytestmark = pytest.mark.usefixtures("pynative")  # results are dictionaries, which no graph can give

WIDTHS = (2, 4, 5)
MACS = (700, 300)
COST = CostModel(
    [
        LayerCost("first", 100, 1, 1, (8,), (8,)),
        LayerCost("a", MACS[0], 1, 1, WIDTHS, WIDTHS, 0),
        LayerCost("b", MACS[1], 1, 1, WIDTHS, WIDTHS, 1),
        LayerCost("last", 50, 1, 1),
    ]
)
FIXED = 6400


def plan_of(choices) -> np.ndarray:
    """Choices (N, 2 layers, columns) -> one-hot plan."""
    return np.eye(3, dtype=np.float32)[np.asarray(choices)]


TIED = plan_of([[[2], [1]], [[2], [2]]])  # widths 5 4, 5 5: mean 4.75
UNDER = plan_of([[[0], [1]], [[1], [2]]])  # widths 2 4, 4 5: mean 3.75


def penalty(plan, alpha_bits=1.0, alpha_bitops=0.0):
    cell = BudgetPenalty(COST, WIDTHS, 4, alpha_bits, alpha_bitops, 0.0)
    numbers = cell(Tensor(plan), Tensor(plan))
    return [float(numbers[name].asnumpy()) for name in ("penalty", "mean_bits", "bitops", "entropy")]


def test_mean_bits_hinge():
    """Zero under the budget and at it, a times the excess above."""
    assert penalty(UNDER, 0.3)[:2] == [0, 3.75]
    at = plan_of([[[1], [1]]])
    assert penalty(at, 0.3)[:2] == [0, 4]
    value, bits, *_ = penalty(TIED, 0.3)
    assert bits == 4.75
    assert value == pytest.approx(0.3 * 0.75)


def test_bitops_hinge():
    budget = FIXED + sum(MACS) * 16
    used = FIXED + (MACS[0] * 50 + MACS[1] * (16 + 25)) / 2
    value, _, bitops, _ = penalty(TIED, 0.0, 2.0)
    assert bitops == pytest.approx(used, rel=1e-6)
    assert value == pytest.approx(2 * (used / budget - 1), rel=1e-5)
    assert penalty(UNDER, 0.0, 2.0)[0] == 0
    both = penalty(TIED, 0.3, 2.0)[0]
    assert both == pytest.approx(0.3 * 0.75 + value, rel=1e-6)


def test_bitops_can_be_over_where_mean_bits_are_not():
    """The two hinges are two things: 5 bits on the large layer, 2 on the small one."""
    plan = plan_of([[[2], [0]]])
    value, bits, bitops, _ = penalty(plan, 1.0, 1.0)
    assert bits == 3.5
    assert bitops > FIXED + sum(MACS) * 16
    assert value == pytest.approx(bitops / (FIXED + sum(MACS) * 16) - 1, rel=1e-5)


@pytest.mark.parametrize("columns", [1, 2])
def test_bitops_are_the_cost_models(columns):
    choices = np.random.default_rng(columns).integers(0, 3, (64, 2, columns))
    widths = np.array(WIDTHS)[choices]
    _, bits, bitops, _ = penalty(plan_of(choices))
    assert bits == pytest.approx(widths.mean(), rel=1e-6)
    expected = COST.of_widths(widths[:, :, 0], widths[:, :, -1]).mean()
    assert bitops == pytest.approx(expected, rel=1e-6)


def plan_gradient(plan, alpha_bits, alpha_bitops):
    cell = BudgetPenalty(COST, WIDTHS, 4, alpha_bits, alpha_bitops, 0.0)

    def loss(plan):
        return cell(plan, plan)["penalty"]

    return ms.grad(loss)(Tensor(plan)).asnumpy()


def test_gradient_of_the_mean_bits_hinge():
    """a b_k / (images x layers x columns) above the budget, nothing below it."""
    expected = np.broadcast_to(np.array(WIDTHS) * 0.3 / 4, TIED.shape)
    np.testing.assert_allclose(plan_gradient(TIED, 0.3, 0.0), expected, rtol=1e-5)
    assert not plan_gradient(UNDER, 0.3, 2.0).any()


def test_gradient_of_the_bitops_hinge():
    """Tied: what a change of choice costs, macs b_k^2. Untied: macs b_k times the other width."""
    budget = FIXED + sum(MACS) * 16
    squares = np.array(MACS)[:, None] * np.square(WIDTHS)
    expected = np.broadcast_to(2.0 * squares[None, :, None] / budget / 2, TIED.shape)
    np.testing.assert_allclose(plan_gradient(TIED, 0.0, 2.0), expected, rtol=1e-5)

    choices = np.array([[[2, 1], [1, 2]], [[2, 2], [2, 1]]])
    widths = np.array(WIDTHS)[choices]
    expected = np.zeros((2, 2, 2, 3))
    for column in (0, 1):
        other = widths[:, :, 1 - column, None] * np.array(MACS)[:, None]
        expected[:, :, column] = 2.0 * other * np.array(WIDTHS) / budget / 2
    got = plan_gradient(plan_of(choices), 0.0, 2.0)
    np.testing.assert_allclose(got, expected, rtol=1e-5)


@pytest.mark.parametrize("alphas", [(0.3, 0.0), (0.0, 2.0)])
def test_the_controller_is_pushed_towards_fewer_bits(alphas):
    """Descent lowers the logit of the largest width and raises that of the smallest."""
    cell = BudgetPenalty(COST, WIDTHS, 4, *alphas, 0.0)
    noise = np.zeros((3, 2, 1, 3), np.float32)
    logits = np.tile(np.array([0.0, 0.1, 0.5], np.float32), (3, 2, 1, 1))

    def loss(logits):
        plan = hard_choice(logits, Tensor(noise), 1.0)
        return cell(plan, plan)["penalty"]

    gradient = ms.grad(loss)(Tensor(logits)).asnumpy()
    assert (gradient[..., 2] > 0).all() and (gradient[..., 0] < 0).all()
    np.testing.assert_allclose(gradient.sum(-1), 0, atol=1e-7)


def test_entropy_of_the_choices():
    assert penalty(plan_of([[[1], [2]]] * 6))[3] == pytest.approx(0, abs=1e-6)
    assert penalty(plan_of([[[k], [2 - k]] for k in (0, 1, 2)]))[3] == pytest.approx(1, rel=1e-5)
    half = penalty(plan_of([[[k % 2], [0]] for k in range(4)]))[3]
    assert half == pytest.approx(np.log(2) / np.log(3) / 2, rel=1e-5)


@pytest.mark.parametrize(
    ("p", "missing"),
    [
        (np.eye(3)[[0, 1, 2]], 0.0),  # certain, all equally often
        (np.eye(3)[[1, 1, 1]], 1.0),  # one plan for all images
        (np.full((3, 3), 1 / 3), 1.0),  # undecided
        (np.eye(3)[[0, 0, 1]], 1 - np.log(3 / 4 ** (1 / 3)) / np.log(3)),
    ],
)
def test_diversity_asks_for_widths_that_depend_on_the_image(p, missing):
    """It is paid on p, and not on the plan."""
    p = np.tile(np.float32(p)[:, None, None], (1, 2, 1, 1))
    value = BudgetPenalty(COST, WIDTHS, 4, 0.0, 0.0, 0.5)(Tensor(TIED), Tensor(p))["penalty"]
    assert float(value.asnumpy()) == pytest.approx(0.5 * missing, abs=1e-5)


def test_the_term_and_its_gradient_repeat_to_the_bit():
    """MindSpore tries several ways to share an operator among threads on its first calls."""
    p = np.random.default_rng(0).dirichlet(np.ones(3), (37, 2, 1)).astype(np.float32)
    cell = BudgetPenalty(COST, WIDTHS, 4, 0.3, 2.0, 0.5)

    def watched(plan, p):
        numbers = cell(plan, p)
        return numbers["penalty"] + numbers["entropy"]

    step = ms.jit(ms.value_and_grad(watched, (0, 1)))
    seen = set()
    for _ in range(40):
        value, gradients = step(Tensor(p), Tensor(p))
        seen.add(b"".join(v.asnumpy().tobytes() for v in (value, *gradients)))
    assert len(seen) == 1


class WithOthers(nn.Cell):
    """What joins a worker's mean with the other's: here the joint mean is looked up, by shape."""

    def __init__(self, joint: dict):
        super().__init__()
        self.joint = joint

    def construct(self, x):
        return x + ops.stop_gradient(self.joint[x.shape].pop(0) - x)


def test_workers_pay_for_their_joined_batch(pynative):
    """One is above the budget, one below; joined they are above. Averaged gradients are the joint's."""
    rng = np.random.default_rng(3)
    choices = np.array([[2, 2]] * 4 + [[1, 1], [1, 0], [1, 1], [1, 1]])  # 5 bits, then 3.75
    plan = plan_of(choices[:, :, None])
    p = rng.dirichlet(np.ones(3) / 2, (8, 2, 1)).astype(np.float32)
    noted = []

    class Note(nn.Cell):
        def construct(self, x):
            noted.append(x)
            return x

    def paid(cell, rows):
        def loss(plan, p):
            return cell(plan, p)["penalty"]

        return ms.value_and_grad(loss, (0, 1))(Tensor(plan[rows]), Tensor(p[rows]))

    def made(join):
        cell = BudgetPenalty(COST, WIDTHS, 4, 1.0, 2.0, 0.5)
        cell.join_workers(join)
        return cell

    whole = made(nn.Identity())
    value, gradients = paid(whole, slice(0, 8))
    alone = [float(paid(whole, rows)[0].asnumpy()) for rows in (slice(0, 4), slice(4, 8))]
    assert np.mean(alone) > float(value.asnumpy()) + 0.01, "a mean of penalties is another number"
    noted.clear()
    made(Note())(Tensor(plan), Tensor(p))
    means = [ops.stop_gradient(x) for x in noted]
    for rows in (slice(0, 4), slice(4, 8)):
        by_shape: dict = {}
        for mean in means:
            by_shape.setdefault(mean.shape, []).append(mean)
        own_value, own = paid(made(WithOthers(by_shape)), rows)
        assert float(own_value.asnumpy()) == pytest.approx(float(value.asnumpy()), rel=1e-6)
        for got, expected in zip(own, gradients, strict=True):
            # A mean over 4 images moves twice as fast with each as one over 8; workers are averaged.
            np.testing.assert_allclose(got.asnumpy() / 2, expected.asnumpy()[rows], atol=1e-6)


def latencies(columns: int) -> LatencyCost:
    """Of the layers of COST: layer a takes 1 ms for each bit of weights, b 1 ms whatever the width."""
    pairs = product(WIDTHS, WIDTHS) if columns == 2 else zip(WIDTHS, WIDTHS, strict=True)
    pairs = list(pairs)
    a, b = {f"{w}x{x}": float(w) for w, x in pairs}, {f"{w}x{x}": 1.0 for w, x in pairs}
    layers = LayerMs("a", MACS[0], a), LayerMs("b", MACS[1], b)
    return LatencyCost(LatencyTable("m", "", 1, 3.0, 0.0, layers), COST.dynamic, columns)


@pytest.mark.parametrize("columns", [1, 2])
def test_the_hinge_counts_milliseconds_where_a_table_is_given(columns):
    """3 ms are fixed: at 4 bits 8 ms, at 5 bits 9; BitOPs stay what they are."""
    cell = BudgetPenalty(COST, WIDTHS, 4, 0.0, 2.0, 0.0, latencies(columns))
    plan = plan_of(np.array([[[2] * columns, [0] * columns], [[1] * columns, [2] * columns]]))
    numbers = {name: float(value.asnumpy()) for name, value in cell(Tensor(plan), Tensor(plan)).items()}
    assert numbers["penalty"] == pytest.approx(2.0 * ((9 + 8) / 2 / 8 - 1), rel=1e-5)
    assert numbers["bitops"] == pytest.approx(penalty(plan)[2])


def test_the_milliseconds_push_only_where_they_are_saved():
    cell = BudgetPenalty(COST, WIDTHS, 4, 0.0, 2.0, 0.0, latencies(1))
    gradient = ms.grad(lambda plan: cell(plan, plan)["penalty"])(Tensor(plan_of([[[2], [2]]]))).asnumpy()
    np.testing.assert_allclose(gradient[0, 0, 0], 2.0 * np.array(WIDTHS) / 8, rtol=1e-5)
    np.testing.assert_allclose(gradient[0, 1, 0], 2.0 / 8, rtol=1e-5)
