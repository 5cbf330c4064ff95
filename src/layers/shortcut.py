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
"""The shortcut without parameters of residual networks (option A; He et al., 2015, section 4.1)."""

import mindspore as ms
from mindspore import nn, ops


class ShortcutA(nn.Cell):
    """Every `stride`-th pixel, and zero channels on both sides. Nothing to learn."""

    def __init__(self, c_in: int, c_out: int, stride: int):
        super().__init__()
        self.stride = stride
        # MindSpore 2.10 on CPU cannot differentiate a strided slice in PyNative mode; pooling over
        # one pixel is the same pick, but slow as a graph.
        is_graph = ms.get_context("mode") == ms.GRAPH_MODE
        self.pick = None if is_graph else ops.AvgPool(1, stride, "valid")
        extra = c_out - c_in
        self.before, self.after = extra // 2, extra - extra // 2
        self.pad = ops.Pad(((0, 0), (self.before, self.after), (0, 0), (0, 0)))
        self.fused = None  # a kernel for both (layers/use_kernels.py)

    def construct(self, x):
        if self.fused is not None:
            return self.fused(x)
        if self.pick is not None:
            return self.pad(self.pick(x))
        return self.pad(x[:, :, :: self.stride, :: self.stride])
