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

"""A network of one hidden layer in the shape of a method, and data for it: no convolution."""

import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from src.cost.bitops import CostModel
from src.methods.base import System
from src.quantizers.base import learned


class SmallNetwork(nn.Cell):
    """(image (N, 4)) -> logits (N, 3) by name; `clip` is a learned quantiser parameter."""

    controller = None

    def __init__(self, seed: int = 0):
        super().__init__()
        rng = np.random.default_rng(seed)
        self.hidden = Parameter(Tensor(rng.normal(size=(4, 5)).astype(np.float32)), "hidden")
        self.out = Parameter(Tensor(rng.normal(size=(5, 3)).astype(np.float32)), "out")
        self.clip = learned(np.array([0.7]), "clip")

    def construct(self, image):
        hidden = ops.minimum(ops.matmul(image, self.hidden), self.clip)
        return {"logits": ops.matmul(hidden, self.out), "embedding": hidden}


def small_method(seed: int = 0) -> System:
    return System("static", SmallNetwork(seed), [], CostModel([]))


def small_batch(count: int = 8, seed: int = 1):
    rng = np.random.default_rng(seed)
    images = rng.normal(size=(count, 4)).astype(np.float32)
    return images, rng.integers(0, 3, count).astype(np.int32)


def values(network: nn.Cell) -> dict[str, np.ndarray]:
    """Copies of all parameters (`asnumpy` shares memory with what the next step changes)."""
    return {p.name: p.asnumpy().copy() for p in network.get_parameters()}
