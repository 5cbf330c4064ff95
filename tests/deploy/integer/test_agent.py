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
"""A super-network with its agent as integers: at every budget the choices and classes of the network."""

import numpy as np
import pytest
from mindspore import Tensor

from src import kernels
from src.data.views import pixel_values
from src.deploy.compare import network_answers
from src.deploy.frozen_controller import FrozenController
from src.deploy.integer.lower import Picture, lower
from src.engine.artefact import load_artefact, save_artefact
from src.engine.classifier import Classifier
from src.engine.count import cost_of
from src.engine.mindspore_graph import MindSporeGraph
from src.engine.native import Native
from src.engine.oracle import Oracle
from src.engine.wish import Wish
from src.errors import UserError
from src.parameters import assign
from tests.methods.build import SIDE, method
from tests.models.tiny import NAME

IMAGES, SHARES = 12, (0.0, 0.3, 1.0)


# Overrides, and a seed whose agent's choices differ among the images at every budget.
NETS = [
    pytest.param(("abn.tied=true", 3), id="tied"),
    pytest.param(("abn.tied=false", 3), id="apart", marks=pytest.mark.slow),
    pytest.param((f"model.name={NAME}", 4), id="mobilenetv2", marks=pytest.mark.slow),
]


@pytest.fixture(scope="module", params=NETS)
def made(request, digits, tmp_path_factory):
    """(the system, path of its artefact, images uint8, of each budget the network's logits and plan)."""
    override, seed = request.param
    built = method("method.name=abn", "abn.agent_epochs=1", "quant.quantizer=nested", override)
    rng, agent, images = np.random.default_rng(seed), built.controller, digits.batch(np.arange(IMAGES))
    for parameter in agent.actor.trainable_params():
        assign(parameter, rng.normal(0, 1 if parameter.ndim > 1 else 0.2, parameter.shape))
    assign(agent.spends, np.linspace(0.2, 0.8, agent.spends.size))
    answers = []
    for agent.share in SHARES:
        answers.append(network_answers(built, images))
    picture = Picture(SIDE, pixel_values(digits.mean, digits.std))
    program = lower(built, picture, {"made by": "tests", "classes": []})
    path = tmp_path_factory.mktemp("agent") / "model.safetensors"
    save_artefact(program, path)
    return built, path, digits.pixels(np.arange(IMAGES)), answers


def test_the_oracle_chooses_as_the_network(made):
    built, path, images, answers = made
    program, agent = load_artefact(path), built.controller
    assert program.budget == agent.in_bitops(SHARES[-1])
    assert cost_of(program).controller_macs == agent.macs
    unit = 2.0 ** -program.notes["exponent"]
    for share, (expected, choices) in zip(SHARES, answers, strict=True):
        logits, plan = Oracle(program).run(images, budget=agent.in_bitops(share))
        np.testing.assert_array_equal(plan, choices)
        np.testing.assert_array_equal(logits.argmax(1), expected.argmax(1))
        np.testing.assert_allclose(logits * unit, expected, atol=2e-6 * np.abs(expected).max())
    plans = [np.unique(plan.reshape(IMAGES, -1), axis=0) for _, plan in answers]
    assert min(map(len, plans)) > 1 and len(np.unique(np.concatenate(plans), axis=0)) > 4


@pytest.mark.skipif(not kernels.available(), reason="no C++ compiler")
def test_every_engine_gives_the_same_integers(made):
    built, path, images, _ = made
    program = load_artefact(path)
    budget, native = built.controller.in_bitops(0.3), Native(path)
    logits, plan = Oracle(program).run(images, budget=budget)
    graph = MindSporeGraph(program)(Tensor(images), Tensor(np.array([budget])))
    for other in (native.run(images, budget=budget), [value.asnumpy() for value in graph]):
        np.testing.assert_array_equal(other[0], logits)
        np.testing.assert_array_equal(other[1], plan)
    for a, b in zip(native.run(images), Oracle(program).run(images), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_mean_is_asked_for(made):
    """The agent is given the budget at which it was seen to spend so much."""
    built, path, images, _ = made
    program, agent = load_artefact(path), built.controller
    asked = agent.cheapest + 0.5 * agent.range
    classify = Classifier(program, Oracle(program), Wish(budget=asked))
    assert classify.budget == pytest.approx(asked, rel=1e-6)  # spends 0.2 + 0.6 B: 0.5 at 0.5
    assert agent.keep_to(asked) and agent.share == pytest.approx(0.5, abs=1e-6)
    _, plan = Oracle(program).run(images, budget=classify.budget)
    bitops = cost_of(program).of_plan(plan)
    assert [answer.bitops for answer in classify(images)] == bitops.tolist()
    for refuse in (agent.keep_to, lambda least: Classifier(program, None, Wish(budget=least))):
        with pytest.raises(UserError, match="the least that this network's agent spends"):
            refuse(agent.cheapest)
    del program.notes["spending"]
    with pytest.raises(UserError, match="do not tell what its agent spends; export it again"):
        Classifier(program, None, Wish(budget=asked))


def test_bundles_refuse_it(made):
    agent = made[0].controller
    with pytest.raises(UserError, match="no controller that minds a budget: export this one with --format int"):
        FrozenController(agent.decisions(), agent.columns, agent.choices)
