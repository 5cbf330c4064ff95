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
"""MobileNetV2 in PyTorch, with the blocks, strides and parts of ours (src/models/mobilenetv2.py)."""

from dataclasses import dataclass

from src.bench.torch_layers import FLOAT, Conv, Net

STEM, LAST = 32, 1280
# expansion, channels, blocks, first stride; a list for each part
ROWS = (
    ((1, 16, 1, 1), (6, 24, 2, 2)),
    ((6, 32, 3, 2),),
    ((6, 64, 4, 2), (6, 96, 3, 1)),
    ((6, 160, 3, 2), (6, 320, 1, 1)),
)


@dataclass(frozen=True)
class MobileDesign:
    """large: strides for images of 224 pixels; else the first two of them are 1."""

    large: bool = False

    def stages(self, net: Net) -> list[list]:
        """Lists of blocks; the stem begins the first, the widest layer ends the last."""
        stages = [[Unit(net, 3, STEM, 3, 2 if self.large else 1, FLOAT)]]
        channels = STEM
        for i, rows in enumerate(ROWS):
            stages += [[]] if i else []
            for t, c, count, first in rows:
                stride = first if self.large or i else 1
                for j in range(count):
                    how = net.late if i else net.rest
                    stages[i].append(Inverted(net, channels, c, t, stride if j == 0 else 1, how))
                    channels = c
        stages[-1].append(Unit(net, channels, LAST, 1, 1, net.late, signed=True))
        return stages


class Unit:
    """relu6(bn(conv(x))); linear: without relu6."""

    def __init__(
        self, net: Net, c_in: int, c_out: int, kernel: int, stride: int, how: str,
        groups: int = 1, signed: bool = False, linear: bool = False,
    ):  # fmt: skip
        import torch

        self.conv = Conv(net, c_in, c_out, kernel, stride, how, groups, signed)
        self.norm = net.learn(torch.nn.BatchNorm2d(c_out))
        self.c_out, self.linear = c_out, linear

    def __call__(self, x, plan):
        from torch.nn import functional

        y = self.norm(self.conv(x, plan))
        return y if self.linear else functional.relu6(y, inplace=True)


class Inverted:
    """Inverted residual: expand, depthwise, project."""

    def __init__(self, net: Net, c_in: int, c: int, t: int, stride: int, how: str):
        wide = t * c_in
        self.units = [] if t == 1 else [Unit(net, c_in, wide, 1, 1, how, signed=True)]
        self.units.append(Unit(net, wide, wide, 3, stride, how, groups=wide))
        self.units.append(Unit(net, wide, c, 1, 1, how, linear=True))
        self.c_out, self.is_residual = c, stride == 1 and c_in == c

    def __call__(self, x, plan):
        y = x
        for unit in self.units:
            y = unit(y, plan)
        return x + y if self.is_residual else y
