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
"""A system whose answer to an image and the widths that it takes are looked up in tables."""

import numpy as np
from mindspore import Tensor, nn, ops

from src.controllers.gumbel import forcing_noise
from src.cost.bitops import CostModel, LayerCost
from src.data.dataset import ArrayDataset, Facts
from src.methods.base import Draws, System

CLASSES, COUNT = 5, 40
WIDTHS = (2, 4, 8)
# 800 BitOPs before the first dynamic layer, 160 behind it.
COST = CostModel(
    [
        LayerCost("first", 7, 1, 1),
        LayerCost("static", 50, 1, 1, (4,), (4,)),
        LayerCost("a", 100, 3, 5, WIDTHS, WIDTHS, 0),
        LayerCost("late", 10, 1, 1, (4,), (4,)),
        LayerCost("b", 200, 7, 9, WIDTHS, WIDTHS, 1),
    ]
)


def numbers(count: int = COUNT) -> ArrayDataset:
    """Grey images whose pixel value is their number; labels run through the classes."""
    pixels = np.arange(count, dtype=np.uint8)[:, None, None, None] * np.ones((1, 3, 2, 2), np.uint8)
    facts = Facts("numbers", tuple("abcde"), np.zeros(3, np.float32), np.ones(3, np.float32))
    return ArrayDataset(facts, pixels, np.arange(count) % CLASSES, lambda x, draws: x, 0)


def tables(count: int = COUNT, seed: int = 0) -> np.ndarray:
    """Logits (widths, images, classes): the wider, the surer of the right class."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(len(WIDTHS), count, CLASSES))
    right = np.arange(count) % CLASSES
    for k, ease in enumerate((1.0, 2.0, 3.0)):
        logits[k, np.arange(count), right] += ease
    return logits.astype(np.float32)


class Chooser:
    """As much of a controller as an evaluation asks for."""

    slots, columns = 2, 1

    def __init__(self, looks: bool):
        self.looks = looks
        self.budget = None

    def keep_to(self, budget: float) -> bool:
        self.budget = budget
        return self.looks


class Noise(Draws):
    """Of a controller that decides by arg-max."""

    def still(self, images, forced=None):
        return (forcing_noise(forced, (images, 2, 1, len(WIDTHS))),)


class Planned(nn.Cell):
    """(image, noise (N, 2, 1, K)) -> logits of the mean of the tables at the widths of layers a and b."""

    def __init__(self, logits: np.ndarray, own: np.ndarray, looks: bool):
        super().__init__()
        self.table = Tensor(logits.transpose(1, 0, 2).copy())
        self.own = Tensor(np.eye(len(WIDTHS), dtype=np.float32)[own])  # (images, 2, K)
        self.controller = Chooser(looks)
        # As much of a network as says where passes part.
        self.nodes, self.split = COST.layers, 1
        self.slots = [-1 if layer.slot is None else layer.slot for layer in COST.layers]
        self.is_norm = [False] * len(self.nodes)

    def construct(self, image, noise):
        number = (image[:, 0, 0, 0] * 255 + 0.5).astype("int32")
        wanted = self.own[number].reshape((-1, 2, 1, len(WIDTHS))) + noise
        plan = ops.one_hot(wanted.argmax(-1), len(WIDTHS)).astype(self.own.dtype)
        share = plan.mean(1)  # (N, 1, K)
        return {"logits": ops.matmul(share, self.table[number])[:, 0], "plan": plan}


def planned(logits: np.ndarray, own: np.ndarray | None = None, looks: bool = True) -> System:
    """`own`: the candidates that each image takes, (images, 2); None: the last."""
    if own is None:
        own = np.full((logits.shape[1], 2), len(WIDTHS) - 1)
    return System("planned", Planned(logits, own, looks), [], COST, WIDTHS, draws=Noise(), master=8)
