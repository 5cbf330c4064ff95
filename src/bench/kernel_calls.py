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
"""Each native kernel of a convolution, ready to be called on random data."""

from dataclasses import dataclass

import numpy as np

from src import kernels
from src.kernels.direct import bind, geometry

KINDS = {  # the arithmetic whose peak bounds each
    "float forward": "float",
    "float backward": "float",
    "codes forward": "codes",
    "codes backward": "float",
    "int16 backward": "int16",
    "dynamic inner": "codes",
}
CANDIDATES = 3  # K of a dynamic layer


@dataclass(frozen=True)
class Shape:
    """A convolution of square images and kernels."""

    c_in: int
    c_out: int
    kernel: int
    stride: int
    padding: int
    groups: int
    size: int

    def __str__(self) -> str:
        stride = f" s{self.stride}" if self.stride > 1 else ""
        groups = f" g{self.groups}" if self.groups > 1 else ""
        return f"{self.c_in}->{self.c_out} {self.kernel}x{self.kernel}{stride}{groups} {self.size}"

    @property
    def out(self) -> int:
        return (self.size + 2 * self.padding - self.kernel) // self.stride + 1

    @property
    def is_depthwise(self) -> bool:
        return self.groups == self.c_in == self.c_out > 1

    @property
    def maps(self) -> tuple[int, int]:
        """Values of one image's input and output."""
        return self.c_in * self.size**2, self.c_out * self.out**2

    @property
    def macs(self) -> int:
        """Of one image."""
        weights = self.c_out * self.c_in // self.groups * self.kernel**2
        return weights * self.out**2


def calls(shape: Shape, batch: int, bits: int) -> dict:
    """kind -> a function that runs the kernel once on random data."""
    rng = np.random.default_rng(0)

    def normal(*sizes):
        return rng.standard_normal(sizes).astype(np.float32)

    x = np.abs(normal(batch, shape.c_in, shape.size, shape.size))
    dy = normal(batch, shape.c_out, shape.out, shape.out)
    y, dx, g = dy.copy(), x.copy(), geometry(shape.stride, shape.padding, shape.groups)
    weight = (shape.c_out, shape.c_in // shape.groups, shape.kernel, shape.kernel)
    w = normal(*weight)
    widths = (bits - 1, bits, bits + 1)
    codes = np.stack([np.clip(np.floor(w * 2 ** (b - 2)), -(2 ** (b - 1)), 2 ** (b - 1) - 1)
                      for b in widths]).astype(np.float32)  # fmt: skip
    tops = np.array([2.0**b - 1 for b in widths], np.float32)
    inv, scale = tops / 3, 3 / tops
    ones, one = np.ones(CANDIDATES, np.float32), np.ones(1, np.float32)
    act = [one, inv[1:2], scale[1:2], tops[1:2]]
    hot = np.eye(CANDIDATES, dtype=np.float32)[rng.integers(0, CANDIDATES, batch)]
    dynamic = [x, codes, ones, inv, scale, tops, hot, g, y, dy]
    outs = [dx, np.empty_like(codes), ones.copy(), ones.copy(), np.empty_like(hot)]
    backward = bind("dq_dynamic_conv2d_grad", [*dynamic, *outs])
    short = geometry(shape.stride, shape.padding, shape.groups, short_gradients=True)

    def quantised_backward(geo):
        steps = [one.copy(), one.copy()]
        return bind("dq_quant_conv2d_grad", [x, codes[1], *act, geo, dy, dx, w.copy(), *steps])

    return {
        "float forward": bind("dq_conv2d", [x, w, g, y]),
        "float backward": bind("dq_conv2d_grad", [x, w, g, dy, dx, w.copy()]),
        "codes forward": bind("dq_quant_conv2d", [x, codes[1], *act, one, one, g, y]),
        "codes backward": quantised_backward(g),
        "int16 backward": quantised_backward(short),
        "dynamic inner": lambda: _only_inner(backward),
    }


def _only_inner(backward) -> float:
    """Seconds of the inner products within a dynamic layer's backward call."""
    before = kernels.profile()["conv_inner"][0]
    backward()
    return kernels.profile()["conv_inner"][0] - before
