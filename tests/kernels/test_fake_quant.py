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
"""The uniform quantiser's kernels against their definition, and what they refuse."""

import numpy as np
import pytest

from src.kernels.direct import call
from src.kernels.errors import KernelError

GRIDS = [(0, 1), (0, 3), (0, 255), (-2, 1), (-8, 7), (-128, 127)]
NESTED = [(0, 3, 64), (0, 15, 16), (-2, 1, 64), (-8, 7, 16), (-64, 63, 2)]  # of an 8-bit master


def arrays(shape, rows, low, high, unit=1):
    """x, inv, scale, low, high and dy; values on both sides of the range."""
    rng = np.random.default_rng(1)
    x = (rng.standard_normal(shape) * 2).astype(np.float32)
    scale = (rng.uniform(0.8, 1.7, rows) / high).astype(np.float32)
    inv = (unit / scale).astype(np.float32)
    ends = [np.array([v], np.float32) for v in (low, high)]
    return x, inv, scale, *ends, rng.standard_normal(shape).astype(np.float32)


def defined(x, inv, scale, low, high, dy, unit=1):
    """(values, dx, step port, clip port per row), the sums in float64."""
    rows = (len(inv),) + (1,) * (x.ndim - 1)
    v = x * inv.reshape(rows)
    bottom, top = low * unit, (high + 1) * unit - 1
    q = np.floor(np.clip(v, bottom, top) + np.float32(0.5))
    code = np.clip(np.floor(q / unit + np.float32(0.5)), low, high).astype(np.float32)
    inside = (v > bottom) & (v < top)
    d = dy.astype(np.float64)

    def sums(values):
        return values.reshape(len(inv), -1).sum(1)

    step, clip = sums(d * (code * unit - v * inside)), sums(d * (v >= top))
    return code * scale.reshape(rows), dy * inside, step, clip


@pytest.mark.parametrize("low,high,unit", [(*g, 1) for g in GRIDS] + NESTED)
@pytest.mark.parametrize(
    "shape,rows", [((3, 5, 7), 1), ((3, 5, 7), 3), ((1,), 1), ((40, 1000), 40), ((2, 70000), 1)]
)
def test_values_and_gradients(isa, shape, rows, low, high, unit):
    *inputs, dy = arrays(shape, rows, low, high, unit)
    values, dx, step, clip = defined(*inputs, dy, unit)
    ports = [np.zeros(rows, np.float32)] * 2
    (got,) = call("dq_fake_quant", [*inputs, *ports], [shape])
    np.testing.assert_array_equal(got, values)
    got = call("dq_fake_quant_grad", [*inputs, *ports, dy], [shape, (rows,), (rows,)])
    np.testing.assert_array_equal(got[0], dx)
    limit = 1e-6 * np.abs(dy).sum() + 1e-7
    np.testing.assert_allclose(got[1], step, atol=limit * (1 + high) * unit)
    np.testing.assert_allclose(got[2], clip, atol=limit)


def test_a_port_for_all_rows_gets_their_sum(isa):
    *inputs, dy = arrays((4, 9), 4, -2, 1)
    step = defined(*inputs, dy)[2]
    one, four = np.zeros(1, np.float32), np.zeros(4, np.float32)
    got = call("dq_fake_quant_grad", [*inputs, four, one, dy], [(4, 9), (4,), (1,)])
    np.testing.assert_allclose(got[1], step, atol=1e-4)
    assert got[2].shape == (1,)


@pytest.mark.parametrize(
    "change,message",
    [
        ({3: [-129]}, "smallest"), ({3: [1]}, "smallest"), ({3: [-0.5]}, "smallest"),
        ({4: [0]}, "largest"), ({4: [256]}, "largest"),
        ({1: [0, 1, 1]}, "scale"), ({1: [np.inf, 1, 1]}, "scale"), ({2: [1, -1, 1]}, "scale"),
        ({1: [1, 1]}, "shapes"), ({1: [1, 1], 2: [1, 1]}, "shapes"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(isa, change, message):
    inputs = list(arrays((3, 5), 3, -8, 7)[:5])
    for at, value in change.items():
        inputs[at] = np.array(value, np.float32)
    ports = [np.zeros(1, np.float32)] * 2
    with pytest.raises(KernelError, match=f"fake_quant: .*{message}"):
        call("dq_fake_quant", [*inputs, *ports], [(3, 5)])
    with pytest.raises(KernelError, match=f"gradient of fake_quant: .*{message}"):
        call("dq_fake_quant_grad", [*inputs, *ports, inputs[0]], [(3, 5), (1,), (1,)])


@pytest.mark.parametrize("unit", [[1, 1, 1], [16, 4, 2]])  # widths of their own, and children of 8 bits
@pytest.mark.parametrize("rows", [1, 5])
def test_slots_are_each_grid_by_itself(isa, rows, unit):
    shape, tops = (5, 7, 3), [7, 31, 63]
    each = [arrays(shape, rows, -top - 1, top, u) for top, u in zip(tops, unit, strict=True)]
    x, dy = each[0][0], np.stack([one[5] for one in each])
    grids = [np.stack([one[i].reshape(-1) for one in each]) for i in (1, 2)]
    ends = [np.concatenate([one[i] for one in each]) for i in (3, 4)]
    steps = np.zeros((3, rows), np.float32)
    (got,) = call("dq_fake_quant_slots", [x, *grids, *ends, steps], [(3, *shape)])
    dx, step = call("dq_fake_quant_slots_grad", [x, *grids, *ends, steps, dy], [shape, (3, rows)])
    port, total = np.zeros(rows, np.float32), np.zeros(shape, np.float32)
    for k, one in enumerate(each):
        alone = [x, *one[1:5], port, port]
        np.testing.assert_array_equal(got[k], call("dq_fake_quant", alone, [shape])[0])
        own = call("dq_fake_quant_grad", [*alone, one[5]], [shape, (rows,), (rows,)])
        np.testing.assert_array_equal(step[k], own[1])
        total = total + own[0]
    np.testing.assert_array_equal(dx, total)


@pytest.mark.parametrize(
    "change,message",
    [
        ({3: [-9, -9, 1]}, "smallest"), ({4: [1, 1, 256]}, "largest"), ({1: [[1], [0], [1]]}, "scale"),
        ({2: [[1, 1]] * 3}, "shapes"), ({1: [[1, 1]] * 3, 2: [[1, 1]] * 3}, "shapes"), ({4: [1, 1]}, "shapes"),
    ],
)  # fmt: skip
def test_slots_that_do_not_fit_are_refused(isa, change, message):
    inputs = [np.ones((3, 5)), np.ones((3, 1)), np.ones((3, 1)), -np.ones(3), np.ones(3), np.ones((3, 1))]
    inputs = [np.array(change.get(i, value), np.float32) for i, value in enumerate(inputs)]
    dy = np.ones((3, 3, 5), np.float32)
    with pytest.raises(KernelError, match=message):
        call("dq_fake_quant_slots", inputs, [(3, 3, 5)])
    with pytest.raises(KernelError, match=message):
        call("dq_fake_quant_slots_grad", [*inputs, dy], [(3, 5), (3, 1)])
