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
"""Float convolution and classifier: the layers a model is written with.

`swap.py` replaces some of them by quantised ones.
"""

import numpy as np
from mindspore import Parameter, Tensor, nn, ops


class Conv2d(nn.Cell):
    """Convolution without bias (batch normalisation follows everywhere), NCHW, float32.

    Weight (c_out, c_in / groups, kernel, kernel), He-normal of the fan-out (He et al., 2015).
    `is_first`: the input is the image, whose gradient nobody needs.
    """

    def __init__(
        self, c_in, c_out, kernel, stride=1, padding=0, groups=1, *, rng, is_first=False
    ):
        super().__init__()
        self.is_first = is_first
        self.c_in, self.c_out, self.kernel = c_in, c_out, kernel
        self.stride, self.padding, self.groups = stride, padding, groups
        deviation = (2.0 / (c_out * kernel * kernel / groups)) ** 0.5
        shape = (c_out, c_in // groups, kernel, kernel)
        self.weight = Parameter(Tensor(rng.normal(0, deviation, shape).astype(np.float32)))
        self.multiply = convolution(c_out, kernel, stride, padding, groups)

    def construct(self, x):
        return self.multiply(x, self.weight)


class Dense(nn.Cell):
    """y = x W^T + b; x (N, features), weight (c_out, c_in), uniform in +-1/sqrt(c_in)."""

    def __init__(self, c_in, c_out, *, rng):
        super().__init__()
        self.c_in, self.c_out = c_in, c_out
        bound = 1.0 / c_in**0.5
        self.weight = Parameter(
            Tensor(rng.uniform(-bound, bound, (c_out, c_in)).astype(np.float32))
        )
        self.bias = Parameter(Tensor(np.zeros(c_out, np.float32)))
        self.multiply = ops.MatMul(transpose_b=True)

    def construct(self, x):
        return self.multiply(x, self.weight) + self.bias


def convolution(c_out: int, kernel: int, stride: int, padding: int, groups: int) -> ops.Conv2D:
    """MindSpore's own convolution; sizes as tuples, since some converters refuse plain integers."""
    return ops.Conv2D(
        c_out,
        (kernel, kernel),
        stride=(stride, stride),
        pad_mode="pad",
        pad=(padding,) * 4,
        group=groups,
    )
