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
"""Small valid programs: one of every kind, by name, and as many random ones as wanted."""

from collections.abc import Callable

import numpy as np

from src.engine.program import Program
from tests.engine.builder import Builder


def real() -> Program:
    """Wide operations alone, on an image that is no square."""
    b = Builder(1)
    x = b.affine(b.wide(b.image(7, 9), 4, 3, 2), relu=1)
    y = b.wide(b.max_pool(x), 6, 3, 1, 1, groups=2)
    short = b.subsample(x, 2, 1, 1)
    return b.logits(b.add(y, short, relu=1))


def static() -> Program:
    """Convolutions of codes, signed and not, grouped, depthwise, with strides, odd sizes."""
    b = Builder(2)
    x = b.conv(b.image(9, 8, bits=8), 6, 5, 2, 2, w_bits=(8,), a_bits=(8,), relu=1)
    y = b.conv(b.quantise(x, (3,)), 6, groups=6, w_bits=(2,), a_bits=(3,))
    x = b.add(x, y)
    x = b.conv(b.quantise(x, (5,), signed=1), 8, 1, 1, 0, groups=2, a_bits=(5,))
    x = b.conv(b.quantise(x, (1,)), 4, 3, 2, 1, w_bits=(1,), a_bits=(1,))
    return b.logits(x)


def odd() -> Program:
    """Weights 2 c + 1 (DoReFa), of one bit too."""
    b = Builder(3)
    x = b.wide(b.image(6), 4)
    x = b.conv(b.quantise(x, (2,)), 4, w_bits=(1,), a_bits=(2,), odd=1, relu=1)
    return b.logits(b.conv(b.quantise(x, (8,)), 4, w_bits=(8,), a_bits=(8,), odd=1))


def nested_static() -> Program:
    """A stored master, read at one lower width."""
    b = Builder(4)
    x = b.wide(b.image(6), 4)
    x = b.conv(b.quantise(x, (8,)), 4, w_bits=(3,), a_bits=(5,), master=8)
    return b.logits(b.conv(b.quantise(x, (4,)), 4, w_bits=(4,), a_bits=(2,), master=4))


def _dynamic(seed: int, master: int = 0, pairs: bool = False, **controller) -> Program:
    b = Builder(seed, rows=controller.pop("rows", 1))
    x = b.affine(b.wide(b.image(8), 4), relu=1)
    b.controller(x, layers=3, **controller)
    y = b.dynamic(x, 4, master=master, relu=1, pairs=pairs)
    x = b.add(b.dynamic(y, 4, master=master, pairs=pairs), x, relu=1)
    return b.logits(b.dynamic(x, 6, 3, 2, 1, 2, master=master, pairs=pairs))


def candidates() -> Program:
    """A stored weight for each of many widths, more than ten of them."""
    return _dynamic(5, widths=(1, 2, 3, 4, 5, 6, 7, 8, 4, 4, 2, 8))


def untied() -> Program:
    """Weights and inputs choose apart."""
    return _dynamic(6, columns=2)


def shared() -> Program:
    """One choice for all layers."""
    return _dynamic(7, columns=2, shared=1, widths=(3, 6))


def nested() -> Program:
    """One master for all widths."""
    return _dynamic(8, master=8)


def nested_untied() -> Program:
    return _dynamic(9, master=6, columns=2, widths=(2, 3, 6))


def rows() -> Program:
    """Three rows of statistics."""
    return _dynamic(10, master=8, rows=3)


def bottleneck() -> Program:
    """An inverted residual: bounds of ReLU6, a depthwise convolution, a sum without an activation
    that the next layer takes as signed codes; masters of both signs."""
    b = Builder(11)
    x = b.affine(b.wide(b.image(8), 6), relu=6)
    b.controller(x, layers=3)
    y = b.dynamic(x, 12, 1, 1, 0, master=8, signed=1, relu=6)
    y = b.dynamic(y, 12, 3, 1, 1, 12, master=8, relu=6)
    x = b.add(b.dynamic(y, 6, 1, 1, 0, master=8), x)
    x = b.conv(b.quantise(x, (8,), signed=1), 6, groups=6, w_bits=(3,), a_bits=(5,), master=8)
    return b.logits(b.add(x, x, relu=6))


def signed_candidates() -> Program:
    """A depthwise convolution with a weight and a step for each width, on signed codes."""
    b = Builder(12)
    x = b.wide(b.image(7, 8), 4)
    b.controller(x, layers=2, columns=2, widths=(3, 5, 8))
    x = b.dynamic(x, 4, 3, 1, 1, 4, signed=1)
    return b.logits(b.dynamic(x, 4, signed=1, relu=6))


def step_wise() -> Program:
    """Three choices, each from what the layers before it made; the second decides two layers."""
    b = Builder(13)
    x = b.affine(b.wide(b.image(8), 4), relu=1)
    b.controller(x, layers=1, columns=2)
    x = b.add(b.dynamic(x, 4, master=8), x, relu=1)
    b.controller(x, layers=2, columns=2, shared=1)
    y = b.dynamic(x, 4, master=8, relu=1)
    x = b.add(b.dynamic(y, 4, master=8, signed=1), x)
    b.controller(x, layers=1, columns=2)
    return b.logits(b.dynamic(x, 6, 3, 2, 1, 2, signed=1))


def _minding(seed: int, columns: int) -> Program:
    b = Builder(seed)
    x = b.affine(b.wide(b.image(8), 4), relu=1)
    for layers, shared in ((1, 0), (2, 1), (1, 0)):
        b.controller(x, layers, columns, shared=shared, minds=True)
        for _ in range(layers):
            x = b.dynamic(x, 4, master=8, signed=1)
    return b.logits(x)


