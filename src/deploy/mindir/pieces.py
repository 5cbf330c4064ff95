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
"""A frozen network cut where widths are chosen: the stages of a bundle.

    image -> front -> map 0, choice logits;   then for each stage: maps -> graph of the choice -> map

A device runs static graphs only, so a dynamic layer becomes one graph per candidate and the host
picks one for each image. What follows a convolution (normalisation, residual sum, ReLU) belongs to
its stage; a stage without a choice has one graph. A controller that makes one choice for the whole
network gives a single stage, the tail, with one graph per candidate.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import mindspore as ms
from mindspore import Tensor, nn, ops

from src.layers.dynamic import MIXTURE, DynamicConv2d
from src.methods.base import Method
from src.models.resnet import ShortcutB

UNCHOSEN = (0, 0)  # candidates of a stage without a choice


@dataclass(frozen=True)
class Stage:
    """One step from maps to a map; stage i writes map i + 1.

    Attributes:
        name: of its layer; `head`, or `tail`.
        slot: place of its choice in the plan, -1: it has none.
        inputs: numbers of the maps it reads, one or two.
        cell: candidates (of the weights, of the inputs) -> cell of as many arguments as inputs.
        layers: names of the layers that run at the chosen widths.
    """

    name: str
    slot: int
    inputs: tuple[int, ...]
    cell: Callable[[tuple[int, int]], nn.Cell]
    layers: tuple[str, ...] = ()


class Front(nn.Cell):
    """image (1, 3, S, S) -> (map 0, choice logits (1, slots, columns, K)): all before the choice."""

    def __init__(self, method: Method):
        super().__init__()
        network = method.network
        self.model, self.head = network.model, network.head
        self.split, self.sees = network.split, network.sees

    def construct(self, image):
        before = self.model.early if self.split == "early" else self.model.stem
        features = before(image, None)
        return features, self.head(image if self.sees == "image" else features)


class Masked(nn.Cell):
    """image -> (logits, choice logits), every candidate computed and the chosen one kept."""

    def __init__(self, front: Front):
        super().__init__()
        self.front, self.model = front, front.model
        self.layers, self.choices = front.head.layers, front.head.choices
        self.largest, self.one_hot = ops.Argmax(-1, ms.int32), ops.OneHot(-1)
        self.one, self.zero = Tensor(1.0, ms.float32), Tensor(0.0, ms.float32)

    def construct(self, image):
        features, choice = self.front(image)
        plan = self.one_hot(self.largest(choice), self.choices, self.one, self.zero)
        if self.front.head.shared:
            plan = ops.tile(plan, (1, self.layers, 1, 1))
        after = self.model.late if self.front.split == "early" else self.model.after_stem
        return after(features, plan), choice


class AtWidth(nn.Cell):
    """A dynamic layer held at one candidate of its weights and one of its inputs."""

    def __init__(self, layer: DynamicConv2d, choice: tuple[int, int]):
        super().__init__()
        self.layer = layer
        self.of_weight, self.of_input = choice

    def construct(self, x, plan):
        weight, _ = self.layer.weight_quantizer(self.layer.weight, self.of_weight)
        return self.layer.multiply(self.layer.input_quantizer(x, self.of_input), weight)


class ConvStage(nn.Cell):
    """A convolution with what follows it; `residual` goes through `shortcut`, if there is one."""

    def __init__(self, conv: nn.Cell, norm: nn.Cell, shortcut: nn.Cell | None, choice):
        super().__init__()
        self.conv = AtWidth(conv, choice) if isinstance(conv, DynamicConv2d) else conv
        self.norm, self.shortcut = norm, shortcut

    def construct(self, x, residual=None):
        if self.shortcut is not None:
            residual = self.shortcut(residual, None)
        return self.norm(self.conv(x, None), residual)


class HeadStage(nn.Cell):
    """Mean over the pixels, and the classifier."""

    def __init__(self, fc: nn.Cell):
        super().__init__()
        self.fc = fc

    def construct(self, x):
        return self.fc(x.mean((2, 3)), None)


class Tail(nn.Cell):
    """All stages at one choice."""

    def __init__(self, stages: list[Stage], choice: tuple[int, int]):
        super().__init__()
        self.steps = nn.CellList([stage.cell(choice) for stage in stages])
        self.inputs = tuple(stage.inputs for stage in stages)

    def construct(self, features):
        maps = (features,)
        for i, cell in enumerate(self.steps):
            first, last = self.inputs[i][0], self.inputs[i][-1]
            y = cell(maps[first]) if first == last else cell(maps[first], maps[last])
            maps = maps + (y,)
        return maps[-1]


def stages_of(method: Method) -> list[Stage]:
    """The stages after the front of a frozen network with a controller."""
    cut = _Cut()
    model, first = method.network.model, 2 if method.network.split == "early" else 1
    for i in range(first, 5 if model.has_layer4 else 4):
        for j, block in enumerate(getattr(model, f"layer{i}")):
            cut.block(block, f"layer{i}.{j}")
    cut.add("head", partial(_head, model.fc), (cut.last,))
    if not method.network.head.shared:
        return cut.stages
    dynamic = tuple(name for stage in cut.stages for name in stage.layers)
    return [Stage("tail", 0, (0,), partial(Tail, cut.stages), dynamic)]


def hold_mixture(network: nn.Cell) -> None:
    """Have every dynamic layer compute all its candidates, as graphs without a choice must."""
    for _, cell in network.cells_and_names():
        if isinstance(cell, DynamicConv2d):
            cell.execution = MIXTURE


class _Cut:
    def __init__(self):
        self.stages: list[Stage] = []
        self.last = 0  # the map written last

    def add(self, name: str, cell, inputs: tuple[int, ...], conv: nn.Cell | None = None) -> int:
        slot = conv.slot if isinstance(conv, DynamicConv2d) else -1
        self.stages.append(Stage(name, slot, inputs, cell, (name,) if slot >= 0 else ()))
        self.last = len(self.stages)
        return self.last

    def block(self, block: nn.Cell, name: str) -> None:
        x = residual = y = self.last
        shortcut = block.downsample
        if isinstance(shortcut, ShortcutB) and isinstance(shortcut.conv, DynamicConv2d):
            cell = partial(ConvStage, shortcut.conv, shortcut.bn, None)
            residual = self.add(f"{name}.downsample.conv", cell, (x,), shortcut.conv)
            shortcut = None
        leaves = [leaf for leaf in ("1", "2", "3") if hasattr(block, f"conv{leaf}")]
        for leaf in leaves:
            conv, norm = getattr(block, f"conv{leaf}"), getattr(block, f"bn{leaf}")
            is_last = leaf == leaves[-1]
            cell = partial(ConvStage, conv, norm, shortcut if is_last else None)
            y = self.add(f"{name}.conv{leaf}", cell, (y, residual) if is_last else (y,), conv)


def _head(fc: nn.Cell, choice: tuple[int, int]) -> nn.Cell:
    return HeadStage(fc)
