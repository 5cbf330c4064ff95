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
"""A frozen controller decides as the one that was trained."""

import numpy as np
import pytest
from mindspore import Tensor

from src.controllers.base import BEGIN, INPUT, Decision
from src.controllers.oneshot import OneShotHead, pooling_matrix
from src.deploy.frozen_controller import FrozenController, FrozenDecision
from tests.stepwise import StepWise

SLOTS, CHOICES, IMAGES = 4, 3, 5
pytestmark = pytest.mark.usefixtures("pynative")


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def head(columns: int, size: int, **options) -> OneShotHead:
    made = OneShotHead(6, size, SLOTS, columns, CHOICES, pool=4, hidden=8, **options)
    for seed, parameter in enumerate(made.get_parameters()):
        parameter.set_data(Tensor(normal(*parameter.shape, seed=seed)))
    return made.set_train(False)


def freeze(controller) -> FrozenController:
    return FrozenController(controller.decisions(), controller.columns, controller.choices)


@pytest.mark.parametrize("size", [8, 7, 3], ids=lambda size: f"{size} pixels")
@pytest.mark.parametrize("columns", [1, 2])
@pytest.mark.parametrize("options", [{}, {"relu": True}, {"shared": True}], ids=str)
def test_of_a_one_shot_head(options, columns, size):
    """Also where the bins are not whole pixels, or more than there are."""
    made, x = head(columns, size, **options), Tensor(normal(IMAGES, 6, size, size))
    frozen = freeze(made)
    state, still = frozen.begin(x), made.begin(x, *map(Tensor, made.still(IMAGES)))
    expected = made.from_units(made.units(x)).asnumpy()
    stored = 1 if made.shared else SLOTS
    logits = frozen.logits(state).asnumpy()
    assert logits.shape == (IMAGES, stored, columns, CHOICES)
    np.testing.assert_allclose(logits, expected[:, :stored], atol=1e-4)
    for slot in range(SLOTS):
        choice, after = frozen.choose(slot, None, state)
        np.testing.assert_array_equal(choice.asnumpy(), made.choose(slot, None, still)[0].asnumpy())
        assert after == state
    assert len(np.unique(logits.argmax(-1))) > 1


def test_nothing_of_it_is_drawn_or_learned_from():
    x = Tensor(normal(IMAGES, 6, 8, 8))
    frozen = freeze(head(1, 8, dropout=0.5)).set_train()
    first, second = (frozen.logits(frozen.begin(x)).asnumpy() for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("columns", [1, 2])
def test_several_decisions_one_after_the_other(columns):
    """Each from what its own layer reads; the state remembers all."""
    reads = [(6, 8), (4, 8), (3, 4)]
    made = StepWise(reads, columns)
    frozen, state, own = freeze(made), None, ()
    assert (frozen.slots, frozen.at_begin) == (3, 0)
    state = frozen.begin(None)
    for slot, (channels, side) in enumerate(reads):
        x = Tensor(normal(IMAGES, channels, side, side, seed=slot))
        choice, state = frozen.choose(slot, x, state)
        expected, own = made.choose(slot, x, own)
        np.testing.assert_array_equal(choice.asnumpy(), expected.asnumpy())
    logits = frozen.logits(state).asnumpy()
    assert logits.shape == (IMAGES, 3, columns, CHOICES)
    plan = made.plan(own).asnumpy()
    np.testing.assert_array_equal(logits.argmax(-1), plan.argmax(-1))


def test_one_decision_for_several_layers_is_taken_once():
    weight, bias = normal(2 * CHOICES, 6), normal(2 * CHOICES)
    dense = ((weight, bias, False),)
    frozen = FrozenController([Decision(0, 2, False, INPUT, 8, 1, dense)], 1, CHOICES)
    x = normal(IMAGES, 6, 8, 8)
    expected = (x.mean((2, 3)) @ weight.T + bias).reshape(IMAGES, 2, CHOICES).argmax(-1)
    first, state = frozen.choose(0, Tensor(x), frozen.begin(None))
    second, state = frozen.choose(1, Tensor(-x), state)
    got = np.stack([choice.asnumpy()[:, 0].argmax(-1) for choice in (first, second)], 1)
    np.testing.assert_array_equal(got, expected)
    assert len(state[0]) == 1


def test_a_decision_of_several_dense_layers():
    shapes = ((5, 6 * 4), (7, 5), (2 * CHOICES, 7))
    dense = tuple((normal(*shape, seed=i), normal(shape[0]), i < 2) for i, shape in enumerate(shapes))
    x, h = normal(IMAGES, 6, 8, 8), None
    rows = pooling_matrix(8, 2)
    h = (rows @ x @ rows.T).reshape(IMAGES, -1)
    for weight, bias, relu in dense:
        h = h @ weight.T + bias
        h = np.maximum(h, 0) if relu else h
    decide = FrozenDecision(Decision(0, 2, False, BEGIN, 8, 2, dense), 1, CHOICES)
    got = decide(Tensor(x)).asnumpy()
    assert got.shape == (IMAGES, 2, 1, CHOICES)
    np.testing.assert_allclose(got.reshape(h.shape), h, rtol=1e-4, atol=1e-4 * np.abs(h).max())
