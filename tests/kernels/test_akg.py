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
"""AKG's kernels, compiled and run on this CPU, against the arithmetic of the oracle."""

import importlib.util
import shutil

import numpy as np
import pytest

from src.engine.integers import child, convolve
from src.errors import UserError

ms = pytest.importorskip("mindspore")

from src.kernels.akg import hybrid  # noqa: E402
from src.kernels.akg.conv import conv2d  # noqa: E402
from src.kernels.akg.gemm import gemm  # noqa: E402
from src.kernels.akg.shift import child_codes  # noqa: E402

GEMMS = [(1, 1, 1), (7, 5, 13), (3, 17, 1), (33, 10, 130)]
# x, w, stride, padding
CONVS = [
    ((2, 3, 7, 9), (5, 3, 3, 3), 1, 1),
    ((2, 3, 7, 9), (5, 3, 3, 3), 2, 1),
    ((3, 17, 6, 5), (4, 17, 3, 3), 2, 0),
    ((2, 4, 5, 6), (7, 4, 1, 1), 2, 0),
    ((2, 2, 9, 7), (3, 2, 3, 2), 1, 0),
    ((1, 1, 1, 1), (1, 1, 1, 1), 1, 1),
]


@pytest.fixture(scope="module")
def akg(tmp_path_factory):
    """A folder of its own: AKG leaves its cache and logs in the current one. Skips without AKG."""
    reason = hybrid.why_not()
    if reason:
        pytest.skip(reason)
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("akg")
        patch.chdir(folder)
        patch.setenv("MS_COMPILER_CACHE_PATH", str(folder))
        yield folder


def run(op, *arrays: np.ndarray) -> np.ndarray:
    return op(*(ms.Tensor(a.astype(np.int32)) for a in arrays)).asnumpy()


def conv(x: np.ndarray, w: np.ndarray, stride: int, padding: int) -> np.ndarray:
    """The oracle's, image by image. Its kernels are square: zeros on the right change nothing."""
    extra = ((0, 0),) * 3 + ((0, w.shape[2] - w.shape[3]),)
    x, w = np.pad(x, extra).astype(np.int64), np.pad(w, extra).astype(np.int64)
    return np.stack([convolve(image, w, stride, padding, 1) for image in x])


def activations(shape, seed=0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape)


def weights(shape, seed=1) -> np.ndarray:
    return np.random.default_rng(seed).integers(-128, 128, shape)


def check_child(bits: int, master: int, signed: bool):
    codes = np.arange(2**master) - (2 ** (master - 1) if signed else 0)
    # any int32 in reach, too: q need not be a master's code
    far = np.random.default_rng(2).integers(-(2**20), 2**20 + 1, 254)
    q = np.concatenate([codes, far, [-(2**20), 2**20]]).reshape(-1, 2)
    np.testing.assert_array_equal(
        run(child_codes(bits, master, signed), q), child(q, master, bits, signed)
    )


@pytest.mark.parametrize("signed", [False, True], ids=["unsigned", "signed"])
@pytest.mark.parametrize("bits", range(2, 9))
def test_children_of_all_codes(akg, bits, signed):
    check_child(bits, 8, signed)


def test_children_in_both_modes(akg, mode):
    check_child(2, 5, True)
    check_child(3, 5, False)


@pytest.mark.parametrize("m,n,k", GEMMS)
def test_gemm(akg, m, n, k):
    a, b = activations((m, k)), weights((n, k))
    np.testing.assert_array_equal(run(gemm(), a, b), a @ b.T)


def test_gemm_in_both_modes(akg, mode):
    a, b = activations((4, 6)), weights((3, 6))
    np.testing.assert_array_equal(run(gemm(), a, b), a @ b.T)


def test_sums_use_all_32_bits(akg):
    a, b = np.full((1, 65793), 255), np.full((2, 65793), -128)  # 128 above the smallest int32
    np.testing.assert_array_equal(run(gemm(), a, b), a @ b.T)


