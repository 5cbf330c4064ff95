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
"""One operation of a program as a kernel: it runs as it should, and refuses arguments that do not fit."""

import numpy as np
import pytest

from src import kernels
from src.engine.declaration import Operation
from src.engine.operations import Add, Quantise
from src.engine.table import FIELDS, as_table
from src.kernels.direct import bind
from src.kernels.errors import KernelError
from tests.engine.builder import Builder

pytestmark = pytest.mark.skipif(not kernels.available(), reason="no C++ compiler")


def numbers(op: Operation, *more: int) -> np.ndarray:
    """more: rows, row, bits and sign of the codes read, candidates of the plan."""
    return np.concatenate([as_table([op])[0], more]).astype(np.int64)


def quantise() -> dict[str, np.ndarray]:
    """Three variants, of which the plan gives each of two images one."""
    op = Quantise(0, 4, 0, 1, 0)
    x = np.arange(2 * 3 * 4 * 5, dtype=np.int32).reshape(2, 3, 4, 5)
    return {
        "numbers": numbers(op, 1, 0, 0, 0, 3), "x": x, "plan": np.array([[[1], [0]], [[0], [2]]]),
        "bits": np.array([2, 4, 8]), "multiplier": np.array([1, 2, 16], np.int32),
        "out": np.full(x.shape, -1, np.int32),
    }  # fmt: skip


def conv() -> dict[str, np.ndarray]:
    b = Builder()
    x = b.image(4, 5)
    op = b.operations[b.conv(b.quantise(x), 2, w_bits=(4,), a_bits=(4,))]
    return {
        "numbers": numbers(op, 1, 0, 4, 0, 0), "x": np.ones((2, 3, 4, 5), np.int32),
        "plan": np.zeros((1, 1, 1), np.int64), "bits": op.arrays["bits"],
        "multiplier": op.arrays["multiplier"], "bias": op.arrays["bias"],
        "weight": op.arrays["weight.0"], "out": np.zeros((2, 2, 4, 5), np.int32),
    }  # fmt: skip


def image() -> dict[str, np.ndarray]:
    b = Builder()
    op = b.operations[b.image(4, 5)]
    return {
        "numbers": numbers(op, 1, 0, 0, 0, 0), "x": np.full((2, 3, 4, 5), 7, np.uint8),
        "plan": np.zeros((1, 1, 1), np.int64), "table": op.arrays["table"],
        "out": np.zeros((2, 3, 4, 5), np.int32),
    }  # fmt: skip


def wide() -> dict[str, np.ndarray]:
    b = Builder()
    op = b.operations[b.wide(b.image(4, 5), 2)]
    return {
        "numbers": numbers(op, 1, 0, 0, 0, 0), "x": np.ones((2, 3, 4, 5), np.int32),
        "plan": np.zeros((1, 1, 1), np.int64), "weight": op.arrays["weight"],
        "out": np.zeros((2, 2, 4, 5), np.int32),
    }  # fmt: skip


def affine() -> dict[str, np.ndarray]:
    b = Builder()
    op = b.operations[b.affine(b.image(4, 5))]
    return {
        "numbers": numbers(op, 1, 0, 0, 0, 0), "x": np.ones((2, 3, 4, 5), np.int32),
        "plan": np.zeros((1, 1, 1), np.int64), **op.arrays,
        "out": np.zeros((2, 3, 4, 5), np.int32),
    }  # fmt: skip


def add() -> dict[str, np.ndarray]:
    x = np.arange(2 * 3 * 4 * 5, dtype=np.int32).reshape(2, 3, 4, 5)
    return {
        "numbers": numbers(Add(0, 1, -5, 90), 1, 0, 0, 0, 0), "x": x, "y": x[::-1],
        "plan": np.zeros((1, 1, 1), np.int64), "out": np.zeros(x.shape, np.int32),
    }  # fmt: skip


def run(arguments: dict[str, np.ndarray]) -> np.ndarray:
    arrays = {name: np.ascontiguousarray(array) for name, array in arguments.items()}
    bind("dq_operation", list(arrays.values()))()
    return arrays["out"]


def test_each_image_gets_its_own_candidate():
    given = quantise()
    x = given["x"]
    expected = [(x[0] * 1 + 8 >> 4).clip(0, 3), (x[1] * 16 + 8 >> 4).clip(0, 255)]
    np.testing.assert_array_equal(run(given), expected)
    for make in (conv, image, wide, affine, add):
        assert run(make()).any()


