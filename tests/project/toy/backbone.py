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
"""A toy backbone: two inverted residual blocks, depthwise in the middle and linear at their ends."""

from src.layers.activation import NONE, RELU, RELU6
from src.layers.conv import Conv2d, Dense
from src.layers.norm import BatchNorm
from src.layers.pool import Mean
from src.models.backbone import CONV, DENSE, HEAD, IMAGE, MEAN, NORM, STEM, Backbone, Design

WIDTH = 6


class Toy(Design):
    image_size = 32

    def build(self, num_classes, rng) -> Backbone:
        return _built(num_classes, rng)


def _built(num_classes, rng) -> Backbone:
    net = Backbone()

    def layer(x, name, conv, activation, part, *residual):
        x = net.add(f"{name}.conv", CONV, conv, x, part=part)
        norm = BatchNorm(conv.c_out, activation)
        return net.add(f"{name}.bn", NORM, norm, x, *residual, part=part)

    def block(x, part, stride):
        wide, start = 2 * WIDTH, x
        residual = (start,) if stride == 1 else ()
        x = layer(x, f"block{part}.expand", Conv2d(WIDTH, wide, 1, rng=rng), RELU6, part)
        depthwise = Conv2d(wide, wide, 3, stride, 1, wide, rng=rng)
        x = layer(x, f"block{part}.depth", depthwise, RELU6, part)
        project = Conv2d(wide, WIDTH, 1, rng=rng)
        return layer(x, f"block{part}.project", project, NONE, part, *residual)

    stem = Conv2d(3, WIDTH, 3, 2, 1, rng=rng, is_first=True)
    x = layer(IMAGE, "stem", stem, RELU, STEM)
    for part, stride in ((1, 1), (2, 2)):
        x = block(x, part, stride)
    x = net.add("mean", MEAN, Mean(), x, part=HEAD)
    net.add("classifier", DENSE, Dense(WIDTH, num_classes, rng=rng), x, part=HEAD)
    return net
