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
"""Builds small integer programs whose registers hold numbers of every size.

    b = Builder(seed)
    x = b.conv(b.quantise(b.image(6)), 4)
    program = b.logits(x)

Wide registers hold values of about 2^20, so that codes fill their range and nothing saturates;
`loud` makes some multipliers 2^12 times larger, so that much does. relu: 0 none, 1, 6 (ReLU6).
"""

import math

import numpy as np

from src.engine.declaration import Operation
from src.engine.integers import INT32, limits
from src.engine.operations import (
    Add,
    Affine,
    Bucketise,
    Budget,
    Choose,
    Conv,
    Input,
    MaxPool,
    Pool,
    Quantise,
    Subsample,
    Wide,
)
from src.engine.program import Program

SPREAD = 20  # bits of the values in wide registers
BOUNDS = {0: (INT32.min, INT32.max), 1: (0, INT32.max), 6: (0, 3 << SPREAD - 2)}  # of relu
MULTIPLIER_BITS = 29
BUDGET, BASE, RANGE = 5_000_000, 3_000_000, 4_000_000  # of programs whose choices mind one


class Builder:
    """Every method appends operations and returns the last one's register."""

    def __init__(self, seed: int = 0, rows: int = 1, loud: bool = False):
        self.rng = np.random.default_rng(seed)
        self.rows, self.loud = rows, loud
        self.operations: list[Operation] = []
        self.shapes: list[tuple[int, ...]] = []  # (C, H, W) of each register
        self.layers = 0  # of the plan, so far
        self.first, self.free = 0, 0  # of the last controller's: slot, layers without a convolution
        self.columns, self.widths = 1, ()

    def image(self, height: int, width: int | None = None, bits: int = 0) -> int:
        low, high = limits(bits or SPREAD, True)
        table = self.rng.integers(low, high + 1, (3, 256)).astype(np.int32)
        width = width or height
        return self._append(Input(height, width, bits, arrays={"table": table}), (3, height, width))

    def quantise(self, x: int, bits=(4,), signed: int = 0, slot: int = -1, column: int = 0) -> int:
        gain = self.rng.uniform(0.5, 1.5, len(bits)) * 2.0 ** np.array(bits)
        multiplier = (gain * 2**SPREAD).astype(np.int32)
        arrays = {"multiplier": multiplier, "bits": np.array(bits, np.int64)}
        op = Quantise(x, 2 * SPREAD, signed, slot, column, arrays=arrays)
        return self._append(op, self.shapes[x])

    def bucketise(self, x: int, count: int, signed: int = 0) -> int:
        """To as many levels; every third threshold is that before it."""
        low, high = limits(8, signed)
        levels = self._levels(count, low, high)
        thresholds = np.sort(self.rng.integers(-(1 << SPREAD), 1 << SPREAD, count))
        thresholds[2::3] = thresholds[1:-1:3]
        thresholds[0] = INT32.min
        arrays = {"thresholds": thresholds.astype(np.int32), "levels": levels}
        return self._append(Bucketise(x, signed, arrays=arrays), self.shapes[x])

    def conv(
        self, x: int, c_out: int, kernel=3, stride=1, padding=1, groups=1, *,
        w_bits=(4,), a_bits=(4,), slot=-1, columns=(0, 0), master=0, odd=0, relu=0, untied=False,
        pairs=False, levels=0,
    ) -> int:  # fmt: skip
        """Without `master` one weight for each of w_bits; untied: one multiplier for each pair, with
        candidates; pairs: one multiplier and bias for each pair, whatever is stored; levels: how many there are
        of weights."""
        shape = (c_out, self.shapes[x][0] // groups, kernel, kernel)
        stored = (master,) if master else w_bits
        inputs = len(a_bits) if pairs or (untied and not master) else 1
        fan = math.prod(shape[1:])
        a_stored = 8 if isinstance(self.operations[x], Bucketise) else master or max(a_bits)
        w_stored = (8,) if levels else stored
        spread = [math.sqrt(fan) * 2.0 ** (b - 1 + a_stored - 2) for b in w_stored]
        variants = len(w_bits) if pairs else len(stored)
        gain = self._signed((self.rows, variants, inputs, c_out))
        gain *= 2.0**SPREAD / np.array(spread)[:, None, None]
        arrays, shift = self._affine(gain, gain.shape if pairs else (self.rows, 1, 1, c_out))
        arrays["bits"] = np.array([w_bits, a_bits], np.int64)
        for v, bits in enumerate(stored):
            low, high = limits(bits, True)
            arrays[f"weight.{v}"] = self.rng.integers(low, high + 1, shape).astype(np.int8)
        if levels:
            arrays["levels"] = self._levels(levels, -128, 127)
            arrays["weight.0"] = self.rng.choice(arrays["levels"], shape).astype(np.int8)
        op = Conv(
            x, c_out, shape[1], kernel, stride, padding, groups, slot, *columns, master, odd, shift,
            *BOUNDS[relu], arrays=arrays,
        )  # fmt: skip
        return self._append(op, (c_out, *self._windows(x, op)))

    def dynamic(self, x: int, c_out: int, *sizes: int, master=0, signed=0, **flags) -> int:
        """The quantised convolution of a layer of the plan, on a wide register."""
        self.free -= 1
        slot = self.first + self.free
        columns = (0, self.columns - 1)
        bits = (master,) if master else self.widths
        q = self.quantise(x, bits, signed, slot, columns[1])
        return self.conv(
            q, c_out, *sizes, w_bits=self.widths, a_bits=self.widths, slot=slot,
            columns=columns, master=master, untied=self.columns == 2, **flags,
        )  # fmt: skip

    def wide(self, x: int, c_out: int, kernel=3, stride=1, padding=1, groups=1) -> int:
        shape = (c_out, self.shapes[x][0] // groups, kernel, kernel)
        fan = math.prod(shape[1:])
        bits = 30 - math.ceil(math.log2(fan))
        weight = self.rng.integers(-(1 << bits), 1 << bits, shape).astype(np.int32)
        shift = bits + round(math.log2(fan) / 2) - 1
        op = Wide(x, c_out, kernel, stride, padding, groups, shift, arrays={"weight": weight})
        return self._append(op, (c_out, *self._windows(x, op)))

    def affine(self, x: int, relu: int = 0) -> int:
        gain = self._signed((self.rows, self.shapes[x][0]))
        arrays, shift = self._affine(gain, gain.shape)
        return self._append(Affine(x, shift, *BOUNDS[relu], arrays=arrays), self.shapes[x])

    def add(self, x: int, y: int, relu: int = 0) -> int:
        return self._append(Add(x, y, *BOUNDS[relu]), self.shapes[x])

    def pool(self, x: int, bins: int) -> int:
        return self._append(Pool(x, bins), (self.shapes[x][0], bins, bins))

    def max_pool(self, x: int, kernel=3, stride=2, padding=1) -> int:
        op = MaxPool(x, kernel, stride, padding)
        return self._append(op, (self.shapes[x][0], *self._windows(x, op)))

    def subsample(self, x: int, stride=2, before=1, after=2) -> int:
        c, h, w = self.shapes[x]
        shape = (before + c + after, -(-h // stride), -(-w // stride))
        return self._append(Subsample(x, stride, before, after), shape)

    def controller(
        self, x: int, layers: int, columns=1, widths=(2, 4, 8), shared=0, minds=False
    ) -> int:
        """Pool, dense, choose, for the next layers of the plan: as many dynamic convolutions have to
        follow, before another controller. minds: a budget."""
        self.first, self.free, self.columns, self.widths = self.layers, layers, columns, widths
        self.layers += layers
        values = (1 if shared else layers) * columns * len(widths)
        bins = min(2, *self.shapes[x][1:])
        dense = self.wide(self.pool(x, bins), values, bins, 1, 0)
        dense = self.affine(self.minded(dense) if minds else dense)
        op = Choose(dense, self.first, layers, columns, len(widths), shared)
        return self._append(op, (layers, columns))

    def minded(self, x: int) -> int:
        """With the budget and what the choices before the last controller's have cost."""
        inputs = len(self.widths) if self.columns == 2 else 1
        sizes = self.layers, len(self.widths), inputs
        arrays = {"prices": self.rng.integers(0, RANGE // 2, sizes)}
        for name in ("asked", "spent"):
            arrays[name] = (self._signed(self.shapes[x][:1]) * 2**28).astype(np.int32)
        op = Budget(x, self.first, self.layers, BUDGET, BASE, RANGE, 26, arrays=arrays)
        return self._append(op, self.shapes[x])

    def logits(self, x: int, classes: int = 5) -> Program:
        """The program, ended by a mean, a dense layer and its bias."""
        self.affine(self.wide(self.pool(x, 1), classes, 1, 1, 0))
        return Program(self.operations, self.rows, {"made by": "tests"})

    def _levels(self, count: int, low: int, high: int) -> np.ndarray:
        values = self.rng.choice(np.arange(low, high + 1), count, replace=False)
        return np.sort(values).astype(np.int32)

    def _append(self, op: Operation, shape: tuple[int, ...]) -> int:
        self.operations.append(op)
        self.shapes.append(shape)
        return len(self.operations) - 1

    def _windows(self, x: int, op) -> list[int]:
        return [(n + 2 * op.padding - op.kernel) // op.stride + 1 for n in self.shapes[x][1:]]

    def _signed(self, shape: tuple[int, ...]) -> np.ndarray:
        gain = self.rng.uniform(0.5, 1, shape) * self.rng.choice([-1, 1, 1], shape)
        return gain * self.rng.choice([1, 2**12], shape) if self.loud else gain

    def _affine(
        self, gain: np.ndarray, shape: tuple[int, ...]
    ) -> tuple[dict[str, np.ndarray], int]:
        """Multiplier and bias (of a shape) that share a binary point, and its shift."""
        shift = max(1, MULTIPLIER_BITS - math.ceil(math.log2(np.abs(gain).max())))
        multiplier = np.clip(gain * 2.0**shift, -(2**30), 2**30).astype(np.int32)
        bias = self.rng.integers(-(1 << SPREAD), 1 << SPREAD, shape) << shift
        return {"multiplier": multiplier, "bias": bias}, shift
