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
"""The same networks in plain PyTorch, as a user would write them.

    dynamic    y[n] = sum_k m[n, k] conv(Q_k(x), Q_k(W)), m a hard Gumbel-softmax of a small head
               after the first stage (Liu et al., CVPR 2022, and the authors' code)

Networks and layers are plain objects that register what they learn, since PyTorch, which is no
requirement of the project, is imported inside functions.
"""

from dataclasses import dataclass

from src.bench.torch_quant import dorefa_input, dorefa_weight, first_step, lsq

FLOAT, LSQ, DOREFA, DYNAMIC = "float", "lsq", "dorefa", "dynamic"


@dataclass(frozen=True)
class Design:
    """Blocks and channels of the stages; deep: bottleneck blocks; large: ImageNet's stem;
    option_a: shortcuts without parameters."""

    blocks: tuple[int, ...]
    channels: tuple[int, ...] = (64, 128, 256, 512)
    deep: bool = False
    large: bool = False
    option_a: bool = False


DESIGNS = {
    "resnet8": Design((1,) * 3, (16, 32, 64), option_a=True),
    "resnet20": Design((3,) * 3, (16, 32, 64), option_a=True),
    "resnet32": Design((5,) * 3, (16, 32, 64), option_a=True),
    "resnet56": Design((9,) * 3, (16, 32, 64), option_a=True),
    "resnet18_cifar": Design((2, 2, 2, 2)),
    "resnet18": Design((2, 2, 2, 2), large=True),
    "resnet34": Design((3, 4, 6, 3), large=True),
    "resnet50": Design((3, 4, 6, 3), deep=True, large=True),
}


class Net:
    """Image -> (logits, one-hot plan (N, layers, K) or None); `parameters` lists what is learned.

    Args:
        design: one of `DESIGNS`.
        kind: float, static or dynamic.
        bits: static width, and the middle one of the dynamic candidates.
    """

    def __init__(self, design: Design, kind: str, bits: int, num_classes: int):
        import torch

        self.parameters, self.slots = [], 0
        self.bits, self.candidates = bits, (bits - 1, bits, bits + 1)
        # Stage 1 and shortcuts of a dynamic net are static.
        self.rest = {"float": FLOAT, "static": LSQ, "dynamic": DOREFA}[kind]
        self.late = DYNAMIC if kind == "dynamic" else self.rest
        self.large = design.large
        width = channels = design.channels[0]
        kernel, stride = (7, 2) if design.large else (3, 1)
        self.stem = Conv(self, 3, width, kernel, stride, FLOAT)
        self.norm = self.learn(torch.nn.BatchNorm2d(width))
        self.stages = []
        for i, (count, c) in enumerate(zip(design.blocks, design.channels, strict=True)):
            stage = []
            for j in range(count):
                step = 2 if i > 0 and j == 0 else 1
                stage.append(Block(self, channels, c, step, design, self.late if i else self.rest))
                channels = stage[-1].c_out
            self.stages.append(stage)
        self.head = None
        if kind == "dynamic":
            self.head = Controller(self, width * (4 if design.deep else 1))
        self.fc = self.learn(torch.nn.Linear(channels, num_classes))

    def learn(self, module):
        """Register the parameters of a module of PyTorch's own; returns it."""
        self.parameters += module.parameters()
        return module

    def parameter(self, value):
        """Register a learned tensor; returns it."""
        import torch

        self.parameters.append(torch.nn.Parameter(value))
        return self.parameters[-1]

    def __call__(self, image):
        from torch.nn import functional

        x = functional.relu(self.norm(self.stem(image, None)), inplace=True)
        if self.large:
            x = functional.max_pool2d(x, 3, 2, 1)
        plan = None
        for i, stage in enumerate(self.stages):
            if i == 1 and self.head is not None:
                plan = self.head(x)
            for block in stage:
                x = block(x, plan)
        return self.fc(x.mean((2, 3))), plan


class Conv:
    """Convolution without bias whose weight and input are quantised as `how` says."""

    def __init__(self, net: Net, c_in: int, c_out: int, kernel: int, stride: int, how: str):
        import torch

        deviation = (2.0 / (c_out * kernel * kernel)) ** 0.5
        self.weight = net.parameter(torch.randn(c_out, c_in, kernel, kernel) * deviation)
        self.stride, self.padding, self.how = stride, kernel // 2, how
        self.bits, self.candidates = net.bits, net.candidates
        if how == LSQ:
            self.top, self.top_signed = 2**net.bits - 1, 2 ** (net.bits - 1) - 1
            self.weight_step = net.parameter(first_step(self.weight, self.top_signed))
            self.input_step = net.parameter(torch.ones(1))
            self.has_seen_input = False
        if how == DYNAMIC:
            self.slot = net.slots
            net.slots += 1

    def __call__(self, x, plan):
        if self.how == FLOAT:
            return self.multiply(x, self.weight)
        if self.how == LSQ:
            return self.multiply(*self.on_learned_grids(x))
        if self.how == DOREFA:
            return self.multiply(dorefa_input(x, self.bits), dorefa_weight(self.weight, self.bits))
        total = 0
        for k, bits in enumerate(self.candidates):
            y = self.multiply(dorefa_input(x, bits), dorefa_weight(self.weight, bits))
            total = total + plan[:, self.slot, k].reshape(-1, 1, 1, 1) * y
        return total

    def on_learned_grids(self, x):
        """LSQ's input and weight; the first input sets its step."""
        if not self.has_seen_input:
            self.input_step.data = first_step(x, self.top)
            self.has_seen_input = True
        x = lsq(x, self.input_step, 0, self.top, x[0].numel())
        low, high = -self.top_signed - 1, self.top_signed
        return x, lsq(self.weight, self.weight_step, low, high, self.weight.numel())

    def multiply(self, x, weight):
        from torch.nn import functional

        return functional.conv2d(x, weight, None, self.stride, self.padding)


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


class Controller:
    """Pool to 8x8, two dense layers with dropout between, hard Gumbel-softmax over the widths."""

    def __init__(self, net: Net, channels: int):
        import torch

        self.choices = len(net.candidates)
        self.first = net.learn(torch.nn.Linear(channels * 64, 64))
        self.second = net.learn(torch.nn.Linear(64, net.slots * self.choices))

    def __call__(self, x):
        from torch.nn import functional

        pooled = functional.adaptive_avg_pool2d(x, 8).flatten(1)
        logits = self.second(functional.dropout(self.first(pooled), 0.2))
        return functional.gumbel_softmax(
            logits.reshape(len(x), -1, self.choices), tau=1.0, hard=True, dim=-1
        )
