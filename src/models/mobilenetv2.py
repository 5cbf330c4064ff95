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
"""MobileNetV2, for ImageNet and with the usual fewer strides for images of 32 pixels.

    stem         relu6( bn(conv3x3(image)) )
    block        v = relu6( bn(1x1, c -> t c) )         not where t = 1
                 v = relu6( bn(depthwise 3x3, stride) )
                 y = bn(1x1, t c -> c')  [+ x, where neither side nor channels change]
    last         relu6( bn(1x1 to 1280) ), mean over pixels, classifier

Blocks end in a linear bottleneck: y has a sign, and no activation follows the sum. A width multiplier
scales all channels, to multiples of 8, but for the last layer's below 1.
Source: Sandler et al., "MobileNetV2", CVPR 2018, arXiv 1801.04381, table 2. Rounding to multiples of 8
is the authors' code's; the strides for 32 pixels are those of public CIFAR-10 code; no dropout before
the classifier is our choice.
Parts are what has one resolution, as the groups of a ResNet: at 224 pixels the blocks down to 56 x 56,
28, 14, and 7 with the last convolution. Blocks are numbered as in torchvision (`features.1` ...).
"""

from dataclasses import dataclass

import numpy as np

from src.layers.activation import NONE, RELU6
from src.layers.conv import Conv2d, Dense
from src.layers.norm import BatchNorm
from src.layers.pool import Mean
from src.models.backbone import CONV, DENSE, HEAD, IMAGE, MEAN, NORM, STEM, Backbone, Design


@dataclass(frozen=True)
class Row:
    """Blocks of the paper's table 2: expansion t, output channels c, how many n, first stride s; part."""

    t: int
    c: int
    n: int
    s: int
    part: int


@dataclass(frozen=True)
class MobileNetV2(Design):
    """rows of blocks; channels and stride of the stem; channels of the last convolution."""

    rows: tuple[Row, ...]
    stem_stride: int
    stem: int = 32
    last: int = 1280

    options = ("width",)

    @property
    def image_size(self) -> int:
        return 224 if self.stem_stride == 2 else 32

    def build(self, num_classes: int, rng: np.random.Generator, width: float = 1.0) -> Backbone:
        """width: the multiplier, > 0."""
        return _Builder(self, width, rng).build(num_classes)


def _rows(second_stride: int) -> tuple[Row, ...]:
    """second_stride: that of the second row; ImageNet's has 2."""
    return (
        Row(1, 16, 1, 1, 1),
        Row(6, 24, 2, second_stride, 1),
        Row(6, 32, 3, 2, 2),
        Row(6, 64, 4, 2, 3),
        Row(6, 96, 3, 1, 3),
        Row(6, 160, 3, 2, 4),
        Row(6, 320, 1, 1, 4),
    )


DESIGNS = {
    "mobilenetv2": MobileNetV2(_rows(2), stem_stride=2),
    "mobilenetv2_cifar": MobileNetV2(_rows(1), stem_stride=1),
}


def scaled(channels: int, width: float) -> int:
    """channels x width as the nearest multiple of 8, at least 8 and not a tenth below it."""
    wanted = channels * width
    nearest = max(8, int(wanted + 4) // 8 * 8)
    return nearest + 8 if nearest < 0.9 * wanted else nearest


class _Builder:
    def __init__(self, design: MobileNetV2, width: float, rng: np.random.Generator):
        self.design, self.width, self.rng = design, width, rng
        self.net, self.blocks = Backbone(), 0

    def build(self, num_classes: int) -> Backbone:
        design = self.design
        c = scaled(design.stem, self.width)
        stem = Conv2d(3, c, 3, design.stem_stride, 1, rng=self.rng, is_first=True)
        x = self._alone("features.0", stem, IMAGE, STEM)
        for row in design.rows:
            c_out = scaled(row.c, self.width)
            for j in range(row.n):
                x = self._block(x, c, c_out, row.t, row.s if j == 0 else 1, row.part)
                c = c_out
        last = scaled(design.last, max(1.0, self.width))
        conv = Conv2d(c, last, 1, rng=self.rng)
        x = self._alone(f"features.{self.blocks + 1}", conv, x, design.rows[-1].part)
        x = self.net.add("mean", MEAN, Mean(), x, part=HEAD)
        dense = Dense(last, num_classes, rng=self.rng)
        self.net.add("classifier", DENSE, dense, x, part=HEAD, elsewhere=("classifier.1",))
        return self.net

    def _alone(self, name: str, conv: Conv2d, x: int, part: int) -> int:
        """Adds a convolution that is in no block, with what follows it; returns the last node."""
        x = self.net.add(f"{name}.conv", CONV, conv, x, part=part, elsewhere=(f"{name}.0",))
        norm = BatchNorm(conv.c_out, RELU6)
        return self.net.add(f"{name}.bn", NORM, norm, x, part=part, elsewhere=(f"{name}.1",))

    def _block(self, x: int, c_in: int, c_out: int, t: int, stride: int, part: int) -> int:
        """Adds a block on node x; returns its last node."""
        self.blocks += 1
        name, wide = f"features.{self.blocks}", t * c_in
        residual = (x,) if stride == 1 and c_in == c_out else ()
        convs = {} if t == 1 else {"expand": Conv2d(c_in, wide, 1, rng=self.rng)}
        convs["depthwise"] = Conv2d(wide, wide, 3, stride, 1, wide, rng=self.rng)
        convs["project"] = Conv2d(wide, c_out, 1, rng=self.rng)
        for j, (leaf, conv) in enumerate(convs.items()):
            is_end = leaf == "project"
            theirs = _elsewhere(f"{name}.conv", j, is_end)
            x = self.net.add(f"{name}.{leaf}", CONV, conv, x, part=part, elsewhere=theirs[0])
            norm = BatchNorm(conv.c_out, NONE if is_end else RELU6)
            also = residual if is_end else ()
            x = self.net.add(f"{name}.{leaf}_bn", NORM, norm, x, *also, part=part, elsewhere=theirs[1])
        return x


def _elsewhere(name: str, j: int, is_end: bool) -> tuple[tuple[str, str], tuple[str, str]]:
    """What files call convolution j of a block, and the normalisation behind it: where convolution,
    normalisation and activation are numbered one by one, and in torchvision, where they are a group
    but for the last two."""
    in_torchvision = (f"{name}.{j}", f"{name}.{j + 1}") if is_end else (f"{name}.{j}.0", f"{name}.{j}.1")
    return tuple(zip((f"{name}.{3 * j}", f"{name}.{3 * j + 1}"), in_torchvision, strict=True))
