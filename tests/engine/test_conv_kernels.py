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
"""Every kernel for convolutions of codes gives the oracle's integers, whatever it is asked to finish."""

import numpy as np
import pytest

from src import kernels
from src.engine import integers
from tests.engine.conv_kernels import Convolution, conv_kernels

pytestmark = pytest.mark.skipif(not kernels.available(), reason="no C++ compiler")
INT32 = (integers.INT32.min, integers.INT32.max)
# Kernels that every instruction set has.
EVERYWHERE = {"depthwise", "winograd 2x2", "winograd 2x4", "direct", "direct16"}
ONLY = {
    "avx512": {"depthwise lanes", "pointwise", "winograd 4x4"},
    "avx2": {"winograd 4x4", "direct chunks", "direct pairs"},
}


KINDS = (
    "any", "few bits", "few bits", "8 bits", "rows", "image", "grouped", "depthwise", "lanes", "pointwise"
)  # fmt: skip


def random_shape(rng) -> dict:
    """A convolution of any kind; of 3x3 and few bits with many channels, of whole words of 8, with rows of
    whole tiles, of images, and as blocks of MobileNetV2 have them."""
    kind = rng.choice(KINDS)
    least, most = {"few bits": ((2, 1), (4, 6)), "8 bits": ((8, 8), (8, 8))}.get(kind, ((2, 1), (8, 8)))
    return {
        **random_channels(rng, kind),
        **random_window(rng, kind),
        "w_bits": int(rng.integers(least[0], most[0] + 1)),
        "a_bits": int(rng.integers(least[1], most[1] + 1)),
        "signed": rng.random() < 0.3,
    }


def random_channels(rng, kind: str) -> dict:
    groups, c_in, c_out = 1, int(rng.integers(1, 70)), int(rng.integers(1, 70))
    if kind == "few bits":
        c_in = int(rng.choice([32, 36, 48, 64, 72]))
    elif kind == "grouped":
        groups, c_in, c_out = int(rng.integers(2, 5)), int(rng.integers(1, 9)), int(rng.integers(1, 40))
    elif kind == "depthwise":
        groups, c_in, c_out = int(rng.integers(2, 70)), 1, 1
    elif kind == "lanes":
        groups, c_in, c_out = 16 * int(rng.choice([2, 4, 5, 6, 7, 8, 9])), 1, 1
    elif kind == "pointwise":
        c_out = int(rng.integers(1, 200))
    elif kind == "image":
        c_in = 3
    elif kind in ("8 bits", "rows"):
        c_in = 4 * int(rng.integers(1, 12))
    return {"groups": groups, "c_in": c_in, "c_out": c_out * groups}


def random_window(rng, kind: str) -> dict:
    kernel, stride = int(rng.choice([1, 2, 3, 3, 5, 7])), int(rng.integers(1, 4))
    if kind in ("few bits", "rows"):
        kernel, stride = 3, 1
    elif kind == "image":
        kernel, stride = (3, 1) if rng.random() < 0.5 else (7, 2)
    elif kind in ("lanes", "pointwise"):
        kernel = 3 if kind == "lanes" else 1
    padding = int(rng.integers(0, kernel))
    size = rng.integers(kernel, 15, 2)
    if kind in ("rows", "image"):
        tiles = (7 if kernel == 7 else 16) * rng.integers(1, 3)
        size[1] = (tiles - 1) * stride + kernel - 2 * padding
    return {"kernel": kernel, "stride": stride, "padding": padding, "size": size}


def random_finish(rng, pixels, c_out: int) -> dict:
    """Half the time what layers ask for as a rule: 32 bits hold all values, two outputs at most."""
    usual = rng.random() < 0.5
    left, right = (0, int(rng.integers(8, 33))) if usual else rng.integers((0, 1), (3, 40)).tolist()
    most = 2 ** min(right, 30) if usual else 2 ** int(rng.integers(8, 31))
    outputs = []
    for _ in range(rng.integers(0, 3 if usual else 4)):
        low, high = integers.limits(int(rng.integers(1, 9)), rng.random() < 0.3)
        shift = int(rng.integers(32 if usual else 20, 50))
        half = 2 ** (shift - 1) + int(rng.integers(0, 2**20))
        multiplier = int(rng.integers(1, 2**31)) * (-1 if rng.random() < 0.1 else 1)
        outputs.append((multiplier, half, shift, low, high, int(rng.integers(0, 3))))
    some = tuple(sorted(rng.integers(*INT32, 2).tolist()))
    bounds = ((0, INT32[1]), INT32, some)[rng.integers(3)]
    residual = rng.integers(*INT32, (*pixels, c_out)) if rng.random() < 0.5 else None
    rectified = residual is not None and bounds == INT32 and rng.random() < 0.6
    if rectified:  # behind a rectifier, and before one; mostly with room for the sum
        residual = (residual & INT32[1]) >> int(rng.integers(0, 4))
    return {
        "left": left,
        "right": right,
        "multiplier": rng.integers(-most, most, c_out),
        "bias": rng.integers(-(2 ** min(right + 30, 40)), 2 ** min(right + 30, 40), c_out),
        "bounds": bounds,
        "residual": residual,
        "sum_bounds": (0, INT32[1]) if rectified else bounds,
        "outputs": outputs,
        "wide": not outputs or rng.random() < 0.5,
        "near": rng.random() < 0.5,
    }


