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
"""The program of a controller that decides step by step: a Choose before each layer, one plan."""

import numpy as np
import pytest
from mindspore import Tensor

from src import kernels
from src.deploy.compare import network_answers
from src.deploy.integer.lower import lower
from src.engine.artefact import load_artefact, save_artefact
from src.engine.check import check
from src.engine.mindspore_graph import MindSporeGraph
from src.engine.native import Native
from src.engine.operations import Choose
from src.engine.oracle import Oracle
from tests.stepwise import spread_choices, stepwise

IMAGES = 8


@pytest.fixture(params=[1, 2], ids=["tied", "apart"])
def made(request, digits, picture, tmp_path):
    """(path of the artefact, images uint8, the network's logits, its plan)."""
    built, images = stepwise(request.param), digits.batch(np.arange(IMAGES))
    spread_choices(built, images)
    logits, plan = network_answers(built, images)
    program = lower(built, picture, {"made by": "tests"})
    check(program)
    path = tmp_path / "model.safetensors"
    save_artefact(program, path)
    return path, digits.pixels(np.arange(IMAGES)), logits, plan


def test_each_layer_has_a_choice_of_its_own(made):
    path, images, expected, choices = made
    program = load_artefact(path)
    deciding = [op for op in program.operations if isinstance(op, Choose)]
    assert [(op.slot, op.layers) for op in deciding] == [(slot, 1) for slot in range(6)]
    assert program.plan_shape == (6, choices.shape[2], 3)
    names = program.notes["layers"]
    assert [names[str(i)] for i in program.choosers] == [f"controller.{slot}.choice" for slot in range(6)]
    logits, plan = Oracle(program).run(images)
    np.testing.assert_array_equal(plan, choices)
    assert all(len(np.unique(plan[:, slot])) > 1 for slot in range(6))
    logits = logits * 2.0 ** -program.notes["exponent"]
    np.testing.assert_allclose(logits, expected, atol=2e-6 * np.abs(expected).max())


@pytest.mark.skipif(not kernels.available(), reason="no C++ compiler")
def test_every_engine_gives_the_same_integers(made):
    path, images, *_ = made
    program = load_artefact(path)
    logits, plan = Oracle(program).run(images)
    graph = [value.asnumpy() for value in MindSporeGraph(program)(Tensor(images))]
    for other in (Native(path).run(images), graph):
        np.testing.assert_array_equal(other[0], logits)
        np.testing.assert_array_equal(other[1], plan)


def test_a_plan_from_outside_wins(made):
    path, images, *_ = made
    program = load_artefact(path)
    rng = np.random.default_rng(0)
    given = rng.integers(0, 3, (IMAGES, *program.plan_shape[:2])).astype(np.int32)
    logits, plan = Oracle(program).run(images, given)
    np.testing.assert_array_equal(plan, given)
    assert (logits != Oracle(program).run(images)[0]).any()
