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
"""The oracle against cases worked out by hand, one for each operation, and whole programs' rules."""

import tracemalloc
from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.engine.operations import (
    Add,
    Affine,
    Budget,
    Choose,
    Conv,
    Input,
    MaxPool,
    Pool,
    Quantise,
    Subsample,
    Wide,
)
from src.engine.oracle import Oracle
from src.engine.program import Program
from tests.engine.builder import Builder
from tests.engine.programs import NAMED, candidates, pixels, random_program, rows

TOP, BOTTOM = 2**31 - 1, -(2**31)


def i32(*values):
    return np.array(values, np.int32)


def i64(*values):
    return np.array(values, np.int64)


def run(x, *operations, plan=None, row=0):
    """The last register, where register 0 holds x (up to 3, H, W)."""
    x = np.array(x, np.int64)
    x = np.concatenate([x, np.zeros((3 - len(x), *x.shape[1:]), np.int64)])
    values, image = np.unique(x, return_inverse=True)
    table = np.zeros((3, 256), np.int32)
    table[:, : len(values)] = values
    first = Input(*x.shape[1:], 0, arrays={"table": table})
    program = Program([first, *operations])
    image = image.reshape(x.shape).astype(np.uint8)
    registers = Oracle(program).trace(image, None if plan is None else np.array(plan), row)
    np.testing.assert_array_equal(registers[0], x)
    return registers[-1].tolist()


def channels(*values):
    """A register of one pixel."""
    return [[[v]] for v in values]


def test_input_looks_every_channel_up_in_its_own_row():
    table = np.arange(768, dtype=np.int32).reshape(3, 256)
    program = Program([Input(1, 2, 0, arrays={"table": table})])
    image = np.array([[[0, 255]], [[1, 2]], [[10, 0]]], np.uint8)
    assert Oracle(program).trace(image)[0].tolist() == [[[0, 255]], [[257, 258]], [[522, 512]]]


@pytest.mark.parametrize("signed, expected", [(0, [0, 0, 0, 1, 7]), (1, [-4, -1, 0, 1, 3])])
def test_quantise_rounds_halves_up_and_clips(signed, expected):
    x = [[[-100, -3, 1, 3, 100]]]  # times 3 / 8: -37.5, -1.125, 0.375, 1.125, 37.5
    op = Quantise(0, 3, signed, -1, 0, arrays={"multiplier": i32(3), "bits": i64(3)})
    assert run(x, op)[0] == [expected]
    tie = Quantise(0, 1, 1, -1, 0, arrays={"multiplier": i32(1), "bits": i64(3)})
    assert run([[[-3, -1, 1, 3]]], tie)[0] == [[-1, 0, 1, 2]]


def test_quantise_takes_the_variant_of_its_slot_and_column():
    arrays = {"multiplier": i32(4, 8, 16), "bits": i64(2, 4, 8)}
    op = Quantise(0, 2, 0, 1, 1, arrays=arrays)
    for choice, expected in enumerate([3, 10, 20]):
        plan = [[9, 9], [9, choice]]
        assert run([[[5]]], op, plan=plan)[0] == [[expected]]
    op = Quantise(0, 2, 0, 1, 1, arrays={"multiplier": i32(8), "bits": i64(4)})
    assert run([[[5]]], op, plan=[[9, 9], [9, 2]])[0] == [[10]]  # one variant serves all


def conv(c_out=1, c_in=3, kernel=1, stride=1, padding=0, groups=1, slot=-1, w_column=0,
         a_column=0, master=0, odd=0, shift=1, **arrays):  # fmt: skip
    arrays = {"bits": i64([8], [8]), "bias": np.zeros((1, 1, 1, c_out), np.int64)} | arrays
    arrays = {name.replace("weight", "weight."): a for name, a in arrays.items()}
    if "multiplier" not in arrays:
        arrays["multiplier"] = np.full((1, 1, 1, c_out), 1 << shift, np.int32)
    return Conv(0, c_out, c_in, kernel, stride, padding, groups, slot, w_column, a_column, master,
                odd, shift, arrays=arrays)  # fmt: skip


def int8(values, *shape):
    return np.array(values, np.int8).reshape(shape)


