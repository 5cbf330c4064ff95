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
"""Layers at one fixed width: quantise weight and input, then multiply."""

from mindspore import nn, ops

from src.layers.conv import Conv2d, Dense


class StaticConv2d(nn.Cell):
    """A `Conv2d` whose weight and input are quantised at the single width of their quantisers."""

    def __init__(self, conv: Conv2d, weight_quantizer: nn.Cell, input_quantizer: nn.Cell):
        super().__init__()
        self.weight = conv.weight
        self.weight_quantizer = weight_quantizer
        self.input_quantizer = input_quantizer
        self.stride, self.padding, self.groups = conv.stride, conv.padding, conv.groups
        self.multiply = conv.multiply
        self.fused = None  # a kernel that quantises the input and multiplies (layers/use_kernels.py)

    def construct(self, x):
        weight, scale = self.weight_quantizer(self.weight, 0)
        if self.fused is None:
            return self.multiply(self.input_quantizer(x, 0), weight)
        inv, step, _, high, step_port, clip_port = self.input_quantizer.grid(x, 0)
        return self.fused(x, weight, scale, inv, step, high, step_port, clip_port)


class StaticDense(nn.Cell):
    """A `Dense` layer likewise; the bias stays float (an integer of the accumulator's scale)."""

    def __init__(self, dense: Dense, weight_quantizer: nn.Cell, input_quantizer: nn.Cell):
        super().__init__()
        self.weight, self.bias = dense.weight, dense.bias
        self.weight_quantizer = weight_quantizer
        self.input_quantizer = input_quantizer
        self.multiply = ops.MatMul(transpose_b=True)

    def construct(self, x):
        weight, _ = self.weight_quantizer(self.weight, 0)
        return self.multiply(self.input_quantizer(x, 0), weight) + self.bias
