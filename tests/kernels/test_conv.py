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
"""Float and quantised convolution and their gradients against float64 NumPy."""

import numpy as np
import pytest

from src.kernels.direct import call, geometry
from src.kernels.errors import KernelError
from tests.kernels import reference as ref

# n, ic, h, w, oc, kernel, stride, padding, groups
SHAPES = [
    (3, 16, 32, 32, 16, 3, 1, 1, 1),
    (2, 32, 16, 16, 32, 3, 1, 1, 1),
    (9, 64, 8, 8, 64, 3, 1, 1, 1),
    (2, 16, 32, 32, 32, 3, 2, 1, 1),
    (2, 16, 32, 32, 32, 1, 2, 0, 1),
    (3, 3, 32, 32, 16, 3, 1, 1, 1),
    (1, 3, 30, 29, 10, 7, 2, 3, 1),
    (5, 5, 7, 9, 10, 3, 1, 1, 1),
    (1, 5, 9, 7, 7, 3, 2, 1, 1),
    (17, 40, 7, 7, 24, 3, 1, 1, 1),
    (2, 8, 5, 5, 12, 1, 1, 0, 1),
    (2, 6, 6, 5, 4, 2, 2, 0, 1),
    (2, 4, 11, 11, 8, 5, 3, 2, 1),
    (2, 4, 8, 8, 8, 3, 1, 0, 1),
    (3, 24, 9, 9, 24, 3, 1, 1, 24),
    (3, 20, 10, 10, 20, 3, 2, 1, 20),
    (2, 12, 6, 6, 18, 3, 1, 1, 3),
    (1, 1, 1, 1, 1, 1, 1, 0, 1),
    (2, 4, 33, 1, 3, 1, 2, 0, 1),
    (2, 2, 70, 100, 4, 3, 1, 1, 1),
    (20, 256, 4, 4, 256, 3, 1, 1, 1),
]
# Where float arithmetic takes Winograd's products: tiles beyond the last row or column, several blocks of tiles,
# images and rows that share a vector, channels that fill no block, every padding.
WINOGRAD_SHAPES = [
    (2, 9, 70, 100, 11, 3, 1, 1, 1),
    (3, 8, 3, 3, 8, 3, 1, 0, 1),
    (2, 10, 6, 5, 9, 3, 1, 2, 1),
    (1, 8, 2, 3, 8, 3, 1, 1, 1),
    (2, 16, 37, 35, 40, 3, 1, 1, 1),
    (33, 8, 2, 2, 16, 3, 1, 1, 1),
    (2, 130, 14, 14, 33, 3, 1, 0, 1),
]

DEPTHWISE_SHAPES = [
    (2, 33, 7, 7, 33, 3, 1, 1, 33),
    (1, 5, 70, 100, 5, 3, 1, 1, 5),  # several strips of rows
    (2, 3, 112, 111, 3, 3, 2, 1, 3),
    (1, 17, 23, 20, 17, 5, 2, 2, 17),
    (2, 18, 9, 8, 18, 3, 3, 1, 18),
    (1, 4, 5, 6, 4, 3, 1, 2, 4),
    (1, 5, 6, 7, 5, 2, 1, 0, 5),
    (2, 6, 7, 7, 6, 1, 2, 0, 6),  # pixels that no output reads
    (1, 2, 18, 18, 2, 17, 1, 8, 2),  # too many taps for the kernel's own exact sums
]


