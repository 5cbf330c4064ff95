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
"""The dynamic convolution against the K-branch mixture it stands for, in float64."""

import numpy as np
import pytest

from src.kernels.direct import call, geometry
from src.kernels.errors import KernelError
from tests.kernels import reference as ref

BITS = (2, 4, 8)
SHAPES = [  # n, ic, h, w, oc, kernel, stride, padding, groups
    (13, 16, 8, 8, 16, 3, 1, 1, 1),
    (6, 8, 9, 7, 12, 3, 2, 1, 1),
    (7, 5, 6, 6, 10, 1, 2, 0, 1),
    (5, 12, 7, 7, 12, 3, 1, 1, 12),
    (9, 20, 9, 10, 20, 3, 2, 1, 20),
    (8, 256, 4, 4, 64, 3, 1, 1, 1),
]


def make_case(shape, seed=0):
    """Inputs of dq_dynamic_conv2d with codes next to them."""
    n, ic, h, w, oc, k, stride, padding, groups = shape
    rng = np.random.default_rng(seed)
    kinds = len(BITS)
    codes = np.stack(
        [rng.integers(-(2 ** (b - 1)), 2 ** (b - 1), (oc, ic // groups, k, k)) for b in BITS]
    )
    w_scale = (rng.random((kinds, oc)) * 0.1 + 0.02).astype(np.float32)
    a_max = np.array([2**b - 1 for b in BITS], np.float32)
    a_scale = (2.5 / a_max).astype(np.float32)
    ho, wo = (h + 2 * padding - k) // stride + 1, (w + 2 * padding - k) // stride + 1
    return {
        "x": rng.standard_normal((n, ic, h, w)).astype(np.float32),
        "codes": codes,
        "wq": (codes * w_scale[:, :, None, None, None]).astype(np.float32),
        "w_scale": w_scale,
        "a_inv": (1 / a_scale).astype(np.float32),
        "a_scale": a_scale,
        "a_max": a_max,
        "choice": rng.integers(0, kinds, n),
        "dy": rng.standard_normal((n, oc, ho, wo)).astype(np.float32),
        "geo": (stride, padding, groups),
    }


def mixture(c):
    """y and all gradients of sum_k onehot[n, k] conv(Q_k(x), wq_k)."""
    kinds = len(BITS)
    y = np.zeros(c["dy"].shape)
    dx, dw = np.zeros(c["x"].shape), np.zeros(c["wq"].shape)
    dstep, dclip = np.zeros(kinds), np.zeros(kinds)
    dhot = np.zeros((len(c["x"]), kinds))
    for k in range(kinds):
        act = (c["a_inv"][k], c["a_scale"][k], c["a_max"][k])
        branch = ref.quant_conv(c["x"], c["wq"][k], *act, *c["geo"])
        dhot[:, k] = np.sum(branch * c["dy"], axis=(1, 2, 3))
        weight = (c["choice"] == k).astype(np.float64).reshape(-1, 1, 1, 1)
        y += weight * branch
        part = ref.quant_conv_grads(c["x"], c["wq"][k], *act, weight * c["dy"], *c["geo"])
        dx += part[0]
        dw[k], dstep[k], dclip[k] = part[1], part[2], part[3]
    return y, dx, dw, dstep, dclip, dhot


def run(c, short_gradients=False):
    """The same from the kernels."""
    kinds = len(BITS)
    hot = np.eye(kinds, dtype=np.float32)[c["choice"]]
    quant = [c["wq"], c["w_scale"], c["a_inv"], c["a_scale"], c["a_max"]]
    ports = [np.zeros(kinds, np.float32)] * 2
    geo = geometry(*c["geo"], short_gradients)
    (y,) = call("dq_dynamic_conv2d", [c["x"], *quant, *ports, hot, geo], [c["dy"].shape])
    shapes = [c["x"].shape, c["wq"].shape, (kinds,), (kinds,), hot.shape]
    return [y, *call("dq_dynamic_conv2d_grad", [c["x"], *quant, hot, geo, y, c["dy"]], shapes)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_short_gradients_are_close_and_leave_the_choice_exact(isa, shape):
    """Each image's codes have the weight scales of its own width; only dx and dw change."""
    c = make_case(shape, seed=1)
    floats, shorts = run(c), run(c, short_gradients=True)
    for name, got, want in zip(("dx", "dw"), shorts[1:3], floats[1:3], strict=True):
        assert ref.max_error(got, want) < 1e-3, name
    for i in (0, 5):  # y and donehot
        np.testing.assert_array_equal(shorts[i], floats[i])
    if shape[-1] == 1:
        assert not np.array_equal(shorts[2], floats[2])


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_equals_the_mixture(isa, shape):
    c = make_case(shape)
    got, want = run(c), mixture(c)
    scale = np.abs(want[1]).sum()
    for name, limit, a, b in zip(
        ("y", "dx", "dw"), (1e-6, 3e-6, 1e-5), got[:3], want[:3], strict=True
    ):
        assert ref.max_error(a, b) < limit, name
    assert np.abs(got[3] - want[3]).max() < 1e-5 * scale
    assert np.abs(got[4] - want[4]).max() < 1e-5 * scale
    assert ref.max_error(got[5], want[5]) < 1e-5


def test_forward_equals_the_static_kernel_bit_for_bit(isa):
    c = make_case(SHAPES[0])
    y = run(c)[0]
    port = np.zeros(1, np.float32)
    for k in range(len(BITS)):
        tail = [c[name][k : k + 1] for name in ("a_inv", "a_scale", "a_max")]
        inputs = [c["x"], c["wq"][k], c["w_scale"][k], *tail, port, port, geometry(*c["geo"])]
        (static,) = call("dq_quant_conv2d", inputs, [c["dy"].shape])
        chosen = c["choice"] == k
        assert np.array_equal(y[chosen], static[chosen])


def test_a_width_nobody_chose_gets_zero_gradients(isa):
    c = make_case(SHAPES[1])
    c["choice"][:] = 1
    _, _, dw, dstep, dclip, dhot = run(c)
    assert not dw[0].any() and not dw[2].any() and dw[1].any()
    assert dstep[0] == dclip[2] == 0
    assert dhot.all()


def test_a_row_without_numbers_is_refused(isa):
    c = make_case(SHAPES[2])
    hot = np.full((len(c["x"]), 3), np.nan, np.float32)
    ports = [np.zeros(3, np.float32)] * 2
    quant = [c["wq"], c["w_scale"], c["a_inv"], c["a_scale"], c["a_max"]]
    with pytest.raises(KernelError, match="dynamic_conv2d: a row of onehot"):
        call(
            "dq_dynamic_conv2d", [c["x"], *quant, *ports, hot, geometry(*c["geo"])], [c["dy"].shape]
        )
