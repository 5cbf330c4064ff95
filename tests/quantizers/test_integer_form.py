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

"""Integer forms: the values of every quantiser, bit for bit, from its codes and scales alone."""

import numpy as np
import pytest
from mindspore import Tensor, nn

from src.errors import UserError
from src.quantizers import ACTIVATION, WEIGHT
from src.quantizers.integer_form import IntegerInputs, IntegerWeights, whole_codes

WIDTHS = (2, 3, 5, 8)
INPUTS = [(name, False) for name in ACTIVATION] + [
    (name, True) for name, kind in ACTIVATION.items() if kind.takes_signed
]
pytestmark = pytest.mark.usefixtures("pynative")


def limits(bits: int, signed: bool) -> tuple[int, int]:
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)


def child(q: np.ndarray, master: int, bits: int, signed: bool) -> np.ndarray:
    """An add, a shift and a clip."""
    shift = master - bits
    return np.clip((q + (1 << shift >> 1)) >> shift, *limits(bits, signed))


def weight(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 0.3, shape).astype(np.float32)


def of_weight(name: str, w: np.ndarray, widths=WIDTHS, **options):
    """(quantiser, the weights as a parameter, the integer form)."""
    quantizer = WEIGHT[name](widths, w, **options)
    return quantizer, Tensor(w), quantizer.integer_form(Tensor(w))


def code_at(form: IntegerWeights, slot: int) -> np.ndarray:
    """The integers of a slot, in units of that slot's scale."""
    if form.master:
        return child(form.codes[0].astype(np.int64), form.master, form.bits[slot], True)
    code = form.codes[slot].astype(np.int64)
    return 2 * code + 1 if form.odd else code


@pytest.mark.parametrize("shape", [(6, 4, 3, 3), (6, 4)], ids=["convolution", "dense"])
@pytest.mark.parametrize(
    "name, options",
    [
        ("dorefa", {}), ("pact", {}), ("lsq", {}), ("lsq", {"per_channel": True}), ("nested", {}),
        ("nested", {"per_channel": True}),
    ],
)  # fmt: skip
def test_weights_are_codes_times_scale(name, options, shape):
    quantizer, w, form = of_weight(name, weight(*shape), **options)
    assert form.bits == WIDTHS and form.odd == (name in ("dorefa", "pact"))
    assert len(form.codes) == len(form.scales) == (1 if form.master else len(WIDTHS))
    assert form.master == (8 if name == "nested" else 0)
    for slot, bits in enumerate(WIDTHS):
        values, _ = quantizer(w, slot)
        variant = 0 if form.master else slot
        stored, scale = form.codes[variant], form.scales[variant]
        assert stored.dtype == np.int8 and stored.shape == (*shape, 1, 1)[:4]
        low, high = limits(form.master or bits, True)
        assert stored.min() >= low and stored.max() <= high
        assert scale.dtype == np.float64
        assert scale.shape == ((6,) if options else (1,))
        if form.master:
            scale = scale * 2 ** (form.master - bits)
        code = code_at(form, slot)
        assert len(np.unique(code)) > min(bits, 3)
        got = code.astype(np.float32) * scale.astype(np.float32).reshape(-1, 1, 1, 1)
        np.testing.assert_array_equal(got.reshape(shape), values.asnumpy())


def test_one_bit_is_an_odd_code_of_plus_or_minus_one():
    quantizer, w, form = of_weight("dorefa", weight(6, 4, 3, 3), (1,))
    assert form.odd and set(np.unique(form.codes[0])) == {-1, 0}
    values, _ = quantizer(w, 0)
    got = code_at(form, 0) * form.scales[0].astype(np.float32)
    np.testing.assert_array_equal(got, values.asnumpy())


def of_inputs(name: str, signed: bool, x: np.ndarray, **options):
    quantizer = ACTIVATION[name](WIDTHS, **({"signed": True} if signed else {}), **options)
    if quantizer.learns_from_data:
        quantizer.init_from(x)
    return quantizer, quantizer.integer_form()


def inputs() -> np.ndarray:
    return np.random.default_rng(1).normal(0.3, 0.6, (2, 3, 8, 8)).astype(np.float32)


@pytest.mark.parametrize("name, signed", INPUTS)
def test_inputs_are_codes_times_scale(name, signed):
    x = inputs()
    options = {"pact_alpha": 1.0} if name == "pact" else {}
    quantizer, form = of_inputs(name, signed, x, **options)
    assert (form.bits, form.signed) == (WIDTHS, signed)
    assert form.stored_bits == ((8,) if form.master else WIDTHS)
    assert len(form.inverses) == len(form.scales) == (1 if form.master else len(WIDTHS))
    largest = 0
    for slot, bits in enumerate(WIDTHS):
        variant = 0 if form.master else slot
        low, high = limits(form.master or bits, signed)
        v = np.clip(x * np.float32(form.inverses[variant]), low, high)
        code = np.floor(v + np.float32(0.5)).astype(np.int64)
        scale = np.float32(form.scales[variant])
        if form.master:
            code, scale = child(code, form.master, bits, signed), scale * 2 ** (form.master - bits)
        assert (code < 0).any() == signed
        values = quantizer(Tensor(x), slot).asnumpy()
        np.testing.assert_array_equal(code.astype(np.float32) * scale, values)
        largest = max(largest, scale * np.abs(limits(bits, signed)).max())
    assert form.largest == largest


@pytest.mark.parametrize("name, signed", INPUTS)
def test_fixed_quantisers_give_the_same_values(name, signed):
    """Constants in place of what is learned, the parameters left behind."""
    x = inputs()
    quantizer, _ = of_inputs(name, signed, x)
    for slot in range(len(WIDTHS)):
        fixed = quantizer.fixed(slot)
        assert isinstance(fixed, nn.Cell) and not list(fixed.get_parameters())
        expected = quantizer(Tensor(x), slot).asnumpy()
        np.testing.assert_array_equal(fixed(Tensor(x)).asnumpy(), expected)


@pytest.mark.parametrize("master", [4, 8])
def test_a_master_of_other_bits(master):
    w = weight(6, 4, 3, 3)
    quantizer = WEIGHT["nested"]((2, 4), w, master=master)
    form = quantizer.integer_form(Tensor(w))
    assert form.master == master and np.abs(form.codes[0].astype(int)).max() <= 1 << master - 1
    steps = quantizer.step.asnumpy().astype(np.float64)
    np.testing.assert_array_equal(form.scales[0], steps[0])


def test_truncated_codes_have_no_integer_form():
    w = weight(6, 4, 3, 3)
    with pytest.raises(UserError, match="quant.truncate=true"):
        of_weight("nested", w, truncate=True)
    with pytest.raises(UserError, match="quant.truncate=true"):
        of_inputs("nested", False, inputs(), truncate=True)


@pytest.mark.parametrize("values", [[-129.0, 0], [128.0, 0], [np.nan, 0]])
def test_what_int8_cannot_hold_is_refused(values):
    with pytest.raises(UserError, match="holds -128 .. 127"):
        whole_codes(np.float32([values]), np.float32([1]), odd=False)


def test_the_largest_value_counts_every_width():
    """Unsigned children of few bits keep less than the master, signed ones as much."""
    form = IntegerInputs([4.0], [0.25], (2, 8), signed=False, master=8)
    assert form.largest == 0.25 * 255
    assert IntegerInputs([4.0], [0.25], (2, 4), signed=False, master=8).largest == 0.25 * 240
    assert IntegerInputs([4.0], [0.25], (2, 8), signed=True, master=8).largest == 0.25 * 128