@pytest.mark.parametrize("x_shape,w_shape,stride,padding", CONVS)
def test_conv2d(akg, x_shape, w_shape, stride, padding):
    x, w = activations(x_shape), weights(w_shape)
    got = run(conv2d(stride, padding), x, w)
    np.testing.assert_array_equal(got, conv(x, w, stride, padding))


def test_conv2d_in_both_modes(akg, mode):
    # the same shapes of x and w with two strides in one process: they must not be confused
    x, w = activations((2, 2, 5, 5)), weights((3, 2, 3, 3))
    for stride in (1, 2):
        np.testing.assert_array_equal(run(conv2d(stride, 1), x, w), conv(x, w, stride, 1))


class _Layer(ms.nn.Cell):
    """Children of activations and weights, convolved, then a dense layer: all three kernels."""

    def __init__(self):
        super().__init__()
        self.narrow_x, self.narrow_w = child_codes(4, signed=False), child_codes(3)
        self.conv, self.dense = conv2d(2, 1), gemm()

    def construct(self, x, w, head):
        y = self.conv(self.narrow_x(x), self.narrow_w(w))
        return self.dense(y.reshape(y.shape[0], -1), head)


def test_mindir_runs_again(akg):
    arrays = activations((2, 3, 6, 6)), weights((4, 3, 3, 3)), weights((5, 36), seed=3)
    tensors = [ms.Tensor(a.astype(np.int32)) for a in arrays]
    layer = _Layer()
    x, w = child(arrays[0], 8, 4, False), child(arrays[1], 8, 3, True)
    expected = conv(x, w, 2, 1).reshape(2, -1) @ arrays[2].T
    np.testing.assert_array_equal(layer(*tensors).asnumpy(), expected)
    file = akg / "layer.mindir"
    ms.export(layer, *tensors, file_name=str(file), file_format="MINDIR")
    loaded = ms.nn.GraphCell(ms.load(str(file)))
    np.testing.assert_array_equal(loaded(*tensors).asnumpy(), expected)


def test_wrong_inputs_are_named_before_akg_sees_them(akg):
    a, b = activations((4, 6)), weights((3, 6))
    with pytest.raises(Exception, match="take int32"):
        gemm()(ms.Tensor(a.astype(np.float32)), ms.Tensor(b.astype(np.float32)))
    with pytest.raises(Exception, match=r"gemm: a \(4, 6\) and b \(3, 5\) do not fit"):
        run(gemm(), a, b[:, :5])
    with pytest.raises(Exception, match="conv2d: x .* do not fit"):
        run(conv2d(1, 1), activations((1, 3, 4, 4)), weights((2, 4, 3, 3)))
    with pytest.raises(Exception, match="is smaller than w"):
        run(conv2d(1, 0), activations((1, 3, 2, 4)), weights((2, 3, 3, 3)))
    np.testing.assert_array_equal(run(gemm(), a, b), a @ b.T)  # AKG still lives


@pytest.mark.parametrize("bits,master", [(1, 8), (8, 4), (9, 9)])
def test_impossible_widths_are_refused(bits, master):
    with pytest.raises(UserError, match="2 <= bits <= master <= 8"):
        child_codes(bits, master)


@pytest.mark.parametrize("stride,padding", [(0, 0), (1, -1)])
def test_impossible_geometry_is_refused(stride, padding):
    with pytest.raises(UserError, match="stride >= 1, padding >= 0"):
        conv2d(stride, padding)


@pytest.mark.parametrize(
    "module,name,message",
    [
        (importlib.util, "find_spec", "has no AKG"),
        (shutil, "which", "g\\+\\+ on the PATH"),
    ],
)
def test_what_is_missing_is_named(monkeypatch, module, name, message):
    monkeypatch.setattr(module, name, lambda *_: None)
    with pytest.raises(UserError, match=message):
        gemm()


def test_a_missing_decorator_is_named(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "decorator" else find(name)
    )
    with pytest.raises(UserError, match="pip install decorator"):
        gemm()