def test_conv_sums_windows_with_zeros_around():
    x = [[[1, 2], [3, 4]]]
    op = conv(kernel=3, padding=1, weight0=int8([*range(1, 10), *[0] * 18], 1, 3, 3, 3))
    # top left: 5 * 1 + 6 * 2 + 8 * 3 + 9 * 4, and so on
    assert run(x, op) == [[[77, 67], [47, 37]]]
    op = conv(kernel=2, stride=2, weight0=int8([1, 10, 100, 5, *[0] * 8], 1, 3, 2, 2))
    assert run([[[1, 2, 9], [3, 4, 9], [9, 9, 9]]], op) == [[[341]]]


def test_conv_groups_see_their_own_channels():
    op = conv(3, 1, groups=3, weight0=int8([2, 3, -1], 3, 1, 1, 1))
    assert run(channels(5, 7, 11), op) == channels(10, 21, -11)


def test_conv_scales_each_channel_adds_its_bias_and_rounds():
    op = conv(
        3, 3, shift=2, weight0=int8([1, 0, 0, 1, 0, 0, 1, 0, 0], 3, 3, 1, 1),
        multiplier=i32(1, 3, -2).reshape(1, 1, 1, 3), bias=i64(0, 1, 100).reshape(1, 1, 1, 3),
    )  # fmt: skip
    # 6 / 4 = 1.5, 19 / 4 = 4.75, 88 / 4
    assert run(channels(6), op) == channels(2, 5, 22)
    assert run(channels(-6), op) == channels(-1, -4, 28)  # -1.5 goes up to -1
    op.low = 0
    assert run(channels(-6), op) == channels(0, 0, 28)
    op.low, op.high = -3, 20
    assert run(channels(-6), op) == channels(-1, -3, 20)


def test_conv_saturates():
    op = conv(2, shift=1, weight0=int8([127, 0, 0, -128, 0, 0], 2, 3, 1, 1),
              multiplier=np.full((1, 1, 1, 2), 2**30, np.int32))  # fmt: skip
    assert run(channels(255), op) == channels(TOP, BOTTOM)


def test_odd_weights_are_twice_the_code_plus_one():
    op = conv(4, odd=1, weight0=int8([[c, -1, -1] for c in (-8, -1, 0, 7)], 4, 3, 1, 1))
    # the two other channels hold zeros
    assert run(channels(10), op) == channels(-150, -10, 10, 150)


def test_nested_codes_are_children_and_the_sum_keeps_the_masters_scale():
    bits = i64([2, 4, 8], [2, 4, 8])
    op = conv(1, master=8, slot=0, w_column=0, a_column=1, bits=bits,
              weight0=int8([100, 0, 0], 1, 3, 1, 1))  # fmt: skip
    # weight 100: 2 bits 100 / 64 = 1.56 -> 2 clipped to 1, 4 bits 6.25 -> 6; input 200:
    # 3.125 -> 3, 12.5 -> 13; each times what its shift took away
    weights, inputs = [1 << 6, 6 << 4, 100], [3 << 6, 13 << 4, 200]
    for w in range(3):
        for a in range(3):
            got = run(channels(200), op, plan=[[w, a]])
            assert got == channels(weights[w] * inputs[a])
    negative = conv(1, master=8, bits=i64([4], [8]), weight0=int8([-100, 0, 0], 1, 3, 1, 1))
    assert run(channels(1), negative) == channels(-6 << 4)
    negative.arrays["weight.0"][0, 0] = -104  # -6.5 goes up
    assert run(channels(1), negative) == channels(-6 << 4)


def test_candidates_choose_weights_and_multipliers_in_pairs():
    bits = i64([4, 4, 4], [4, 4, 4])
    weights = {f"weight{v}": int8([v + 1, 0, 0], 1, 3, 1, 1) for v in range(3)}
    multiplier = np.arange(1, 10, dtype=np.int32).reshape(1, 3, 3, 1) << 1
    op = conv(slot=1, w_column=1, a_column=0, bits=bits, multiplier=multiplier, **weights)
    for w in range(3):
        for a in range(3):
            got = run(channels(5), op, plan=[[9, 9], [a, w]])
            assert got == channels(5 * (w + 1) * (3 * w + a + 1))
    op.arrays["multiplier"] = multiplier[:, :, :1]
    assert run(channels(5), op, plan=[[9, 9], [2, 1]]) == channels(5 * 2 * 4)  # one for all inputs