def _case(shape, seed=0):
    n, ic, h, w, oc, k, stride, padding, groups = shape
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, ic, h, w)).astype(np.float32)
    weight = rng.standard_normal((oc, ic // groups, k, k)).astype(np.float32)
    ho, wo = (h + 2 * padding - k) // stride + 1, (w + 2 * padding - k) // stride + 1
    dy = rng.standard_normal((n, oc, ho, wo)).astype(np.float32)
    return x, weight, dy, (stride, padding, groups)


def _quantisers(rng, oc, w_bits, a_bits, per_channel):
    levels = 2 ** (w_bits - 1)
    w_scale = (rng.random(oc if per_channel else 1) * 0.1 + 0.01).astype(np.float32)
    a_max = np.array([2**a_bits - 1], np.float32)
    a_scale = (2.0 / a_max).astype(np.float32)
    return levels, w_scale, a_max, a_scale, (1 / a_scale).astype(np.float32)


@pytest.mark.parametrize("shape", SHAPES + WINOGRAD_SHAPES + DEPTHWISE_SHAPES, ids=str)
def test_float_conv(isa, shape):
    x, w, dy, geo = _case(shape)
    (y,) = call("dq_conv2d", [x, w, geometry(*geo)], [dy.shape])
    assert ref.max_error(y, ref.conv(x, w, *geo)) < 3e-6
    dx, dw = call("dq_conv2d_grad", [x, w, geometry(*geo), dy], [x.shape, w.shape])
    want_dx, want_dw = ref.conv_grads(x, w, dy, *geo)
    assert ref.max_error(dx, want_dx) < 3e-6
    assert ref.max_error(dw, want_dw) < 1e-5
    (only_dw,) = call("dq_conv2d_first_grad", [x, w, geometry(*geo), dy], [w.shape])
    assert np.array_equal(only_dw, dw)


@pytest.mark.parametrize("bits", [(2, 2), (4, 4), (4, 8), (8, 8)], ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_quant_conv(isa, shape, bits):
    _check_quant_conv(shape, bits, unit=1)


@pytest.mark.parametrize("shape", WINOGRAD_SHAPES + DEPTHWISE_SHAPES, ids=str)
def test_quant_conv_with_products_of_tiles_or_of_lanes(isa, shape):
    _check_quant_conv(shape, (4, 4), unit=1)


@pytest.mark.parametrize("bits", [(8, 2), (3, 4), (2, 7)], ids=str)
@pytest.mark.parametrize("shape", SHAPES[:4], ids=str)
def test_quant_conv_of_nested_codes(isa, shape, bits):
    _check_quant_conv(shape, bits, unit=2 ** (8 - bits[1]))


def _check_quant_conv(shape, bits, unit):
    x, w, dy, geo = _case(shape, seed=1)
    rng = np.random.default_rng(2)
    levels, w_scale, a_max, a_scale, a_inv = _quantisers(rng, w.shape[0], *bits, bits[0] == 4)
    a_inv = a_inv * np.float32(unit)  # of the master
    codes = rng.integers(-levels, levels, w.shape)
    codes.flat[0] = -levels
    wq = (codes * w_scale.reshape(-1, 1, 1, 1)).astype(np.float32)
    zero = np.zeros(1, np.float32)
    tail = [wq, w_scale, a_inv, a_scale, a_max]
    (y,) = call("dq_quant_conv2d", [x, *tail, zero, zero, geometry(*geo)], [dy.shape])
    # the integer definition, bit for bit
    a_code, _ = ref.quantise(x, a_inv[0], a_max[0], unit)
    total = ref.conv(a_code, codes, *geo).astype(np.float32)
    assert np.array_equal(y, total * (a_scale * w_scale).reshape(1, -1, 1, 1))

    outs = [x.shape, wq.shape, (1,), (1,)]
    dx, dw, dstep, dclip = call("dq_quant_conv2d_grad", [x, *tail, geometry(*geo), dy], outs)
    want = ref.quant_conv_grads(x, wq, a_inv[0], a_scale[0], a_max[0], dy, *geo, unit=unit)
    scale = np.abs(want[0]).sum() + 1e-9
    assert ref.max_error(dx, want[0]) < 3e-6
    assert ref.max_error(dw, want[1]) < 1e-5
    assert abs(dstep[0] - want[2]) < 1e-5 * scale * unit
    assert abs(dclip[0] - want[3]) < 1e-5 * scale


@pytest.mark.parametrize("bits", [(2, 2), (4, 4), (8, 8)], ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_short_gradients(isa, shape, bits):
    """Gradients of the rounded dy, exactly as integers sum: 16-bit codes with a step per pass."""
    x, w, dy, geo = _case(shape, seed=4)
    dy *= np.logspace(0, -3, len(dy), dtype=np.float32).reshape(-1, 1, 1, 1)  # unequal images
    rng = np.random.default_rng(5)
    levels, w_scale, a_max, a_scale, a_inv = _quantisers(rng, w.shape[0], *bits, bits[0] == 4)
    codes = rng.integers(-levels, levels, w.shape)
    codes.flat[0] = -levels
    wq = (codes * w_scale.reshape(-1, 1, 1, 1)).astype(np.float32)
    inputs = [x, wq, w_scale, a_inv, a_scale, a_max, geometry(*geo, short_gradients=True), dy]
    outs = [x.shape, wq.shape, (1,), (1,)]
    dx, dw, dstep, dclip = call("dq_quant_conv2d_grad", inputs, outs)

    rounded, groups = dy, geo[-1]
    if not groups == w.shape[0] == x.shape[1]:  # depthwise gradients stay float
        depth = w.shape[0] // groups * w.shape[2] * w.shape[3]
        pixels = max(256, dy.shape[3])
        top = min(32767, int((2**31 - 1) / max(levels * depth, int(a_max[0]) * pixels) - 1))
        rounded = ref.short_gradient(dy, w_scale, top, groups)
    want = ref.quant_conv_grads(x, wq, a_inv[0], a_scale[0], a_max[0], rounded, *geo)
    scale = np.abs(want[0]).sum() + 1e-9
    assert ref.max_error(dx, want[0]) < 1e-6
    assert ref.max_error(dw, want[1]) < 2e-6
    assert abs(dstep[0] - want[2]) < 1e-5 * scale
    assert abs(dclip[0] - want[3]) < 1e-5 * scale
    exact = ref.quant_conv_grads(x, wq, a_inv[0], a_scale[0], a_max[0], dy, *geo)
    assert ref.max_error(dx, exact[0]) < 1e-3 and ref.max_error(dw, exact[1]) < 1e-3


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_short_gradients_do_not_hide_what_is_not_finite(isa, bad):
    x, w, dy, geo = _case(SHAPES[7])
    dy[3, 2, 1, 1] = bad
    one = np.ones(1, np.float32)
    wq, top = np.clip(np.floor(4 * w), -8, 7), np.array([15], np.float32)
    inputs = [x, wq, one, one, one, top, geometry(*geo, short_gradients=True), dy]
    dx, dw, _, _ = call("dq_quant_conv2d_grad", inputs, [x.shape, w.shape, (1,), (1,)])
    assert np.isnan(dx[3]).any() and np.isnan(dw).any()
    assert np.isfinite(dx[:3]).all()


def test_a_zero_gradient_stays_zero_as_short_codes(isa):
    x, w, dy, geo = _case(SHAPES[0])
    one, top = np.ones(1, np.float32), np.array([15], np.float32)
    wq = np.clip(np.floor(4 * w), -8, 7)
    inputs = [x, wq, one, one, one, top, geometry(*geo, short_gradients=True), 0 * dy]
    for gradient in call("dq_quant_conv2d_grad", inputs, [x.shape, w.shape, (1,), (1,)]):
        assert not gradient.any()


def test_codes_beyond_8_bits_use_real_weights(isa):
    x, w, dy, geo = _case(SHAPES[1])
    rng = np.random.default_rng(3)
    codes = rng.integers(-128, 128, w.shape) * 2 + 1  # DoReFa at 8 bits: odd codes up to 255
    w_scale, a_max = np.array([1 / 255], np.float32), np.array([255], np.float32)
    a_scale = np.array([1 / 255], np.float32)
    a_inv = np.array([255], np.float32)
    wq = (codes / 255).astype(np.float32)
    zero = np.zeros(1, np.float32)
    inputs = [x, wq, w_scale, a_inv, a_scale, a_max, zero, zero, geometry(*geo)]
    (y,) = call("dq_quant_conv2d", inputs, [dy.shape])
    assert ref.max_error(y, ref.quant_conv(x, wq, 255, 1 / 255, 255, *geo)) < 3e-6


def test_rounds_half_up_and_clips(isa):
    x = np.array([0.5, 1.5, 2.5, 2.4999998, -0.5, 3.5, 3.0, 1e9], np.float32).reshape(1, 1, 1, 8)
    one, top = np.ones(1, np.float32), np.array([3], np.float32)
    w = np.ones((1, 1, 1, 1), np.float32)
    (y,) = call("dq_quant_conv2d", [x, w, one, one, one, top, one, one, geometry(1, 0)], [x.shape])
    assert y.ravel().tolist() == [1, 2, 3, 2, 0, 3, 3, 3]


@pytest.mark.parametrize("shape", [SHAPES[0], SHAPES[3], (33, 8, 4, 4, 16, 3, 1, 1, 1)], ids=str)
def test_what_is_not_finite_stays_in_its_image(isa, shape):
    x, w, dy, geo = _case(shape)
    x[1, 2, 3, 1], dy[0, 2, 3, 1] = np.inf, np.nan
    (y,) = call("dq_conv2d", [x, w, geometry(*geo)], [dy.shape])
    dx, dw = call("dq_conv2d_grad", [x, w, geometry(*geo), dy], [x.shape, w.shape])
    assert not np.isfinite(y[1]).all() and np.isfinite(y[0]).all()
    assert np.isnan(dx[0]).any() and np.isfinite(dx[1:]).all() and np.isnan(dw).any()


def test_nan_weights_reach_the_output(isa):
    x, w, dy, geo = _case(SHAPES[0])
    one, top = np.ones(1, np.float32), np.array([15], np.float32)
    w[:] = np.nan
    (y,) = call("dq_quant_conv2d", [x, w, one, one, one, top, one, one, geometry(*geo)], [dy.shape])
    assert np.isnan(y).all()


@pytest.mark.parametrize(
    "shape",
    [
        (11, 16, 10, 10, 20, 3, 1, 1, 1),
        (11, 16, 10, 10, 20, 3, 2, 1, 1),
        (16, 384, 4, 4, 384, 3, 1, 1, 1),
        (11, 21, 10, 9, 21, 3, 2, 1, 21),
        (2, 70, 8, 8, 70, 3, 1, 1, 70),  # fewer images than threads
    ],
    ids=str,
)
def test_results_do_not_depend_on_the_number_of_threads(isa, shape):
    from src import kernels

    x, w, dy, geo = _case(shape)
    results = []
    try:
        for count in (1, 2, 5, 8):
            kernels.set_threads(count)
            inputs = [x, w, geometry(*geo), dy]
            results.append(call("dq_conv2d_grad", inputs, [x.shape, w.shape]))
    finally:
        kernels.set_threads(0)
    for other in results[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(results[0], other, strict=True))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"x": np.zeros((2, 3, 8), np.float32)}, "number of dimensions"),
        ({"x": np.zeros((2, 3, 8, 8), np.float64)}, "type"),
        ({"x": np.zeros((2, 5, 8, 8), np.float32)}, "shapes"),
        ({"geo": geometry(9, 1)}, "stride"),
        ({"geo": geometry(1, 3)}, "padding"),
        ({"geo": geometry(1, 1, 2)}, "groups"),
        ({"geo": np.array([1, 1, 1, 2], np.int32)}, "short gradients"),
        ({"y": (2, 4, 8, 7)}, "shapes"),
    ],
)
def test_bad_arguments_are_refused(change, words):
    args = {
        "x": np.zeros((2, 3, 8, 8), np.float32),
        "w": np.zeros((4, 3, 3, 3), np.float32),
        "geo": geometry(1, 1),
        "y": (2, 4, 8, 8),
        **change,
    }
    with pytest.raises(KernelError, match=words) as caught:
        call("dq_conv2d", [args["x"], args["w"], args["geo"]], [args["y"]])
    assert "conv2d" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("a_max", 256, "a_max"),
        ("a_max", 2.5, "a_max"),
        ("w_scale", 0, "scale"),
        ("a_scale", 3, "scale"),  # no power of two
        ("a_scale", 0.5, "scale"),  # finer than its master
        ("a_scale", 32, "scale"),  # a master of more than 8 bits
        ("w_scale", 0.3, "integers"),
    ],
)
def test_bad_quantisers_are_refused(name, value, words):
    values = {"w_scale": 1.0, "a_inv": 1.0, "a_scale": 1.0, "a_max": 15.0, name: value}
    tensors = [np.array([v], np.float32) for v in values.values()]
    x, w = np.ones((1, 4, 5, 5), np.float32), np.ones((4, 4, 3, 3), np.float32)
    one = np.ones(1, np.float32)
    with pytest.raises(KernelError, match=words):
        call("dq_quant_conv2d", [x, w, *tensors, one, one, geometry(1, 1)], [(1, 4, 5, 5)])
