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
"""Residual networks for 32-pixel images and for ImageNet.

    CIFAR:    3x3 stem, three stages of n basic blocks, 16/32/64 channels     (depth 6n + 2)
    ImageNet: 7x7 stem and max-pool, four stages of basic or bottleneck blocks

`early` (stem and first stage) and `late` (the other stages and the head) are explicit, so that a
controller can look at the features between them. Layer names follow torchvision
(`layer1.0.conv1`, `fc`), so that public weights fit.
Source: He et al., "Deep Residual Learning", 2015, arXiv 1512.03385; option A and B of section 4.1.
The stride of a bottleneck sits in its 3x3 convolution, as in torchvision.
"""

from dataclasses import dataclass

import numpy as np
from mindspore import nn

from src.layers.activation import RELU
from src.layers.conv import Conv2d, Dense
from src.layers.norm import BatchNorm
from src.layers.pool import MaxPool
from src.layers.shortcut import ShortcutA
from src.layers.swap import name_parameters


@dataclass(frozen=True)
class Design:
    """blocks per stage, channels of the stages, bottleneck blocks or basic ones, ImageNet stem."""

    blocks: tuple[int, ...]
    channels: tuple[int, ...]
    bottleneck: bool = False
    imagenet_stem: bool = False
    option_a: bool = False  # may use the parameter-free shortcut


_CIFAR = (16, 32, 64)
_WIDE = (64, 128, 256, 512)

DESIGNS = {
    "resnet8": Design((1,) * 3, _CIFAR, option_a=True),
    "resnet20": Design((3,) * 3, _CIFAR, option_a=True),
    "resnet32": Design((5,) * 3, _CIFAR, option_a=True),
    "resnet56": Design((9,) * 3, _CIFAR, option_a=True),
    "resnet18_cifar": Design((2, 2, 2, 2), _WIDE),
    "resnet18": Design((2, 2, 2, 2), _WIDE, imagenet_stem=True),
    "resnet34": Design((3, 4, 6, 3), _WIDE, imagenet_stem=True),
    "resnet50": Design((3, 4, 6, 3), _WIDE, bottleneck=True, imagenet_stem=True),
}


class ShortcutB(nn.Cell):
    """1x1 convolution and normalisation (option B)."""

    def __init__(self, c_in: int, c_out: int, stride: int, rng):
        super().__init__()
        self.conv = Conv2d(c_in, c_out, 1, stride, rng=rng)
        self.bn = BatchNorm(c_out)

    def construct(self, x, plan, row=None):
        return self.bn(self.conv(x, plan), None, row)


class BasicBlock(nn.Cell):
    """relu( bn(conv3x3(relu(bn(conv3x3(x))))) + shortcut(x) )"""

    expansion = 1

    def __init__(self, c_in: int, c: int, stride: int, option_a: bool, rng):
        super().__init__()
        self.conv1 = Conv2d(c_in, c, 3, stride, 1, rng=rng)
        self.bn1 = BatchNorm(c, RELU)
        self.conv2 = Conv2d(c, c, 3, 1, 1, rng=rng)
        self.bn2 = BatchNorm(c, RELU)
        self.downsample = _shortcut(c_in, c, stride, option_a, rng)

    def construct(self, x, plan, row=None):
        shortcut = x if self.downsample is None else self.downsample(x, plan, row)
        y = self.bn1(self.conv1(x, plan), None, row)
        return self.bn2(self.conv2(y, plan), shortcut, row)


class Bottleneck(nn.Cell):
    """1x1 down, 3x3, 1x1 up to four times the channels, plus the shortcut."""

    expansion = 4

    def __init__(self, c_in: int, c: int, stride: int, option_a: bool, rng):
        super().__init__()
        self.conv1 = Conv2d(c_in, c, 1, rng=rng)
        self.bn1 = BatchNorm(c, RELU)
        self.conv2 = Conv2d(c, c, 3, stride, 1, rng=rng)
        self.bn2 = BatchNorm(c, RELU)
        self.conv3 = Conv2d(c, c * self.expansion, 1, rng=rng)
        self.bn3 = BatchNorm(c * self.expansion, RELU)
        self.downsample = _shortcut(c_in, c * self.expansion, stride, option_a, rng)

    def construct(self, x, plan, row=None):
        shortcut = x if self.downsample is None else self.downsample(x, plan, row)
        y = self.bn1(self.conv1(x, plan), None, row)
        y = self.bn2(self.conv2(y, plan), None, row)
        return self.bn3(self.conv3(y, plan), shortcut, row)


def _shortcut(c_in: int, c_out: int, stride: int, option_a: bool, rng) -> nn.Cell | None:
    if stride == 1 and c_in == c_out:
        return None
    return ShortcutA(c_in, c_out, stride) if option_a else ShortcutB(c_in, c_out, stride, rng)


class ResNet(nn.Cell):
    """Image (N, 3, H, W) float32, normalised -> logits (N, num_classes).

    Every part also takes the plan, for dynamic layers, and the row of the normalisation's bank.

    Args:
        design: one of `DESIGNS`.
        num_classes: outputs.
        shortcut: A or B; only CIFAR designs know A.
        seed: of the first weights.
    """

    def __init__(self, design: Design, num_classes: int, shortcut: str = "A", seed: int = 0):
        super().__init__()
        rng = np.random.default_rng(seed)
        self.design = design
        width = design.channels[0]
        kernel, stride = (7, 2) if design.imagenet_stem else (3, 1)
        self.conv1 = Conv2d(3, width, kernel, stride, kernel // 2, rng=rng, is_first=True)
        self.bn1 = BatchNorm(width, RELU)
        self.pool = MaxPool() if design.imagenet_stem else None
        block = Bottleneck if design.bottleneck else BasicBlock
        option_a = design.option_a and shortcut == "A"
        channels = width
        for i, (count, c) in enumerate(zip(design.blocks, design.channels, strict=False)):
            blocks = []
            for j in range(count):
                step = 2 if i > 0 and j == 0 else 1
                blocks.append(block(channels, c, step, option_a, rng))
                channels = c * block.expansion
            setattr(self, f"layer{i + 1}", nn.CellList(blocks))
        self.has_layer4 = len(design.blocks) == 4
        self.early_channels = design.channels[0] * block.expansion
        self.fc = Dense(channels, num_classes, rng=rng)
        name_parameters(self)

    def stem(self, image, plan, row=None):
        """What comes before the first stage."""
        x = self.bn1(self.conv1(image, plan), None, row)
        return x if self.pool is None else self.pool(x)

    def after_stem(self, x, plan, row=None):
        """All stages and the head."""
        return self.late(self._first_stage(x, plan, row), plan, row)

    def early(self, image, plan, row=None):
        """Stem and first stage."""
        return self._first_stage(self.stem(image, plan, row), plan, row)

    def _first_stage(self, x, plan, row):
        for block in self.layer1:
            x = block(x, plan, row)
        return x

    def late(self, x, plan, row=None):
        """The other stages and the head."""
        for block in self.layer2:
            x = block(x, plan, row)
        for block in self.layer3:
            x = block(x, plan, row)
        if self.has_layer4:
            for block in self.layer4:
                x = block(x, plan, row)
        return self.fc(x.mean((2, 3)), plan)

    def construct(self, image, plan=None):
        return self.late(self.early(image, plan), plan)