def test_signed_master_codes_have_signed_children():
    bits = i64([8], [4])
    codes = Quantise(0, 1, 1, -1, 0, arrays={"multiplier": i32(2), "bits": i64(8)})
    op = conv(1, master=8, bits=bits, weight0=int8([1, 0, 0], 1, 3, 1, 1))
    op.x = 1
    # 4 bits of 8: -104 / 16 = -6.5 goes up, -128 / 16, 120 / 16 = 7.5 -> 8 is clipped to 7
    for value, expected in ((-104, -6), (-128, -8), (120, 7), (7, 0), (-9, -1)):
        assert run(channels(value), codes, op) == channels(expected << 4)


def test_a_pair_of_choices_has_a_bias_of_its_own():
    bits, bias = i64([4, 8], [4, 8]), i64(0, 10, 20, 30).reshape(1, 2, 2, 1)
    op = conv(master=8, slot=0, w_column=0, a_column=1, bits=bits, bias=bias,
              weight0=int8([16, 0, 0], 1, 3, 1, 1))  # fmt: skip
    for w in range(2):
        for a in range(2):
            assert run(channels(16), op, plan=[[w, a]]) == channels(256 + 5 * (2 * w + a))
    op.arrays["bias"] = bias[:, :1]  # one for all weights
    assert run(channels(16), op, plan=[[1, 1]]) == channels(256 + 5)
    op.arrays["bias"] = bias[:, :, :1]
    assert run(channels(16), op, plan=[[1, 1]]) == channels(256 + 10)


def test_rows_choose_multipliers_and_biases():
    op = conv(1, shift=1, weight0=int8([1, 0, 0], 1, 3, 1, 1),
              multiplier=i32(2, 4).reshape(2, 1, 1, 1), bias=i64(0, 20).reshape(2, 1, 1, 1))  # fmt: skip
    assert run(channels(7), op) == channels(7)
    assert run(channels(7), op, row=1) == channels(24)
    arrays = {"multiplier": i32([2] * 3, [4] * 3), "bias": i64([0] * 3, [20] * 3)}
    op = Affine(0, 1, arrays=arrays)
    assert run(channels(7, 8, 9), op, row=1) == channels(24, 26, 28)


def test_wide_rounds_and_saturates():
    weight = i32([[3, 0, 0], [2**30, 2**29, 0]]).reshape(2, 3, 1, 1)
    op = Wide(0, 2, 1, 1, 0, 1, 1, arrays={"weight": weight})
    assert run(channels(-3, 0), op) == channels(-4, -3 * 2**29)  # -4.5 goes up
    assert run(channels(TOP, TOP), op) == channels(TOP, TOP)
    assert run(channels(BOTTOM, BOTTOM), op) == channels(BOTTOM, BOTTOM)
    op.shift = 0
    assert run(channels(-5, 0), op)[0] == [[-15]]


def test_affine_on_wide_values():
    arrays = {"multiplier": i32([1, -1, 2**29]), "bias": i64([0, 3, 0])}
    op = Affine(0, 1, arrays=arrays)
    assert run(channels(-3, 5, 100), op) == channels(-1, -1, TOP)
    op.low = 0
    assert run(channels(-3, -5, -100), op) == channels(0, 4, 0)
    op.low, op.high = -2, 3
    assert run(channels(-3, -5, -100), op) == channels(-1, 3, -2)


def test_add_saturates():
    assert run(channels(TOP, BOTTOM, -7), Add(0, 0)) == channels(TOP, BOTTOM, -14)
    assert run(channels(TOP, BOTTOM, -7), Add(0, 0, 0)) == channels(TOP, 0, 0)
    assert run(channels(TOP, BOTTOM, -7), Add(0, 0, -20, 6)) == channels(6, -20, -14)


