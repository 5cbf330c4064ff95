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
"""One forward and backward pass of a layer, with and without native kernels."""

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn

from src.layers.use_kernels import use_native


class Weighed(nn.Cell):
    """(x, choice) -> sum of the layer's output times a constant, and the output."""

    def __init__(self, layer, upstream):
        super().__init__()
        self.layer, self.upstream = layer, Tensor(upstream)

    def construct(self, x, choice):
        y = self.layer(x) if choice is None else self.layer(x, choice)
        return (y * self.upstream).sum(), y


def step(layer, x, choice, native):
    """Output and gradients (x, choice, parameters), the layer's step set from x."""
    layer.input_quantizer.init_from(x)
    holder = nn.Cell()
    holder.layer = layer
    if native:
        use_native(holder)
    y = layer(Tensor(x)) if choice is None else layer(Tensor(x), choice)
    upstream = np.random.default_rng(2).normal(size=y.shape).astype(np.float32)
    weighed = Weighed(layer, upstream).set_train()
    positions = 0 if choice is None else (0, 1)
    gradient = ms.value_and_grad(weighed, positions, layer.trainable_params(), has_aux=True)
    (_, y), (inputs, parameters) = gradient(Tensor(x), choice)
    inputs = [inputs] if choice is None else list(inputs)
    return [y.asnumpy()] + [g.asnumpy() for g in [*inputs, *parameters]]


def agree(portable, native):
    """Of two `step`s: finite, and equal to float32 rounding."""
    for a, b in zip(portable, native, strict=True):
        assert np.isfinite(a).all()  # NaN would pass for equal to NaN
        np.testing.assert_allclose(b, a, atol=2e-5 * np.abs(a).max() + 1e-6)
