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
"""The MindSpore bindings: values and gradients in graph mode and PyNative."""

import numpy as np
import pytest

from src import kernels
from tests.kernels import reference as ref
from tests.kernels.test_dynamic import BITS, SHAPES, make_case, mixture

if not kernels.available():
    pytest.skip("no C++ compiler", allow_module_level=True)

ms = pytest.importorskip("mindspore")

from src.kernels import conv_ops  # noqa: E402
from src.kernels import ops as native_ops  # noqa: E402


@pytest.fixture(params=["graph", "pynative"])
def mode(request):
    """Runs the test in both modes of MindSpore."""
    before = ms.get_context("mode")
    ms.set_context(mode=ms.GRAPH_MODE if request.param == "graph" else ms.PYNATIVE_MODE)
    yield request.param
    ms.set_context(mode=before)


class _WeightedSum(ms.nn.Cell):
    """sum(op(...) * dy): its gradients are the operator's for dy."""

    def __init__(self, op, dy, first_only=False):
        super().__init__()
        self.op, self.dy, self.first_only = op, ms.Tensor(dy), first_only

    def construct(self, *inputs):
        y = self.op(*inputs)
        if self.first_only:
            y = y[0]
        return (y * self.dy).sum()


def _gradients(op, dy, inputs, first_only=False):
    tensors = [ms.Tensor(a) for a in inputs]
    net = _WeightedSum(op, dy, first_only)
    grad = ms.grad(net, grad_position=tuple(range(len(tensors))))
    return [g.asnumpy() for g in grad(*tensors)]