def test_pool_takes_rounded_means_of_bins_that_may_share_pixels():
    x = [[[1, 2, 3], [4, 5, 6], [7, 8, 10]]]
    # bins of rows 0..1 and 1..2: means 3, 4, 6, 7.25
    assert run(x, Pool(0, 2))[0] == [[3, 4], [6, 7]]
    assert run(x, Pool(0, 3))[0] == x[0]
    assert run(x, Pool(0, 1))[0] == [[5]]  # 46 / 9
    assert run([[[-1, -2]]], Pool(0, 1))[0] == [[-1]]  # -1.5 goes up
    assert run([[[TOP, TOP]]], Pool(0, 1))[0] == [[TOP]]


def test_max_pool_does_not_count_what_lies_outside():
    x = [[[-5, -9, -3], [-7, -8, -2], [-6, -4, BOTTOM]]]
    assert run(x, MaxPool(0, 3, 2, 1))[0] == [[-5, -2], [-4, -2]]
    assert run(x, MaxPool(0, 2, 1, 0))[0] == [[-5, -2], [-4, -2]]


def test_subsample_takes_every_stride_th_pixel_and_pads_channels():
    x = [[[1, 2, 3], [4, 5, 6], [7, 8, 9]]]
    got = run(x, Subsample(0, 2, 1, 2))
    assert got == [[[0, 0]] * 2, [[1, 3], [7, 9]], *[[[0, 0]] * 2] * 4]


def test_choose_takes_the_first_largest():
    def values(*v):  # more channels than an image has: one dense layer of them
        weight = i32(v).reshape(-1, 1, 1, 1) * np.eye(1, 3, dtype=np.int32).reshape(1, 3, 1, 1)
        return Wide(0, len(v), 1, 1, 0, 1, 0, arrays={"weight": weight})

    one = channels(1)
    dense = values(1, 2, 2, -1, -3, -1)
    assert run(one, dense, Choose(1, 0, 2, 1, 3, 0)) == [[1], [0]]
    assert run(one, dense, Choose(1, 0, 1, 2, 3, 0)) == [[1, 0]]
    assert run(one, dense, Choose(1, 0, 3, 2, 3, 1)) == [[1, 0]] * 3


@settings(deadline=None)
@given(
    x=st.integers(BOTTOM, TOP),
    multiplier=st.integers(-(2**30) + 1, 2**30 - 1),
    bias=st.integers(-(2**60), 2**60),
    shift=st.integers(1, 60),
)
def test_affine_is_exact_wherever_check_allows_it(x, multiplier, bias, shift):
    op = Affine(0, shift, arrays={"multiplier": i32([multiplier] * 3), "bias": i64([bias] * 3)})
    exact = floor(Fraction(x * multiplier + bias, 1 << shift) + Fraction(1, 2))
    assert run(channels(x), op)[0] == [[min(max(exact, BOTTOM), TOP)]]


@pytest.mark.parametrize("name", [n for n in NAMED if NAMED[n]().plan_shape])
def test_a_plan_from_outside_takes_the_controllers_place(name):
    program, oracle = NAMED[name](), Oracle(NAMED[name]())
    images = pixels(program, 6)
    logits, plan = oracle.run(images)
    layers, columns, choices = program.plan_shape
    assert plan.shape == (6, layers, columns) and len(np.unique(plan)) > 1
    assert logits.dtype == np.int32 and logits.shape == (6, 5)
    np.testing.assert_array_equal(oracle.run(images, plan)[0], logits)
    other = (plan + 1) % choices
    forced, told = oracle.run(images, other)
    np.testing.assert_array_equal(told, other)
    assert (forced != logits).any(1).all()
    registers = oracle.trace(images[0], other[0])
    assert all(registers[i] is None for i in program.choosers)


def test_an_image_does_not_depend_on_its_neighbours():
    for program in [candidates(), *(random_program(seed) for seed in range(20))]:
        oracle, images = Oracle(program), pixels(program, 3)
        logits, plan = oracle.run(images)
        for n in range(3):
            alone, its_plan = oracle.run(images[n : n + 1])
            np.testing.assert_array_equal(alone[0], logits[n])
            if plan is not None:
                np.testing.assert_array_equal(its_plan[0], plan[n])


def test_rows_of_a_program_give_different_logits():
    program = rows()
    images = pixels(program, 2)
    plan = np.zeros((2, 3, 1), np.int64)
    answers = [Oracle(program).run(images, plan, row)[0] for row in range(3)]
    assert (answers[0] != answers[1]).any() and (answers[1] != answers[2]).any()