def cell(name: str, place, value):
    """A change: one value of an argument."""

    def change(given) -> None:
        given[name] = given[name].copy()
        given[name][place] = value

    return change


def made(name: str, how):
    return lambda given: given.update({name: how(given[name])})


def no_images(*names: str):
    return lambda given: given.update({name: given[name][:0] for name in (*names, "out")})


BROKEN = [
    (quantise, made("numbers", lambda a: a[:-1])),
    (quantise, made("numbers", lambda a: a.astype(np.int32))),
    (quantise, cell("numbers", 0, 12)),
    (quantise, cell("numbers", FIELDS, 0)),
    (quantise, cell("numbers", FIELDS, 65)),
    (quantise, cell("numbers", FIELDS + 1, -1)),
    (quantise, cell("numbers", FIELDS + 1, 1)),
    (quantise, cell("numbers", FIELDS + 4, 17)),
    (quantise, made("plan", lambda a: np.zeros((2, 1, 1), np.int64))),
    (quantise, made("plan", lambda a: np.zeros((2, 2, 3), np.int64))),
    (quantise, made("plan", lambda a: np.zeros((2, 4097, 1), np.int64))),
    (quantise, made("x", lambda a: a.astype(np.int64))),
    (quantise, made("x", lambda a: a[0])),
    (quantise, made("plan", lambda a: a.astype(np.int32))),
    (quantise, made("plan", lambda a: a[:1])),
    (quantise, cell("plan", (1, 0, 0), 3)),
    (quantise, cell("plan", (1, 0, 0), -1)),
    (quantise, made("bits", lambda a: a.astype(np.int32))),
    (quantise, made("bits", lambda a: a[:2])),
    (quantise, cell("bits", 0, 9)),
    (quantise, cell("bits", 0, 0)),
    (quantise, made("multiplier", lambda a: a.astype(np.int64))),
    (quantise, made("multiplier", lambda a: a[:2])),
    (quantise, made("out", lambda a: a.astype(np.int64))),
    (quantise, made("out", lambda a: a[:, :2])),
    (quantise, made("out", lambda a: a[0])),
    (conv, cell("bits", (0, 0), 9)),
    (conv, cell("bits", (1, 0), 0)),
    (conv, made("bits", lambda a: a[:1])),
    (conv, made("bias", lambda a: a[..., :1])),
    (conv, made("bias", lambda a: a[:, 0])),
    (conv, made("weight", lambda a: a + np.int8(8))),
    (conv, lambda given: given.pop("weight")),
    (conv, made("multiplier", lambda a: a[..., :1])),
    (conv, made("weight", lambda a: a.astype(np.int16))),
    (conv, made("weight", lambda a: a[:1])),
    (conv, made("weight", lambda a: a[:, :2])),
    (conv, made("weight", lambda a: a[..., :2])),
    (conv, made("weight", lambda a: a[:, :, :2])),
    (conv, made("bits", lambda a: a.astype(np.int32))),
    (conv, made("multiplier", lambda a: a.astype(np.int64))),
    (conv, made("bias", lambda a: a.astype(np.int32))),
    (conv, made("bias", lambda a: np.repeat(a, 2, 0))),
    (image, made("x", lambda a: a.astype(np.int32))),
    (image, made("x", lambda a: a[:, :2])),
    (image, made("x", lambda a: a[:1])),
    (image, made("table", lambda a: a.astype(np.int64))),
    (image, made("table", lambda a: a[:2])),
    (wide, made("weight", lambda a: a.astype(np.int64))),
    (wide, made("weight", lambda a: a[:1])),
    (wide, made("weight", lambda a: a[:, :2])),
    (wide, made("weight", lambda a: a[:, :, :2])),
    (affine, made("multiplier", lambda a: a.astype(np.int64))),
    (affine, made("multiplier", lambda a: a[:, :2])),
    (affine, made("bias", lambda a: a.astype(np.int32))),
    (affine, made("bias", lambda a: a[:, :2])),
    (add, made("y", lambda a: a[:1])),
    (add, made("x", lambda a: a[:1])),
    (quantise, no_images("x", "plan")),
    (affine, no_images("x")),
    (image, no_images("x")),
    (conv, cell("numbers", FIELDS + 2, 9)),
    (conv, cell("numbers", FIELDS + 2, -1)),
    (conv, cell("numbers", FIELDS + 2, 2**32)),
]


@pytest.mark.parametrize("make, change", BROKEN)
def test_what_does_not_fit_is_refused(make, change):
    given = make()
    change(given)
    with pytest.raises(KernelError, match="damaged, or not one"):
        run(given)
