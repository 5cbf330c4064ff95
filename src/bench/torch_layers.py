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
"""Layers of the PyTorch networks, and the net that they register what they learn with.

    static     LSQ: weights and inputs on a learned step
    dynamic    y[n] = sum_k m[n, k] conv(Q_k(x), Q_k(W)), m a hard Gumbel-softmax of a small head
               after the first stage (Liu et al., CVPR 2022, and the authors' code)

Networks and layers are plain objects, since PyTorch, which is no requirement of the project, is
imported inside functions.
"""

from src.bench.torch_quant import dorefa_input, dorefa_signed_input, dorefa_weight, first_step, lsq

FLOAT, LSQ, DOREFA, DYNAMIC = "float", "lsq", "dorefa", "dynamic"


class Net:
    """Image -> (logits, one-hot plan (N, layers, K) or None); `parameters` lists what is learned.

    Args:
        design: one of `torch_nets.DESIGNS`; its `stages(net)` are lists of blocks, each (x, plan) -> x.
        kind: float, static or dynamic.
        bits: static width, and the middle one of the dynamic candidates.
    """

    def __init__(self, design, kind: str, bits: int, num_classes: int):
        import torch

        self.parameters, self.slots = [], 0
        self.bits, self.candidates = bits, (bits - 1, bits, bits + 1)
        # Stage 1 and shortcuts of a dynamic net are static.
        self.rest = {"float": FLOAT, "static": LSQ, "dynamic": DOREFA}[kind]
        self.late = DYNAMIC if kind == "dynamic" else self.rest
        self.stages = design.stages(self)
        self.head = Controller(self, self.stages[0][-1].c_out) if kind == "dynamic" else None
        self.fc = self.learn(torch.nn.Linear(self.stages[-1][-1].c_out, num_classes))

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
        x, plan = image, None
        for i, stage in enumerate(self.stages):
            if i == 1 and self.head is not None:
                plan = self.head(x)
            for block in stage:
                x = block(x, plan)
        return self.fc(x.mean((2, 3))), plan


class Conv:
    """Convolution without bias whose weight and input are quantised as `how` says."""

    def __init__(
        self, net: Net, c_in: int, c_out: int, kernel: int, stride: int, how: str,
        groups: int = 1, signed: bool = False,
    ):  # fmt: skip
        import torch

        deviation = (2.0 / (c_out // groups * kernel * kernel)) ** 0.5
        self.weight = net.parameter(torch.randn(c_out, c_in // groups, kernel, kernel) * deviation)
        self.stride, self.padding, self.groups, self.how = stride, kernel // 2, groups, how
        self.signed = signed  # the input has negative values
        self.bits, self.candidates = net.bits, net.candidates
        if how == LSQ:
            self.top_signed = 2 ** (net.bits - 1) - 1
            self.low, self.top = (
                (-self.top_signed - 1, self.top_signed) if signed else (0, 2**net.bits - 1)
            )
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
            return self.multiply(self.dorefa(x, self.bits), dorefa_weight(self.weight, self.bits))
        total = 0
        for k, bits in enumerate(self.candidates):
            y = self.multiply(self.dorefa(x, bits), dorefa_weight(self.weight, bits))
            total = total + plan[:, self.slot, k].reshape(-1, 1, 1, 1) * y
        return total

    def dorefa(self, x, bits: int):
        return dorefa_signed_input(x, bits) if self.signed else dorefa_input(x, bits)

    def on_learned_grids(self, x):
        """LSQ's input and weight; the first input sets its step."""
        if not self.has_seen_input:
            self.input_step.data = first_step(x, self.top)
            self.has_seen_input = True
        x = lsq(x, self.input_step, self.low, self.top, x[0].numel())
        low, high = -self.top_signed - 1, self.top_signed
        return x, lsq(self.weight, self.weight_step, low, high, self.weight.numel())

    def multiply(self, x, weight):
        from torch.nn import functional

        return functional.conv2d(x, weight, None, self.stride, self.padding, groups=self.groups)


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
