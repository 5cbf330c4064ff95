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
import numpy as np
import pytest

from src import kernels
from src.kernels.direct import call
from src.kernels.errors import KernelError
from tests.levels import by_the_formula, of_gates

OPEN, CLOSED = 0.4, -0.3


def arrays(shape, bits, gates, settings):
    """x, levels out of order, gates, rounded, settings and dy; values on both sides of the range."""
    rng = np.random.default_rng(bits)
    x = (rng.standard_normal(shape) * 0.8).astype(np.float32)
    levels = rng.standard_normal(2**bits).astype(np.float32)
    least, signed = settings[0], settings[1]
    levels = levels if signed else np.abs(levels)
    gates = np.array(gates if gates else [1.0], np.float32)
    assert len(gates) == max(1, bits - least)
    inputs = [x, levels, gates, np.zeros(1, np.float32), np.array(settings, np.float32)]
    return inputs, rng.standard_normal(shape).astype(np.float32)


CASES = [
    (2, [], (2, 1, 0.0, 0, 0)), (4, [], (4, 0, 0.5, 1, 0)), (3, [OPEN, CLOSED], (1, 1, 0.2, 0, 0)),
    (5, [CLOSED, OPEN], (3, 1, 0.0, 1, 0)), (5, [OPEN, CLOSED, OPEN], (2, 0, 0.3, 1, 0)),
    (6, [], (6, 1, 0.3, 0, 0)), (8, [OPEN] * 5 + [CLOSED], (2, 1, 0.0, 0, 0)), (8, [], (8, 0, 0.1, 1, 0)),
]  # fmt: skip


@pytest.mark.parametrize("interpolated", [False, True])
@pytest.mark.parametrize(
    "bits, gates, settings, shape",
    [(*case, (3, 5, 7)) for case in CASES] + [(*CASES[i], (2, 40, 501)) for i in (4, 6)]
    + [(*CASES[0], (1,))],
)  # fmt: skip
def test_values_and_gradients_are_those_of_the_matrix(isa, bits, gates, settings, shape, interpolated):
    settings = (*settings[:4], interpolated)
    inputs, dy = arrays(shape, bits, gates, settings)
    x, levels = inputs[0], inputs[1]
    order = np.argsort(levels, kind="stable")
    opened = np.array([1.0] * settings[0] + [float(g > 0) for g in gates])
    group = x.size / shape[0] if settings[3] else x.size
    expected = by_the_formula(
        x, levels[order].astype(np.float64), np.cumprod(opened), dy.astype(np.float64),
        group**-0.5, settings[2] / x.size, interpolated,
    )  # fmt: skip
    (values,) = call("dq_levels", inputs, [shape])
    np.testing.assert_allclose(values.reshape(-1), expected[0], atol=1e-6)
    shapes = [shape, levels.shape, inputs[2].shape]
    dx, d_levels, d_gates = call("dq_levels_grad", [*inputs, values, dy], shapes)
    np.testing.assert_allclose(dx.reshape(-1), expected[1], atol=1e-6)
    limit = 2e-6 * np.abs(dy).sum() + 1e-6
    np.testing.assert_allclose(d_levels[order], expected[2], atol=limit * group**-0.5 + 1e-6)
    if gates:
        whole = by_the_formula(x, levels[order], np.cumprod(opened), dy, 1, 0, interpolated)[3]
        expected_gates = of_gates(whole, opened, settings[0])
        np.testing.assert_allclose(d_gates, expected_gates, atol=2 * limit)


@pytest.mark.parametrize("bits", range(1, 9))
def test_a_value_on_a_middle_takes_the_upper_level(isa, bits):
    """To the bit, also next to a middle, among equal levels, at infinities and at NaN (the first level)."""
    rng = np.random.default_rng(bits)
    levels = np.sort(rng.integers(-9, 9, 2**bits).astype(np.float32) / 4)
    middles = (levels[1:] + levels[:-1]) * np.float32(0.5)
    around = [np.nextafter(middles, side, dtype=np.float32) for side in (-np.inf, np.inf)]
    x = np.concatenate([middles, *around, np.float32([-np.inf, np.inf, np.nan])])
    place = np.searchsorted(middles, x, side="right")
    place[-1] = 0
    constants = [np.ones(1, np.float32), np.zeros(1, np.float32), np.float32([bits, 1, 0, 0, 0])]
    (values,) = call("dq_levels", [x, levels, *constants], [x.shape])
    np.testing.assert_array_equal(values, levels[place])


@pytest.mark.parametrize("interpolated", [False, True])
@pytest.mark.parametrize("bits", [4, 8])
def test_sums_do_not_depend_on_threads(isa, bits, interpolated):
    inputs, dy = arrays((5, 70001), bits, [], (bits, 1, 0.1, 0, interpolated))
    shapes = [dy.shape, (2**bits,), (1,)]
    (values,) = call("dq_levels", inputs, [dy.shape])
    before, found = kernels.threads(), []
    for threads in (1, 2, 3):
        kernels.set_threads(threads)
        found.append(call("dq_levels_grad", [*inputs, values, dy], shapes))
    kernels.set_threads(before)
    for other in found[1:]:
        for one, two in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("interpolated", [False, True])
def test_a_shut_gate_has_no_gradient_and_changes_nothing_else(isa, interpolated):
    inputs, dy = arrays((3, 5, 70), 5, [OPEN, CLOSED], (3, 1, 0.1, 0, interpolated))
    shapes = [dy.shape, (32,), (2,)]

    def answers():
        (values,) = call("dq_levels", inputs, [dy.shape])
        return [values, *call("dq_levels_grad", [*inputs, values, dy], shapes)]

    closed = answers()
    inputs[2][1] = -1e4
    shut = answers()
    for one, two in zip(closed[:-1], shut[:-1], strict=True):
        np.testing.assert_allclose(one, two, atol=1e-6)
    assert closed[-1][1] != 0 and shut[-1][1] == 0 and shut[-1][0] == pytest.approx(closed[-1][0], abs=1e-4)


def test_the_grid(isa):
    """Integers times a scale, at least one apart."""
    inputs, _ = arrays((4000,), 4, [], (4, 0, 0.0, 0, 0))
    inputs[1][:8] = 0.001
    inputs[3][:] = 1
    x = np.linspace(-0.1, 3, 4000, dtype=np.float32)
    (values,) = call("dq_levels", [x, *inputs[1:]], [x.shape])
    scale = np.float32(inputs[1].max() / 255)
    whole = np.unique(np.rint(values / scale))
    np.testing.assert_allclose(values / scale, np.rint(values / scale), atol=1e-4)
    assert list(whole[:8]) == list(range(8)) and whole.max() == 255


@pytest.mark.parametrize(
    "change,message",
    [
        ({1: np.zeros(6)}, "shapes"), ({1: np.zeros(512)}, "shapes"), ({2: np.zeros(2)}, "shapes"),
        ({4: np.float32([5, 1, 0, 0, 0])}, "settings of levels"), ({4: np.float32([4, 1, -1, 0, 0])}, "settings"),
        ({4: np.zeros(3)}, "shapes"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(isa, change, message):
    inputs, dy = arrays((3, 5), 4, [], (4, 1, 0.0, 0, 0))
    for at, value in change.items():
        inputs[at] = value.astype(np.float32)
    with pytest.raises(KernelError, match=f"levels: .*{message}"):
        call("dq_levels", inputs, [(3, 5)])
    shapes = [(3, 5), inputs[1].shape, inputs[2].shape]
    with pytest.raises(KernelError, match=f"gradient of levels: .*{message}"):
        call("dq_levels_grad", [*inputs, dy, dy], shapes)
