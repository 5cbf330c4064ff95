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
"""The max-pool of ImageNet's stem."""

from mindspore import nn, ops


class MaxPool(nn.Cell):
    """Maximum over 3x3 windows, stride 2, padding 1, of values that are not negative (a ReLU's).

    Zero padding then equals padding with -infinity.
    """

    kernel, stride, padding = 3, 2, 1

    def __init__(self):
        super().__init__()
        p = self.padding
        self.pad = ops.Pad(((0, 0), (0, 0), (p, p), (p, p)))
        self.pool = nn.MaxPool2d(self.kernel, self.stride, pad_mode="valid")
        self.fused = None  # a kernel for both (layers/use_kernels.py)

    def construct(self, x):
        return self.pool(self.pad(x)) if self.fused is None else self.fused(x)


class Mean(nn.Cell):
    """Over all pixels: (N, C, H, W) -> (N, C)."""

    def construct(self, x):
        return x.mean((2, 3))
