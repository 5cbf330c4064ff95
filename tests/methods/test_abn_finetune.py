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
"""`abn.finetune_epochs`: the super-network goes on under the plans of its agent, and nothing else moves."""

import numpy as np
import pytest
from mindspore import Tensor

from src.config import load_config
from src.layers.norm import freeze_statistics
from src.methods import METHODS, build_system
from src.methods.abn_agent import measure_spending
from src.methods.base import TRAIN, Stage
from src.runtime import Runtime
from src.train.losses import TaskLoss
from src.train.optimizers import build_optimizer
from src.train.step import Objective, build_step
from tests.methods.build import CLASSES, SIDE, images

OPTIONS = [
    "method.name=abn", "model.name=resnet8", "quant.quantizer=lsq", "device.native=off", "data.val_split=0.2",
    "abn.agent_epochs=1", "abn.finetune_lr=0.01",
]  # fmt: skip


def configured(*overrides: str):
    return load_config(None, [*OPTIONS, *overrides])


def finetune(config) -> Stage:
    return METHODS["abn"].stages(config)[-1]


def test_it_is_the_last_stage_by_option():
    names = [stage.name for stage in METHODS["abn"].stages(configured())]
    assert names == ["supernet", "agent"]
    supernet, agent, last = METHODS["abn"].stages(configured("abn.finetune_epochs=3"))
    assert (supernet.leaves, agent.leaves) == ("supernet.ckpt", "agent.ckpt")
    assert (last.name, last.builds, last.epochs, last.lr) == ("finetune", "abn", 3, 0.01)
    assert last.images == TRAIN and last.keeps_statistics and last.measure is measure_spending
    assert last.learns("layer1.0.conv1.weight") and not last.learns("controller.actor.out.weight")


@pytest.fixture
def system():
    config = configured("abn.finetune_epochs=1")
    stage = finetune(config)
    built, _ = build_system(config, CLASSES, SIDE, native=False, method=stage.builds, build=stage.build)
    return built


def test_training_draws_a_budget_for_each_image_and_no_noise(system):
    draws = finetune(configured("abn.finetune_epochs=1")).draws(system)
    noise, budget = draws.draw(np.random.default_rng(0), 200, 0.0)
    assert not noise.any() and noise.shape[0] == 200
    assert budget.shape == (200, 1) and budget.dtype == np.float32
    assert budget.min() >= 0 and budget.max() <= 1 and np.ptp(budget) > 0.9
    again = draws.draw(np.random.default_rng(1), 200, 0.0)[1]
    assert (again != budget).any()
    for own, of_agent in zip(system.drawn(None, 5, False), system.controller.still(5), strict=True):
        np.testing.assert_array_equal(own, of_agent)


@pytest.mark.slow
def test_a_step_moves_weights_and_steps_but_neither_agent_nor_statistics(system):
    config = configured("abn.finetune_epochs=1")
    stage, network, x = finetune(config), system.network, images(6)
    freeze_statistics(network)
    learned = [p for p in network.trainable_params() if stage.learns(p.name)]
    objective = Objective(system, TaskLoss(), None).set_train(True)
    runtime = Runtime("CPU", native=False)
    step = build_step(objective, build_optimizer(learned, config.train, [0.1] * 3), config.train, runtime)
    before = {p.name: p.asnumpy().copy() for p in network.get_parameters()}
    label, draws = np.arange(6, dtype=np.int32), stage.draws(system).draw(np.random.default_rng(2), 6, 0.0)
    loss = step(*map(Tensor, (x, label, *draws)))[0]
    assert np.isfinite(float(loss.asnumpy()))
    moved = {p.name for p in network.get_parameters() if (p.asnumpy() != before[p.name]).any()}
    assert "layer2.0.conv2.weight" in moved and "layer1.0.conv1.weight_quantizer.step" in moved
    still = [name for name in before if name.startswith("controller.") or "moving_" in name]
    assert len(still) > 10 and not moved & set(still)
