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
"""The PyTorch networks by name: ResNets as ours (src/models/resnet.py), and MobileNetV2."""

from dataclasses import dataclass

from src.bench.torch_layers import FLOAT, Conv, Net
from src.bench.torch_mobilenet import MobileDesign


@dataclass(frozen=True)
class Design:
    """Blocks and channels of the stages; deep: bottleneck blocks; large: ImageNet's stem;
    option_a: shortcuts without parameters."""

    blocks: tuple[int, ...]
    channels: tuple[int, ...] = (64, 128, 256, 512)
    deep: bool = False
    large: bool = False
    option_a: bool = False

    def stages(self, net: Net) -> list[list]:
        """Lists of blocks; the stem begins the first."""
        stages, channels = [], self.channels[0]
        for i, (count, c) in enumerate(zip(self.blocks, self.channels, strict=True)):
            stage = []
            for j in range(count):
                stride = 2 if i > 0 and j == 0 else 1
                stage.append(Block(net, channels, c, stride, self, net.late if i else net.rest))
                channels = stage[-1].c_out
            stages.append(stage)
        stages[0].insert(0, Stem(net, self.channels[0], self.large))
        return stages


DESIGNS = {
    "resnet8": Design((1,) * 3, (16, 32, 64), option_a=True),
    "resnet20": Design((3,) * 3, (16, 32, 64), option_a=True),
    "resnet32": Design((5,) * 3, (16, 32, 64), option_a=True),
    "resnet56": Design((9,) * 3, (16, 32, 64), option_a=True),
    "resnet18_cifar": Design((2, 2, 2, 2)),
    "resnet18": Design((2, 2, 2, 2), large=True),
    "resnet34": Design((3, 4, 6, 3), large=True),
    "resnet50": Design((3, 4, 6, 3), deep=True, large=True),
    "mobilenetv2": MobileDesign(large=True),
    "mobilenetv2_cifar": MobileDesign(),
}


class Stem:
    """First layer; ImageNet's ends in a max-pool."""

    def __init__(self, net: Net, c: int, large: bool):
        import torch

        kernel, stride = (7, 2) if large else (3, 1)
        self.conv = Conv(net, 3, c, kernel, stride, FLOAT)
        self.norm, self.large = net.learn(torch.nn.BatchNorm2d(c)), large

    def __call__(self, x, plan):
        from torch.nn import functional

        x = functional.relu(self.norm(self.conv(x, plan)), inplace=True)
        return functional.max_pool2d(x, 3, 2, 1) if self.large else x


class Block:
    """Basic block, or bottleneck with its stride in the 3x3 convolution."""

    def __init__(self, net: Net, c_in: int, c: int, stride: int, design: Design, how: str):
        import torch

        self.c_out = 4 * c if design.deep else c
        shapes = [(c_in, c, 3, stride), (c, c, 3, 1)]
        if design.deep:
            shapes = [(c_in, c, 1, 1), (c, c, 3, stride), (c, self.c_out, 1, 1)]
        self.convs = [Conv(net, *shape, how) for shape in shapes]
        self.norms = [net.learn(torch.nn.BatchNorm2d(shape[1])) for shape in shapes]
        self.stride, self.extra = stride, self.c_out - c_in
        self.is_plain = stride == 1 and self.extra == 0
        self.shortcut = None
        if not self.is_plain and not design.option_a:
            self.shortcut = Conv(net, c_in, self.c_out, 1, stride, net.rest)
            self.shortcut_norm = net.learn(torch.nn.BatchNorm2d(self.c_out))

    def __call__(self, x, plan):
        from torch.nn import functional

        y = x
        for conv, norm in zip(self.convs[:-1], self.norms[:-1], strict=True):
            y = functional.relu(norm(conv(y, plan)), inplace=True)
        y = self.norms[-1](self.convs[-1](y, plan))
        return functional.relu(y + self.beside(x), inplace=True)

    def beside(self, x):
        """The shortcut: identity, projection, or every second pixel and zero channels."""
        from torch.nn import functional

        if self.is_plain:
            return x
        if self.shortcut is not None:
            return self.shortcut_norm(self.shortcut(x, None))
        side = self.extra // 2
        picked = x[:, :, :: self.stride, :: self.stride]
        return functional.pad(picked, (0, 0, 0, 0, side, self.extra - side))