def test_conv2d_with_and_without_dx(mode):
    # both kinds and two strides in one process: their gradients must not be confused
    rng = np.random.default_rng(0)
    for stride, needs_dx in [(1, True), (1, False), (2, True)]:
        x = rng.standard_normal((2, 3, 8, 8)).astype(np.float32)
        w = rng.standard_normal((4, 3, 3, 3)).astype(np.float32)
        dy = rng.standard_normal((2, 4, 8 // stride, 8 // stride)).astype(np.float32)
        op = conv_ops.conv2d(stride, 1, needs_dx=needs_dx)
        y = op(ms.Tensor(x), ms.Tensor(w)).asnumpy()
        assert ref.max_error(y, ref.conv(x, w, stride, 1)) < 1e-5
        dx, dw = _gradients(op, dy, [x, w])
        want_dx, want_dw = ref.conv_grads(x, w, dy, stride, 1)
        assert ref.max_error(dw, want_dw) < 1e-5
        if needs_dx:
            assert ref.max_error(dx, want_dx) < 1e-5
        else:
            assert not dx.any()


def test_quant_conv2d(mode):
    rng = np.random.default_rng(1)
    x = rng.standard_normal((3, 8, 6, 6)).astype(np.float32)
    w_scale = np.array([0.125], np.float32)
    wq = (rng.integers(-8, 8, (5, 8, 3, 3)) * w_scale[0]).astype(np.float32)
    act = [np.array([v], np.float32) for v in (8.0, 0.125, 15.0)]
    port = np.zeros(1, np.float32)
    dy = rng.standard_normal((3, 5, 6, 6)).astype(np.float32)
    op = conv_ops.quant_conv2d(1, 1)
    inputs = [x, wq, w_scale, *act, port, port]
    y = op(*[ms.Tensor(a) for a in inputs]).asnumpy()
    assert ref.max_error(y, ref.quant_conv(x, wq, 8, 0.125, 15, 1, 1)) < 1e-6
    dx, dw, d_scale, *d_act, dstep, dclip = _gradients(op, dy, inputs)
    want = ref.quant_conv_grads(x, wq, 8, 0.125, 15, dy, 1, 1)
    for got, expected in zip((dx, dw, dstep, dclip), want, strict=True):
        assert ref.max_error(got, np.reshape(expected, got.shape)) < 2e-5
    assert not d_scale.any() and not any(d.any() for d in d_act)


def test_dynamic_conv2d(mode):
    c = make_case(SHAPES[1])
    hot = np.eye(len(BITS), dtype=np.float32)[c["choice"]]
    port = np.zeros(len(BITS), np.float32)
    names = ("x", "wq", "w_scale", "a_inv", "a_scale", "a_max")
    inputs = [*(c[name] for name in names), port, port, hot]
    op = conv_ops.dynamic_conv2d(*c["geo"])
    want = mixture(c)
    assert ref.max_error(op(*[ms.Tensor(a) for a in inputs]).asnumpy(), want[0]) < 1e-6
    g = _gradients(op, c["dy"], inputs)
    for got, expected in zip((g[0], g[1], g[6], g[7], g[8]), want[1:], strict=True):
        assert ref.max_error(got, expected) < 5e-5


@pytest.mark.parametrize("residual", [False, True])
def test_batch_norm(mode, residual):
    rng = np.random.default_rng(2)
    x = rng.standard_normal((4, 3, 5, 5)).astype(np.float32)
    gamma, beta = np.array([1, 2, 0.5], np.float32), np.array([0, 1, -1], np.float32)
    inputs = [x, gamma, beta] + ([x[::-1].copy()] if residual else [])
    dy = rng.standard_normal(x.shape).astype(np.float32)
    got = _gradients(native_ops.batch_norm("relu", residual), dy, inputs, first_only=True)

    def value(args):
        a, scale, shift, *rest = (v.astype(np.float64) for v in args)
        mean, var = a.mean((0, 2, 3), keepdims=True), a.var((0, 2, 3), keepdims=True)
        y = (a - mean) / np.sqrt(var + 1e-5) * scale.reshape(1, -1, 1, 1) + shift.reshape(
            1, -1, 1, 1
        )
        return np.sum(np.maximum(y + (rest[0] if rest else 0), 0) * dy)

    for which, grad in enumerate(got):
        for at in (0, grad.size // 2, grad.size - 1):
            moved = [[v.astype(np.float64) for v in inputs] for _ in range(2)]
            moved[0][which].flat[at] += 1e-5
            moved[1][which].flat[at] -= 1e-5
            assert abs((value(moved[0]) - value(moved[1])) / 2e-5 - grad.flat[at]) < 1e-3


def test_running_statistics(mode):
    old, new = np.array([[1, 2], [3, 4]], np.float32), np.array([5, 6], np.float32)
    share, factor = np.array([0.5, 0], np.float32), np.array([2], np.float32)
    moving = [ms.Parameter(ms.Tensor(old), name=name) for name in ("mean", "variance")]
    native_ops.running_statistics()(*moving, *map(ms.Tensor, (new, new, share, factor)))
    mean, variance = (parameter.asnumpy() for parameter in moving)
    assert mean.tolist() == [[3, 4], [3, 4]] and variance.tolist() == [[5.5, 7], [3, 4]]


@pytest.mark.parametrize("rows", [1, 5])
def test_fake_quant(mode, rows):
    x = np.linspace(-1, 3, 50, dtype=np.float32).reshape(5, 10)
    act = [np.full((rows, 1), 4.0, np.float32), np.full((rows, 1), 0.25, np.float32)]
    ends = [np.array([v], np.float32) for v in (0.0, 7.0)]
    port, clip = np.zeros((rows, 1), np.float32), np.zeros(1, np.float32)
    dy = np.linspace(1, 2, 50, dtype=np.float32).reshape(5, 10)
    inputs = [x, *act, *ends, port, clip]
    dx, *_, dstep, dclip = _gradients(native_ops.fake_quant(), dy, inputs)
    want_dx, s_in, s_hi = ref.step_sums(dy.astype(np.float64), x, 4, 7)
    assert ref.max_error(dx, want_dx) < 1e-6
    assert dstep.shape == port.shape and dclip.shape == clip.shape
    assert abs(dclip[0] - s_hi) < 1e-4 and abs(dstep.sum() - s_in - 7 * s_hi) < 1e-3


def test_subsample(mode):
    x = np.arange(2 * 2 * 5 * 4, dtype=np.float32).reshape(2, 2, 5, 4)
    dy = np.arange(2 * 4 * 3 * 2, dtype=np.float32).reshape(2, 4, 3, 2)
    dx = np.stack(_gradients(native_ops.subsample(2, 1, 1), dy, [x]))  # one input: one tensor
    expected = np.zeros_like(x)
    expected[:, :, ::2, ::2] = dy[:, 1:3]
    np.testing.assert_array_equal(dx, expected)


def test_bad_shapes_are_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # MindSpore writes its analysis into the current folder
    op = conv_ops.conv2d(1, 1)
    with pytest.raises(Exception, match="conv2d: x .* do not fit"):
        op(
            ms.Tensor(np.zeros((1, 3, 8, 8), np.float32)),
            ms.Tensor(np.zeros((4, 5, 3, 3), np.float32)),
        )


class Twice(ms.nn.Cell):
    """What a parameter was before, between and after two updates."""

    def __init__(self):
        super().__init__()
        lists = [[filled(f"{kind}{n}", n) for n in (3, 4)] for kind in ("weight", "moment")]
        self.weights, self.moments = map(ms.ParameterTuple, lists)
        self.update = native_ops.momentum([1, 0], [0.0, 0.5], 0.5, False, 0.0)

    def construct(self, gradients, rates):
        norm = self.update(gradients, self.weights, self.moments, rates)
        between = self.weights[1] * 1
        self.update(gradients, self.weights, self.moments, rates)
        return norm, between, self.weights[1] * 1


def filled(name, size):
    return ms.Parameter(ms.Tensor(np.full(size, 2.0, np.float32)), name=name)


def test_updates_are_in_order_and_count_steps(mode):
    gradients = tuple(ms.Tensor(np.full(n, 2.0, np.float32)) for n in (3, 4))
    before, cell = kernels.steps_done(), Twice()
    norm, between, after = (v.asnumpy() for v in cell(gradients, ms.Tensor([0.25, 9], ms.float32)))
    assert norm == pytest.approx(np.sqrt(28.0))
    np.testing.assert_array_equal(between, np.full(4, 2 - 0.25 * (1 + 3)))
    np.testing.assert_array_equal(after, np.full(4, 1 - 0.25 * (2 + 2.5)))
    np.testing.assert_array_equal(cell.weights[1].asnumpy(), after)
    assert kernels.wait_for_step(before + 2, timeout=10)
    assert not kernels.wait_for_step(before + 1000, timeout=0.01)
