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
from mindspore import Tensor

from src.config import load_config
from src.methods import build_method
from src.methods.base import Method

CLASSES, SIDE = 10, 8


def method(*overrides: str, side: int = SIDE) -> Method:
    defaults = ["model.name=resnet8", "dqnet.pool=2", "dqnet.hidden=8", "device.native=off"]
    return build_method(load_config(None, [*defaults, *overrides]), CLASSES, side, native=False)[0]


def images(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, 3, SIDE, SIDE)).astype(np.float32)


def answer(built: Method, x: np.ndarray, train: bool = False, seed: int = 0):
    """(logits, plan or None) as arrays."""
    noise = built.noise(np.random.default_rng(seed), len(x), train)
    built.network.set_train(train)
    inputs = [Tensor(v) for v in (x, *noise)]
    if built.head is None:
        return built.network(*inputs).asnumpy().copy(), None
    logits, plan, *_ = built.network(*inputs)  # in training also p
    return logits.asnumpy().copy(), plan.asnumpy()


def randomise_head(built: Method, x: np.ndarray) -> None:
    """A controller whose choices differ among the images `x`: random weights, centred logits."""
    rng, network = np.random.default_rng(5), built.network
    head, model = network.head, network.model
    for layer in (head.fc1, head.fc2):
        layer.weight.set_data(Tensor(rng.normal(size=layer.weight.shape).astype(np.float32)))
    network.set_train(False)
    sees = {
        "image": lambda image: image,
        "stem": lambda image: model.stem(image, None, network.stem_row),
        "early": lambda image: model.early(image, None),
    }
    keep = Tensor(np.ones((len(x), head.hidden), np.float32))
    logits = head(sees[network.sees](Tensor(x)), keep).asnumpy()
    layers = 1 if head.shared else head.layers
    centre = logits[:, :layers].mean(0).reshape(-1)
    head.fc2.bias.set_data(Tensor((head.fc2.bias.asnumpy() - centre).astype(np.float32)))
