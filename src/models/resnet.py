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
"""Residual networks: CIFAR-10 (ResNet-8/20/32/56) and ImageNet (ResNet-18/34/50) forms.

    CIFAR:    3x3 stem, three groups of n basic blocks, 16/32/64 channels     (depth 6n + 2)
    ImageNet: 7x7 stem and max-pool, four groups of basic or bottleneck blocks

    basic        relu( bn(conv3x3(relu(bn(conv3x3(x))))) + shortcut(x) )
    bottleneck   1x1 down, 3x3, 1x1 up to four times the channels, plus the shortcut

Layer names follow torchvision (`layer1.0.conv1`, `fc`), so that public weights fit.
Source: He et al., "Deep Residual Learning", 2015, arXiv 1512.03385; option A and B of section 4.1.
The stride of a bottleneck sits in its 3x3 convolution, as in torchvision.
"""

from dataclasses import dataclass

import numpy as np

from src.layers.activation import RELU
from src.layers.conv import Conv2d, Dense
from src.layers.norm import BatchNorm
from src.layers.pool import MaxPool, Mean
from src.layers.shortcut import ShortcutA
from src.models.backbone import (
    CONV,
    DENSE,
    HEAD,
    IMAGE,
    MAX_POOL,
    MEAN,
    NORM,
    STEM,
    SUBSAMPLE,
    Backbone,
    Design,
)


@dataclass(frozen=True)
class ResNet(Design):
    """blocks per group, channels of the groups, bottleneck blocks or basic ones, ImageNet stem."""

    blocks: tuple[int, ...]
    channels: tuple[int, ...]
    bottleneck: bool = False
    imagenet_stem: bool = False
    option_a: bool = False  # may use the parameter-free shortcut

    options = ("shortcut",)

    @property
    def image_size(self) -> int:
        return 224 if self.imagenet_stem else 32

    def build(self, num_classes: int, rng: np.random.Generator, shortcut: str = "A") -> Backbone:
        """shortcut: A or B; only CIFAR designs know A."""
        return _Builder(self, self.option_a and shortcut == "A", rng).build(num_classes)


_CIFAR = (16, 32, 64)
_WIDE = (64, 128, 256, 512)

DESIGNS = {
    "resnet8": ResNet((1,) * 3, _CIFAR, option_a=True),
    "resnet20": ResNet((3,) * 3, _CIFAR, option_a=True),
    "resnet32": ResNet((5,) * 3, _CIFAR, option_a=True),
    "resnet56": ResNet((9,) * 3, _CIFAR, option_a=True),
    "resnet18_cifar": ResNet((2, 2, 2, 2), _WIDE),
    "resnet18": ResNet((2, 2, 2, 2), _WIDE, imagenet_stem=True),
    "resnet34": ResNet((3, 4, 6, 3), _WIDE, imagenet_stem=True),
    "resnet50": ResNet((3, 4, 6, 3), _WIDE, bottleneck=True, imagenet_stem=True),
}
_EXPANSION = 4  # of a bottleneck


class _Builder:
    def __init__(self, design: ResNet, option_a: bool, rng: np.random.Generator):
        self.design, self.option_a, self.rng = design, option_a, rng
        self.net = Backbone()

    def build(self, num_classes: int) -> Backbone:
        design = self.design
        x, channels = self._stem(), design.channels[0]
        for group, (count, c) in enumerate(zip(design.blocks, design.channels, strict=True), 1):
            for j in range(count):
                stride = 2 if group > 1 and j == 0 else 1
                x, channels = self._block(x, f"layer{group}.{j}", group, channels, c, stride)
        x = self.net.add("mean", MEAN, Mean(), x, part=HEAD)
        dense = Dense(channels, num_classes, rng=self.rng)
        self.net.add("fc", DENSE, dense, x, part=HEAD, elsewhere=("linear", "end_point"))
        return self.net

    def _stem(self) -> int:
        width = self.design.channels[0]
        kernel, stride = (7, 2) if self.design.imagenet_stem else (3, 1)
        conv = Conv2d(3, width, kernel, stride, kernel // 2, rng=self.rng, is_first=True)
        x = self.net.add("conv1", CONV, conv, IMAGE, part=STEM)
        x = self.net.add("bn1", NORM, BatchNorm(width, RELU), x, part=STEM)
        if self.design.imagenet_stem:
            x = self.net.add("pool", MAX_POOL, MaxPool(), x, part=STEM)
        return x

    def _block(self, x: int, name: str, part: int, c_in: int, c: int, stride: int):
        """Adds a block on node x; returns its last node and its channels."""
        convs = self._bottleneck(c_in, c, stride) if self.design.bottleneck else self._basic(c_in, c, stride)
        c_out = convs[-1].c_out
        residual = self._shortcut(x, f"{name}.downsample", part, c_in, c_out, stride)
        for i, conv in enumerate(convs, 1):
            x = self.net.add(f"{name}.conv{i}", CONV, conv, x, part=part)
            also = (residual,) if conv is convs[-1] else ()
            norm = BatchNorm(conv.c_out, RELU)
            x = self.net.add(f"{name}.bn{i}", NORM, norm, x, *also, part=part)
        return x, c_out

    def _basic(self, c_in: int, c: int, stride: int) -> list[Conv2d]:
        return [
            Conv2d(c_in, c, 3, stride, 1, rng=self.rng),
            Conv2d(c, c, 3, 1, 1, rng=self.rng),
        ]

    def _bottleneck(self, c_in: int, c: int, stride: int) -> list[Conv2d]:
        return [
            Conv2d(c_in, c, 1, rng=self.rng),
            Conv2d(c, c, 3, stride, 1, rng=self.rng),
            Conv2d(c, c * _EXPANSION, 1, rng=self.rng),
        ]

    def _shortcut(self, x: int, name: str, part: int, c_in: int, c_out: int, stride: int) -> int:
        if stride == 1 and c_in == c_out:
            return x
        beside = {"part": part, "is_shortcut": True}
        others = (name, name.replace("downsample", "shortcut"))
        if self.option_a:
            return self.net.add(name, SUBSAMPLE, ShortcutA(c_in, c_out, stride), x, **beside)
        conv = Conv2d(c_in, c_out, 1, stride, rng=self.rng)
        there = tuple(f"{other}.0" for other in others)
        x = self.net.add(f"{name}.conv", CONV, conv, x, elsewhere=there, **beside)
        there = tuple(f"{other}.1" for other in others)
        return self.net.add(f"{name}.bn", NORM, BatchNorm(c_out), x, elsewhere=there, **beside)