def minding() -> Program:
    """Choices that mind a budget and what those before them cost; the second decides two layers."""
    return _minding(20, 1)


def minding_apart() -> Program:
    """The same where weights and inputs choose apart."""
    return _minding(21, 2)


def pairs() -> Program:
    """Statistics of each pair of widths: multipliers and biases of master codes by both choices."""
    return _dynamic(14, columns=2, rows=2, master=8, pairs=True)


def pairs_of_candidates() -> Program:
    """The same where weights are stored for each width, the choices tied."""
    return _dynamic(19, widths=(2, 5), pairs=True)


def levels() -> Program:
    """Learned levels: of weights, of inputs of either sign, as many as there are codes and a single one."""
    b = Builder(22)
    x = b.affine(b.wide(b.image(7, 8), 4))
    y = b.conv(b.bucketise(x, 16), 6, levels=7, w_bits=(3,), a_bits=(4,), relu=6)
    y = b.conv(b.bucketise(y, 40, signed=1), 6, groups=6, levels=2, w_bits=(1,), a_bits=(6,))
    y = b.conv(b.bucketise(y, 256), 4, 1, 1, 0, levels=256, w_bits=(8,), a_bits=(8,))
    x = b.add(x, y)
    x = b.conv(b.bucketise(x, 1), 4, w_bits=(5,), a_bits=(1,))
    return b.logits(b.conv(b.quantise(x, (8,)), 4, levels=1, w_bits=(2,), a_bits=(8,)))


NAMED: dict[str, Callable[[], Program]] = {
    make.__name__: make
    for make in (
        real, static, odd, nested_static, candidates, untied, shared, nested, nested_untied, rows,
        bottleneck, signed_candidates, step_wise, minding, minding_apart, pairs, pairs_of_candidates,
        levels,
    )
}  # fmt: skip


def random_program(seed: int) -> Program:
    """A valid program of random operations, sizes and numbers."""
    rng = np.random.default_rng(seed)
    b = Builder(seed, int(rng.integers(1, 4)), loud=rng.random() < 0.3)
    sides = [int(side) for side in rng.integers(3, 9, 2)]
    if rng.random() < 0.3:
        bits = int(rng.integers(2, 9))
        x = b.conv(b.image(*sides, bits), 4, w_bits=(bits,), a_bits=(bits,))
    else:
        x = b.affine(b.wide(b.image(*sides), 4), relu=1)
    master = 0
    if rng.random() < 0.7:
        master = int(rng.choice([0, 4, 8]))
        widths = rng.choice(np.arange(2, (master or 8) + 1), rng.integers(2, 4))
        columns, shared = (int(v) for v in (rng.integers(1, 3), rng.integers(0, 2)))
        b.controller(x, int(rng.integers(1, 4)), columns, tuple(widths.tolist()), shared)
    for _ in range(rng.integers(1, 4)):
        x = _step(b, rng, x)
    x = _layers(b, rng, x, master)
    if b.layers and rng.random() < 0.4:  # another choice, from what the first ones made
        b.controller(x, int(rng.integers(1, 3)), b.columns, b.widths, int(rng.integers(0, 2)))
        x = _layers(b, rng, x, master)
    return b.logits(x)


def _layers(b: Builder, rng: np.random.Generator, x: int, master: int) -> int:
    """The dynamic layers that are decided and not there yet."""
    while b.free:
        signed, pairs = (int(v) for v in rng.integers(0, 2, 2))
        relu, groups = int(rng.choice([0, 1, 6])), int(rng.choice([1, 4]))
        x = b.dynamic(
            x, 4, 3, 1, 1, groups, master=master, signed=signed, relu=relu, pairs=bool(pairs)
        )
    return x


def _step(b: Builder, rng: np.random.Generator, x: int) -> int:
    """One more static layer, of a random kind, on a wide register of 4 channels."""
    w_bits, a_bits = (int(bits) for bits in rng.integers(1, 9, 2))
    stride, odd, signed = (int(v) for v in rng.integers(0, 2, 3))
    relu = int(rng.choice([0, 1, 6]))
    sizes = (4, 3, stride + 1, 1, int(rng.choice([1, 2, 4])))
    kind = rng.integers(6)
    if kind == 0:
        return b.affine(b.wide(x, *sizes), relu)
    if kind == 1:
        return b.max_pool(x)
    if kind == 2:
        return b.wide(b.subsample(x), 4, 1, 1, 0)
    if kind == 5:
        counts = (int(rng.integers(1, 2**bits + 1)) for bits in (a_bits, w_bits))
        q = b.bucketise(x, next(counts), signed)
        return b.conv(q, *sizes, levels=next(counts), w_bits=(w_bits,), a_bits=(a_bits,), relu=relu)
    q = b.quantise(x, (8,) if kind == 3 else (a_bits,), signed)
    if kind == 3:
        widths = {"w_bits": (max(w_bits, 2),), "a_bits": (max(a_bits, 2),)}
        return b.conv(q, *sizes, master=8, relu=relu, **widths)
    y = b.conv(q, 4, 3, 1, 1, sizes[4], w_bits=(w_bits,), a_bits=(a_bits,), odd=odd)
    return b.add(y, x, relu)


def pixels(program: Program, count: int, seed: int = 0) -> np.ndarray:
    """Random images for a program."""
    size = program.operations[0]
    return np.random.default_rng(seed).integers(
        0, 256, (count, 3, size.height, size.width), dtype=np.uint8
    )
