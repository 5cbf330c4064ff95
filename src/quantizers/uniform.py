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
"""Uniform quantisation with closed-form gradients, shared by DoReFa, PACT and LSQ.

    v = x * inv,  code = floor(clip(v, low, high) + 0.5),  y = code * scale

The gradients are those of the published rules and are written out instead of derived by the
framework, since each rule differs from plain differentiation in one place:

    dL/dx    = dL/dy where low < v < high, else 0                      (straight through)
    dL/dstep = sum dL/dy (code - v) inside, sum dL/dy code outside     (LSQ, eq. 3)
    dL/dclip = sum dL/dy where v >= high                               (PACT, eq. 3)

`step` and `clip` are gradient ports: they do not enter the value (their effect is in `inv` and
`scale`), they only receive gradients. A quantiser without a learned step or clip passes constants.
"""

from mindspore import Tensor, nn, ops

from src.quantizers.rounding import round_half_up


def codes(x: Tensor, inv: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Integer codes of `x` as float32, in low..high. `inv`, `low` and `high` broadcast over x."""
    return round_half_up(ops.minimum(ops.maximum(x * inv, low), high))


class UniformQuantize(nn.Cell):
    """y = codes(x) * scale. Shapes: x any; inv, scale, step, clip (1,) or per channel (O, 1, ...)."""

    def construct(self, x, inv, scale, low, high, step, clip):
        return codes(x, inv, low, high) * scale

    def bprop(self, x, inv, scale, low, high, step, clip, out, dout):
        v = x * inv
        inside = ops.logical_and(v > low, v < high).astype(x.dtype)
        above = (v >= high).astype(x.dtype)
        d_step = sum_like(dout * (codes(x, inv, low, high) - v * inside), step)
        d_clip = sum_like(dout * above, clip)
        return (
            dout * inside,
            ops.zeros_like(inv),
            ops.zeros_like(scale),
            ops.zeros_like(low),
            ops.zeros_like(high),
            d_step,
            d_clip,
        )


class FixedQuantize(nn.Cell):
    """x -> codes(x) * scale on a grid that no longer changes; no gradient is defined.

    Args:
        inv, scale, low, high: as of `UniformQuantize`, NumPy float32 of shape (1,).
    """

    def __init__(self, inv, scale, low, high):
        super().__init__()
        self.inv, self.scale, self.low, self.high = map(Tensor, (inv, scale, low, high))

    def construct(self, x):
        return codes(x, self.inv, self.low, self.high) * self.scale


def sum_like(x: Tensor, parameter: Tensor) -> Tensor:
    """Sum of `x` over the axes along which `parameter` was broadcast."""
    if parameter.size == 1:
        return x.sum().reshape(parameter.shape)
    return x.sum(tuple(range(1, x.ndim))).reshape(parameter.shape)
