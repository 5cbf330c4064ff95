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

"""Small networks for the tests of methods: resnet8 on images of 8 pixels, 10 classes."""

import numpy as np
import pytest
from mindspore import Tensor

from src.config import load_config
from src.methods import build_system
from src.methods.base import System
from src.models import BACKBONES
from src.parameters import assign
from tests.models.tiny import NAME, TINY

CLASSES, SIDE = 10, 8


def method(*overrides: str, side: int = SIDE) -> System:
    """With `model.name=tiny_mobilenetv2`, of the smallest MobileNetV2."""
    defaults = ["model.name=resnet8", "dqnet.pool=2", "dqnet.hidden=8", "device.native=off"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(BACKBONES, NAME, TINY)
        return build_system(load_config(None, [*defaults, *overrides]), CLASSES, side, native=False)[0]


def images(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, 3, SIDE, SIDE)).astype(np.float32)


def answer(built: System, x: np.ndarray, train: bool = False, seed: int = 0):
    """(logits, plan or None) as arrays."""
    draws = built.drawn(np.random.default_rng(seed), len(x), train)
    built.answering.set_train(train)
    logits, *plan = built.answering(*[Tensor(v) for v in (x, *draws)])
    return logits.asnumpy().copy(), plan[0].asnumpy() if plan else None


def seen(built: System, x: np.ndarray) -> Tensor:
    """What the controller begins with."""
    network = built.network
    features = network.before(Tensor(x), getattr(network, "stem_row", None))
    return Tensor(x) if network.from_image else features


def randomise_levels(built: System) -> None:
    """Learned levels that are unevenly spaced, every second layer's a bit fewer, on the grid of an engine."""
    rng = np.random.default_rng(6)
    for i, table in enumerate((*built.learned.of_weights, *built.learned.of_inputs)):
        levels = table.levels.asnumpy()
        assign(table.levels, levels + rng.normal(0, np.ptp(levels) / 20, levels.shape))
        if table.is_gated and i % 2:
            assign(table.gates, -np.ones(table.gates.shape))
        table.go_to_grid()


def randomise_head(built: System, x: np.ndarray) -> None:
    """A controller whose choices differ among the images `x`: random weights, centred logits."""
    rng, head = np.random.default_rng(5), built.controller
    for layer in (head.fc1, head.fc2):
        layer.weight.set_data(Tensor(rng.normal(size=layer.weight.shape).astype(np.float32)))
    built.network.set_train(False)
    logits = head.from_units(head.units(seen(built, x))).asnumpy()
    slots = 1 if head.shared else head.slots
    centre = logits[:, :slots].mean(0).reshape(-1)
    head.fc2.bias.set_data(Tensor((head.fc2.bias.asnumpy() - centre).astype(np.float32)))