def random_convolution(rng, values: str, **fixed) -> Convolution:
    """values: "even"; "bell", weights as trained ones are; "ends", the least and the largest only."""
    s = random_shape(rng) | fixed
    low, high = integers.limits(s["a_bits"], s["signed"])
    least, most = integers.limits(s["w_bits"], True)
    x_shape, k = (s["c_in"] * s["groups"], *s["size"]), s["kernel"]
    w_shape = (s["c_out"], s["c_in"], k, k)
    x, weight = rng.integers(low, high + 1, x_shape), rng.integers(least, most + 1, w_shape)
    if values == "bell":
        weight = np.clip(np.rint(rng.normal(0, -least / 4, w_shape)), least, most)
    elif values == "ends":
        x, weight = rng.choice([low, high], x_shape), rng.choice([least, most], w_shape)
    pixels = [(n + 2 * s["padding"] - k) // s["stride"] + 1 for n in s["size"]]
    finish = random_finish(rng, pixels, s["c_out"])
    return Convolution(
        x, weight.astype(np.int8), s["stride"], s["padding"], s["groups"], (low, high), finish
    )


def assert_exact(conv: Convolution, rng) -> set[str]:
    """Names of the kernels that can do it, all of which are right."""
    values, codes = conv.expected()
    names = set()
    for kernel in conv_kernels():
        if not kernel.can(conv.conv):
            continue
        names.add(name := kernel.name.decode())
        found, found_codes = conv.found(kernel, int(rng.integers(1, 5)), rng.random() < 0.5)
        if found is not None:
            np.testing.assert_array_equal(found, values, err_msg=name)
        for a, b in zip(found_codes, codes, strict=True):
            np.testing.assert_array_equal(a, b, err_msg=name)
    return names


def check(seeds) -> set[str]:
    seen = set()
    for seed in seeds:
        rng = np.random.default_rng(seed)
        names = assert_exact(random_convolution(rng, ("even", "bell", "ends")[seed % 3]), rng)
        assert names, f"seed {seed}: no kernel can do it"
        seen |= names
    return seen


def test_every_kernel_is_exact(isa):
    seen = check(range(150))
    assert seen == EVERYWHERE | ONLY.get(isa, set())


@pytest.mark.slow
@pytest.mark.parametrize("first", range(1000, 3000, 250))
def test_every_kernel_is_exact_often(first, isa):
    check(range(first, first + 250))


@pytest.mark.parametrize(
    ("w_bits", "a_bits", "wanted"),
    [
        (2, 2, {"winograd 2x2", "winograd 2x4"}),
        (3, 3, {"winograd 2x2", "winograd 2x4"}),
        (4, 6, {"winograd 2x2"}),
        (4, 7, set()),
        (6, 4, set()),
        (8, 8, set()),
    ],
)
def test_winograd_takes_what_fits_bytes_and_in_16_bits_all(w_bits, a_bits, wanted, isa):
    shape = {"c_in": 64, "c_out": 32, "groups": 1, "kernel": 3, "stride": 1, "padding": 1}
    bits = {"w_bits": w_bits, "a_bits": a_bits, "signed": False, "size": (5, 7)}
    rng = np.random.default_rng(1)
    names = assert_exact(random_convolution(rng, "ends", **shape, **bits), rng)
    if isa == "avx2":  # 16 bits must hold two neighbouring products, of 2x4 four times as much
        wanted = {2: wanted, 3: {"winograd 2x2"}, 6: set()}.get(a_bits, wanted)
    in_bytes = {"winograd 2x2", "winograd 2x4"}
    assert names & in_bytes == wanted
    assert ("winograd 4x4" in names) == ("winograd 4x4" in ONLY.get(isa, ()))


@pytest.mark.parametrize("c_in, fits", [(64, True), (256, False)])
def test_winograd_leaves_results_that_could_pass_32_bits_to_others(c_in, fits, isa):
    """Its sums are 576 times the results, of which 32 bits hold 64 times each."""
    shape = {"c_in": c_in, "c_out": 16, "groups": 1, "kernel": 3, "stride": 1, "padding": 1, "size": (5, 4)}
    rng = np.random.default_rng(3)
    names = assert_exact(random_convolution(rng, "ends", **shape, w_bits=8, a_bits=8, signed=False), rng)
    assert ("winograd 4x4" in names) == (fits and "winograd 4x4" in ONLY.get(isa, ()))


def test_large_weights_are_used_by_larger_chunks_of_pixels(isa):
    shape = {"c_in": 1024, "c_out": 600, "groups": 1, "kernel": 1, "stride": 1, "padding": 0, "size": (7, 13)}
    rng = np.random.default_rng(2)
    assert_exact(random_convolution(rng, "even", **shape, w_bits=8, a_bits=8, signed=False), rng)
