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
"""What follows a normalisation: nothing, ReLU, or ReLU with a clip above.

    none  y = v        relu  y = max(v, 0)        relu6  y = min(max(v, 0), 6)

dL/dv = dL/dy where y lies between the bounds, else 0. Source of ReLU6: Krizhevsky, "Convolutional
Deep Belief Networks on CIFAR-10", 2010; of its use with few bits: Howard et al., "MobileNets", 2017.
"""

from dataclasses import dataclass

from mindspore import nn, ops

from src.errors import UserError


@dataclass(frozen=True)
class Activation:
    """An activation as a value; `Activate` computes it.

    Attributes:
        name: none, relu or relu6, which the native normalisation knows too.
        low, high: real-valued bounds of the result; None: unbounded.
    """

    name: str
    low: float | None = None
    high: float | None = None


NONE = Activation("none")
RELU = Activation("relu", 0.0)
RELU6 = Activation("relu6", 0.0, 6.0)


class Activate(nn.Cell):
    """v -> y, any float32 shape."""

    def __init__(self, activation: Activation):
        super().__init__()
        if not isinstance(activation, Activation):
            raise UserError(f"activation {activation!r:.40}: expected NONE, RELU or RELU6")
        self.is_relu = activation.low is not None
        self.clip = None if activation.high is None else _Clip(activation.high)

    def construct(self, v):
        y = ops.relu(v) if self.is_relu else v
        return y if self.clip is None else self.clip(y)


class _Clip(nn.Cell):
    """min(y, high); the framework's own gradient would share a tie between the two."""

    def __init__(self, high: float):
        super().__init__()
        self.high = high

    def construct(self, y):
        return ops.minimum(y, self.high)

    def bprop(self, y, out, dout):
        return (dout * (y < self.high).astype(dout.dtype),)