def minded(prices, slot=0, budget=107, asked=(4, 0, -3), spent=(0, 2, 0), plan=((2,), (0,))):
    """A budget of 7 above the cheapest plan's 100, of at most 9, added to (10, 20, 30)."""
    arrays = {"prices": i64(*prices), "asked": i32(*asked), "spent": i32(*spent)}
    op = Budget(0, slot, len(prices), budget, 100, 9, 1, arrays=arrays)
    return np.ravel(run([[[10]], [[20]], [[30]]], op, plan=plan)).tolist()


def test_budget():
    """Halves go up: 28 / 2, -21 / 2; a layer's price counts once it has been decided."""
    prices = [[[0], [3], [5]], [[0], [1], [4]]]
    assert minded(prices) == [24, 20, 20]
    assert minded(prices, slot=1) == [24, 25, 20]
    assert minded(prices, slot=1, plan=((0,), (2,))) == [24, 20, 20]
    apart = [[[0, 1, 2], [1, 3, 4], [2, 4, 6]], [[0] * 3] * 3]
    assert minded(apart, slot=1, plan=((1, 2), (0, 0))) == [24, 24, 20]


def test_a_budget_stays_between_the_cheapest_plan_and_the_dearest():
    prices = [[[0], [3], [50]], [[0], [1], [4]]]
    assert minded(prices, budget=90) == [10, 20, 30]
    assert minded(prices, budget=900) == [28, 20, 17]
    assert minded(prices, slot=1) == [24, 29, 20]
    most = (TOP, BOTTOM, TOP)
    assert minded(prices, asked=most) == [TOP, BOTTOM, TOP]


def test_choices_are_made_one_after_another():
    """The second depends on what the first one's layer made, and decides the slots in front."""
    ones = i32([1, 1, 1]).reshape(1, 3, 1, 1)
    values = Wide(
        0, 2, 1, 1, 0, 1, 0, arrays={"weight": i32([1, 0, 0, 0, 1, 0]).reshape(2, 3, 1, 1)}
    )
    arrays = {"multiplier": i32(2, 20), "bits": i64(8, 8)}
    operations = [
        values, Choose(1, 1, 1, 1, 2, 0),  # register 2: slot 1, by the channels 0 and 1
        Quantise(0, 1, 0, 1, 0, arrays=arrays),  # times 1 or 10
        conv(3, 1, groups=3, weight0=int8([1, 1, 1], 3, 1, 1, 1)),
        Wide(4, 2, 1, 1, 0, 1, 0, arrays={"weight": i32([0, 0, 0, 1, 1, 1], ).reshape(2, 3, 1, 1)}),
        Choose(5, 0, 1, 1, 2, 0),  # register 6: slot 0
        Wide(4, 1, 1, 1, 0, 1, 0, arrays={"weight": ones}),
    ]  # fmt: skip
    operations[3].x = 3
    for x, plan, logits in (((4, 5, 1), [[1], [1]], 100), ((5, 4, 1), [[1], [0]], 10)):
        table = np.zeros((3, 256), np.int32)
        table[:, 0] = x
        program = Program([Input(1, 1, 0, arrays={"table": table}), *operations])
        oracle, image = Oracle(program), np.zeros((1, 3, 1, 1), np.uint8)
        assert [v.tolist() for v in oracle.run(image)] == [[[logits]], [plan]]
        assert oracle.run(image, np.array([[[0], [0]]]))[0].tolist() == [[10]]
        assert [r is None for r in oracle.trace(image[0], np.array([[0], [0]]))] == [
            False, True, True, False, False, True, True, False]  # fmt: skip


def test_without_a_controller_there_is_no_plan():
    program = NAMED["static"]()
    assert Oracle(program).run(pixels(program, 2))[1] is None


def test_a_run_forgets_what_is_done_with():
    """Of 24 registers of 128 KiB, as int64, only those that are still read are held."""
    b = Builder()
    x = b.wide(b.image(32), 16, 1, 1, 0)
    for _ in range(24):
        x = b.affine(x)
    program = b.logits(x)
    image = pixels(program, 1)
    tracemalloc.start()
    Oracle(program).run(image)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 10 * 16 * 32 * 32 * 8
