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
"""Random networks for the compiled plan: blocks with residuals, as trained networks have them, of sizes
that fill tiles of 16 channels or do not, and what a planner could get wrong: registers with several
readers, sums whose other part comes later, choices that come late."""

import numpy as np

from src.engine.program import Program
from tests.engine.builder import Builder

WIDTHS = (2, 3, 4, 5, 6, 8)


def random_network(seed: int) -> Program:
    """A valid program of one to three blocks."""
    rng = np.random.default_rng(seed)
    network = _Network(Builder(seed, int(rng.integers(1, 3)), loud=rng.random() < 0.2), rng)
    return network.make()


class _Network:
    def __init__(self, builder: Builder, rng: np.random.Generator):
        self.b, self.rng = builder, rng
        self.dynamic = rng.random() < 0.6
        self.master = int(rng.choice([0, 6, 8]))
        widths = [w for w in WIDTHS if w <= (self.master or 8)]
        self.widths = tuple(rng.choice(widths, rng.integers(2, 4), replace=False).tolist())
        self.columns = int(rng.integers(1, 3))

    def make(self) -> Program:
        x = self.stem()
        for _ in range(self.rng.integers(1, 4)):
            x = self.block(x)
        if self.rng.random() < 0.2:
            x = self.b.max_pool(x)
        return self.b.logits(x, int(self.rng.integers(2, 20)))

    def stem(self) -> int:
        sides = [int(side) for side in self.rng.integers(4, 12, 2)]
        channels, kernel = self.channels(), int(self.rng.choice([1, 3, 5]))
        stride = int(self.rng.integers(1, 3))
        if self.rng.random() < 0.5:
            bits = int(self.rng.integers(2, 9))
            sizes = (channels, kernel, stride, kernel // 2)
            x = self.b.conv(self.b.image(*sides, bits), *sizes, a_bits=(bits,), relu=self.relu())
            return self.pooled(x) if self.rng.random() < 0.3 else x
        return self.b.affine(self.b.wide(self.b.image(*sides), channels, kernel, stride, kernel // 2), self.relu())

    def pooled(self, x: int) -> int:
        size = int(self.rng.integers(1, 1 + min(4, *self.b.shapes[x][1:])))
        return self.b.max_pool(x, size, int(self.rng.integers(1, 4)), int(self.rng.integers(0, size)))

    def block(self, x: int) -> int:
        kind = self.rng.integers(4)
        stride = int(self.rng.integers(1, 3)) if min(self.b.shapes[x][1:]) > 3 else 1
        last = self.b.shapes[x][0] if kind == 0 else self.channels()
        if kind == 0:
            stride = 1
        count = int(self.rng.integers(1, 3))
        layers = count + (kind != 0)
        if self.dynamic:
            self.b.controller(x, layers, self.columns, self.widths, int(self.rng.integers(0, 2)))
        shortcut = x
        if kind == 1:  # before what it is added to
            shortcut = self.conv(x, last, 1, stride)
        y = x
        for i in range(count):
            y = self.conv(y, last if i == count - 1 else self.channels(), None, stride if i == 0 else 1)
        if kind > 1:
            shortcut = self.conv(x, last, 1, stride)
        return self.b.add(*((y, shortcut) if self.rng.random() < 0.5 else (shortcut, y)), self.relu())

    def conv(self, x: int, c_out: int, kernel: int | None, stride: int) -> int:
        """A convolution of codes of its own, that keeps the size or, with a stride, halves it."""
        kernel = kernel or int(self.rng.choice([1, 3, 3, 5]))
        c_in, groups = self.b.shapes[x][0], 1
        common = [g for g in (2, 4, c_in) if c_in % g == 0 and c_out % g == 0]
        if common and self.rng.random() < 0.3:
            groups = int(self.rng.choice(common))
        sizes = (c_out, kernel, stride, kernel // 2, groups)
        signed, relu = int(self.rng.integers(0, 2)), self.relu()
        if self.dynamic:
            return self.b.dynamic(x, *sizes, master=self.master, signed=signed, relu=relu,
                                  pairs=self.rng.random() < 0.2)  # fmt: skip
        w_bits, a_bits = (int(v) for v in self.rng.choice(WIDTHS, 2))
        if self.rng.random() < 0.4:
            q = self.b.quantise(x, (8,), signed)
            y = self.b.conv(q, *sizes, w_bits=(w_bits,), a_bits=(a_bits,), master=8, relu=relu)
            if self.rng.random() < 0.3:  # another reader of the same codes, and of its own of the same sums
                y = self.b.add(y, self.b.conv(q, *sizes, w_bits=(3,), a_bits=(2,), master=8))
            return y
        odd = int(self.rng.random() < 0.2)
        y = self.b.conv(self.b.quantise(x, (a_bits,), signed), *sizes, w_bits=(w_bits,), a_bits=(a_bits,),
                        odd=odd, relu=relu)  # fmt: skip
        for _ in range(self.rng.integers(1, 5) if self.rng.random() < 0.1 else 0):
            y = self.b.add(self.b.conv(self.b.quantise(y, (4,)), c_out, 1, 1, 0), y, self.relu())
        return y

    def channels(self) -> int:
        return int(self.rng.choice([1, 3, 4, 8, 16, 20, 32, 40, 48]))

    def relu(self) -> int:
        return int(self.rng.choice([0, 1, 1, 6]))
