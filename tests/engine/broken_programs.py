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
"""Programs that break one rule each, and what the two checkers say of them."""

import numpy as np

from src.engine.operations import (
    Add,
    Affine,
    Bucketise,
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
from src.engine.program import Program
from tests.engine.damages import SAME
from tests.engine.odd_programs import (
    added,
    chosen,
    codes_into,
    large_image,
    large_window,
    long_sum,
    many_widths,
    other_prices,
    two_choices,
    two_images,
)
from tests.engine.programs import NAMED


def fields(**values):
    """A change: fields of the operation."""
    return lambda op: [setattr(op, name, value) for name, value in values.items()]


def array(name, change):
    """A change: an array of the operation, through a function of it."""
    return lambda op: op.arrays.update({name: change(op.arrays[name])})


def drop(name):
    return lambda op: op.arrays.pop(name)


def filled(value):
    return lambda a: np.full_like(a, value)


def repeated(a):
    """17 candidates."""
    return np.repeat(a[..., :1], 17, -1)


def halved(a):
    """Twice the rows of half the channels."""
    return a.reshape(2, -1)


def doubled(a):
    return np.repeat(a, 2, 0)


def side(name, row, value):
    """A change: one row of an array."""
    return array(name, lambda a: np.where(np.arange(len(a))[:, None] == row, value, a))


def narrow(a):
    return a[..., :-1]


def both(*changes):
    return lambda op: [change(op) for change in changes]


def nothing(op):
    pass


def moved(program: Program) -> None:
    """A change: every slot is the next one."""
    for op in program.operations:
        if getattr(op, "slot", -1) >= 0:
            op.slot += 1


N = NAMED
# A program, the kind of operation whose first one is changed, the change, what check.py says (a
# regular expression), and what its C++ twin says of the file; SAME: both say exactly these
# words, which are no expression then; None: a file cannot hold it.
CASES = [
    (N["static"], Conv, fields(slot=-2), "slot -2; allowed are -1..4095", SAME),
    (N["static"], Conv, fields(w_column=2**31 + 1), "w_column 2147483649; allowed are 0..1", SAME),
    (N["real"], Pool, fields(x=-1), "x -1; allowed are 0..65535", SAME),
    (N["real"], Pool, fields(x=7), "x: register 7 is not written before it", SAME),
    (N["real"], Add, lambda op: op.arrays.update(x=np.zeros(1, np.int32)),
     r"no arrays \['x'\]", "a tensor belongs to no operation"),
    (N["candidates"], Conv, lambda op: op.arrays.update({"weight.12": op.arrays["weight.0"]}),
     r"no arrays \['weight.12'\]", None),
    (lambda: large_image(16, 4), Add, nothing,
     "values in registers", "too many values in registers"),
    (large_window, MaxPool, nothing,
     "an image takes more than 68719476736 multiplications (a smaller image or network needs less)", SAME),
    (many_widths, Conv, nothing, "weights of more than 4096 MiB", SAME),
    # Input
    (N["real"], Input, fields(height=0), "height 0; allowed are 1..4096", SAME),
    (N["real"], Input, fields(width=4097), "width 4097; allowed are 1..4096", SAME),
    (two_images, Input, nothing, r"image of \(6, 7\)", "images of two sizes"),
    (lambda: two_images(7, 6), Input, nothing, r"image of \(7, 6\)", "images of two sizes"),
    (N["real"], Input, fields(bits=1), "codes of 1 bit", SAME),
    (N["real"], Input, drop("table"), "no array table", SAME),
    (N["real"], Input, array("table", lambda a: a.astype(np.int64)),
     "table is int64 (3, 256); expected int32 (3, 256)", SAME),
    (N["real"], Input, array("table", lambda a: a.astype(">i4")), "table is >i4", None),
    (N["real"], Input, array("table", narrow),
     "table is int32 (3, 255); expected int32 (3, 256)", SAME),
    (N["real"], Input, array("table", lambda a: a[:2]),
     "table is int32 (2, 256); expected int32 (3, 256)", SAME),
    (N["static"], Input, array("table", filled(128)),
     "table leaves the codes", "the table leaves the codes"),
    (N["static"], Input, array("table", filled(-129)),
     "table leaves the codes", "the table leaves the codes"),
    # Quantise
    (N["static"], Quantise, fields(x=0), "x: register 0 is codes, not wide", SAME),
    (N["static"], Quantise, fields(shift=0), "shift 0; allowed are 1..60", SAME),
    (N["static"], Quantise, fields(shift=63), "shift 63; allowed are 1..60", SAME),
    (N["static"], Quantise, fields(signed=2), "signed 2; allowed are 0..1", SAME),
    (N["static"], Quantise, fields(slot=0),
     "slot 0 is not decided before it is used", "a slot is not decided before it is used"),
    (N["candidates"], Quantise, fields(slot=3),
     "slot 3 is not decided before it is used", "a slot is not decided before it is used"),
    (N["candidates"], Quantise, fields(column=1),
     r"columns \(1,\) of 1", "a column is out of range"),
    (N["candidates"], Quantise, fields(column=-1), "column -1; allowed are 0..1", SAME),
    (N["candidates"], Quantise, fields(slot=-1), "several candidates and no slot", SAME),
    (N["candidates"], Quantise, both(array("bits", narrow), array("multiplier", narrow)),
     "11 candidates, the plan has 12", "candidates differ from the plan's"),
    (N["candidates"], Quantise, array("bits", repeated), "17 candidates; allowed are 1..16", SAME),
    (N["candidates"], Quantise, array("bits", lambda a: a[:0]),
     "bits is int64 (0,); expected int64 (K,)", SAME),
    (N["candidates"], Quantise, array("multiplier", narrow),
     "multiplier is int32 (11,); expected int32 (K,)", SAME),
    (N["static"], Quantise, array("multiplier", filled(2**30)),
     "multiplier holds 1073741824; allowed are -1073741823..1073741823", SAME),
    (N["static"], Quantise, array("multiplier", filled(-(2**31))),
     "multiplier holds -2147483648; allowed are -1073741823..1073741823", SAME),
    (N["static"], Quantise, array("bits", filled(9)), "bits holds 9; allowed are 1..8", SAME),
    (N["static"], Quantise, array("bits", filled(0)), "bits holds 0; allowed are 1..8", SAME),
    # Conv
    (N["nested"], Conv, fields(x=0), "x: register 0 is wide, not codes", SAME),
    (N["nested"], Conv, fields(odd=2), "odd 2; allowed are 0..1", SAME),
    (N["nested"], Conv, fields(low=-(2**31) - 1),
     "low -2147483649; allowed are -2147483648..2147483647", SAME),
    (N["nested"], Conv, fields(high=2**31),
     "high 2147483648; allowed are -2147483648..2147483647", SAME),
    (N["nested"], Conv, fields(low=5, high=4),
     "above the upper bound 4", "the bounds are in the wrong order"),
    (N["nested"], Conv, fields(shift=0), "shift 0; allowed are 1..60", SAME),
    (N["nested"], Conv, array("bits", lambda a: a[:1]),
     "bits is int64 (1, 3); expected int64 (2, K)", SAME),
    (N["nested"], Conv, array("bits", lambda a: a.astype(np.int32)),
     "bits is int32 (2, 3); expected int64 (2, K)", SAME),
    (N["nested"], Conv, drop("bits"), "no array bits", SAME),
    (N["nested"], Conv, array("bits", repeated), "17 candidates; allowed are 1..16", SAME),
    (N["nested"], Conv, fields(slot=-1), "several candidates and no slot", SAME),
    (N["nested"], Conv, fields(slot=3),
     "slot 3 is not decided before it is used", "a slot is not decided before it is used"),
    (N["nested"], Conv, fields(w_column=1), r"columns \(1, 0\) of 1", "a column is out of range"),
    (N["nested"], Conv, array("bits", lambda a: a[:, :1]),
     "1 candidates, the plan has 3", "candidates differ from the plan's"),
    (N["nested"], Conv, array("bits", filled(9)), "bits holds 9; allowed are 1..8", SAME),
    (N["nested"], Conv, array("bits", filled(0)), "bits holds 0; allowed are 1..8", SAME),
    (N["nested"], Conv, array("multiplier", narrow),
     "multiplier is int32 (1, 1, 1, 3); expected int32 (R, 1|K, 1|K, c_out)", SAME),
    (N["nested"], Conv, array("bias", narrow),
     "bias is int64 (1, 1, 1, 3); expected int64 (R, 1|K, 1|K, c_out)", SAME),
    (N["nested"], Conv, fields(groups=0), "groups 0; allowed are 1..65536", SAME),
    (N["nested"], Conv, fields(c_out=0), "c_out 0; allowed are 1..65536", SAME),
    (N["nested"], Conv, fields(c_out=65537), "c_out 65537; allowed are 1..65536", SAME),
    (N["nested"], Conv, fields(groups=3),
     "3 groups of 4 and 4 channels", "groups do not divide the channels"),
    (N["nested"], Conv, fields(kernel=0), "kernel 0; allowed are 1..4096", SAME),
    (N["nested"], Conv, fields(kernel=4097), "kernel 4097; allowed are 1..4096", SAME),
    (N["nested"], Conv, fields(stride=0), "stride 0; allowed are 1..4096", SAME),
    (N["nested"], Conv, fields(padding=-1), "padding -1; allowed are 0..4096", SAME),
    (N["nested"], Conv, fields(kernel=11),
     r"weight.0 is int8 \(4, 4, 3, 3\)", "weight.0: uint8 (144,) cannot hold 1936 codes of 8 bits"),
    (N["nested"], Conv, fields(padding=4096), "padding 4096: too large", "padding is too large"),
    (N["nested"], Conv, fields(c_in=3),
     r"weight.0 is int8 \(4, 4, 3, 3\)", "weight.0: uint8 (144,) cannot hold 108 codes of 8 bits"),
    (N["nested"], Conv, both(fields(c_in=3), array("weight.0", lambda a: a[:, :3])),
     "3 channels a group", "channels of a group do not fit"),
    (N["nested"], Conv, fields(master=1), "master codes of 1 bit", SAME),
    (N["nested"], Conv, fields(master=-1), "master -1; allowed", None),
    (N["nested"], Conv, fields(master=7),
     "not of the master's width", "the input is not of the master's width"),
    (N["nested_static"], Conv, fields(odd=1), "odd codes have no children", SAME),
    (N["nested"], Conv, array("bits", filled(1)),
     r"widths \[.* of a master of 8", "a width is not one of the master's children"),
    (N["nested_untied"], Conv, array("bits", filled(7)),
     r"widths \[.* of a master of 6", "a width is not one of the master's children"),
    (N["untied"], Conv, side("bits", 0, 9), "bits holds 9; allowed are 1..8", SAME),
    (N["untied"], Conv, side("bits", 1, 9), "bits holds 9; allowed are 1..8", SAME),
    (N["nested"], Conv, fields(master=9), "master 9; allowed are 0..8", SAME),
    (N["odd"], Conv, array("weight.0", filled(-2)), "weights beyond 1 bits", None),
    (N["nested"], Conv, side("bits", 0, 1),
     r"widths \[.* of a master of 8", "a width is not one of the master's children"),
    (N["nested"], Conv, side("bits", 1, 1),
     r"widths \[.* of a master of 8", "a width is not one of the master's children"),
    (N["nested_untied"], Conv, side("bits", 0, 7),
     r"widths \[.* of a master of 6", "a width is not one of the master's children"),
    (N["nested_untied"], Conv, side("bits", 1, 7),
     r"widths \[.* of a master of 6", "a width is not one of the master's children"),
    (N["rows"], Conv, both(array("multiplier", lambda a: a[:2]), array("bias", lambda a: a[:2])),
     "multiplier is int32 (2, 1, 1, 4); expected int32 (R, 1|K, 1|K, c_out)", SAME),
    (N["nested"], Conv, drop("weight.0"), "no array weight.0", SAME),
    (N["candidates"], Conv, drop("weight.11"), "no array weight.11", SAME),
    (N["nested"], Conv, array("weight.0", lambda a: a.astype(np.int16)), "weight.0 is int16", None),
    (N["nested"], Conv, array("weight.0", narrow),
     r"weight.0 is int8 \(4, 4, 3, 2\)", "weight.0: uint8 (96,) cannot hold 144 codes of 8 bits"),
    (N["odd"], Conv, array("weight.0", filled(1)), "weights beyond 1 bits", None),
    (N["nested"], Conv, array("multiplier", np.ravel),
     "multiplier is int32 (4,); expected int32 (R, 1|K, 1|K, c_out)", SAME),
    (N["nested"], Conv, array("multiplier", lambda a: np.repeat(a, 2, 2)),
     "multiplier is int32 (1, 1, 2, 4); expected int32 (R, 1|K, 1|K, c_out)", SAME),
    (N["pairs"], Conv, array("bias", lambda a: a[:, :2]),
     "bias is int64 (2, 2, 3, 4); expected int64 (R, 1|K, 1|K, c_out)", SAME),
    (N["pairs"], Conv, array("bias", lambda a: a[:, :, :2]),
     "bias is int64 (2, 3, 2, 4); expected int64 (R, 1|K, 1|K, c_out)", SAME),
    (N["pairs"], Conv, array("bias", lambda a: a[:, 0]),
     "bias is int64 (2, 3, 4); expected int64 (R, 1|K, 1|K, c_out)", SAME),
    (N["untied"], Conv, array("multiplier", lambda a: a[:, :, :2]),
     "multiplier is int32 (1, 3, 2, 4); expected int32 (R, 1|K, 1|K, c_out)", SAME),
    (N["rows"], Conv, array("multiplier", lambda a: a[:2]),
     "multiplier is int32 (2, 1, 1, 4); expected int32 (R, 1|K, 1|K, c_out)", SAME),
    (N["untied"], Conv, array("multiplier", lambda a: a[:, :2]),
     "multiplier is int32 (1, 2, 3, 4); expected int32 (R, 1|K, 1|K, c_out)", SAME),
    (N["rows"], Conv, array("bias", lambda a: a[:2]),
     "bias is int64 (2, 1, 1, 4); expected int64 (R, 1|K, 1|K, c_out)", SAME),
    (N["rows"], Conv, drop("bias"), "no array bias", SAME),
    (long_sum, Conv, array("weight.0", filled(-128)),
     "the sum of a convolution may leave int32", SAME),
    (N["nested"], Conv, array("bias", filled(2**62)),
     "multiplier and bias may leave 63 bits", SAME),
    (N["nested"], Conv, array("bias", filled(-(2**63))),
     "multiplier and bias may leave 63 bits", SAME),
    # Wide
    (N["static"], Wide, fields(x=0), "x: register 0 is codes, not wide", SAME),
    (N["real"], Wide, fields(shift=-1), "shift -1; allowed are 0..60", SAME),
    (N["real"], Wide, fields(shift=63), "shift 63; allowed are 0..60", SAME),
    (N["real"], Wide, array("weight", narrow),
     "weight is int32 (4, 3, 3, 2); expected int32 (c_out, I, kernel, kernel)", SAME),
    (N["real"], Wide, array("weight", lambda a: a[:, :2]),
     "weight is int32 (4, 2, 3, 3); expected int32 (c_out, I, kernel, kernel)", SAME),
    (N["real"], Wide, both(fields(groups=2), array("weight", lambda a: a[:, :1])),
     "2 groups of 3 and 4 channels", "groups do not divide the channels"),
    (N["real"], Wide, both(fields(c_out=65537), array("weight", lambda a: np.resize(a, (65537, 3, 3, 3)))),
     "c_out 65537; allowed are 1..65536", SAME),
    (N["real"], Wide, both(fields(groups=3), array("weight", lambda a: a[:, :1])),
     "3 groups of 3 and 4 channels", "groups do not divide the channels"),
    (N["real"], Wide, array("weight", lambda a: a[:3]),
     "weight is int32 (3, 3, 3, 3); expected int32 (c_out, I, kernel, kernel)", SAME),
    (N["real"], Wide, array("weight", lambda a: a[:, :, :2]),
     "weight is int32 (4, 3, 2, 3); expected int32 (c_out, I, kernel, kernel)", SAME),
    (N["real"], Wide, array("weight", filled(2**27)), "a sum of weights leaves int32", SAME),
    (N["real"], Wide, array("weight", filled(-(2**31))), "a sum of weights leaves int32", SAME),
    (N["real"], Wide, fields(stride=1, padding=4095), "8195 x 8197 pixels", "pixels out of range"),
    (lambda: large_image(17), Wide, nothing, "a register of", "a register is too large"),
    # Affine
    (N["static"], Affine, fields(x=0), "x: register 0 is codes, not wide", SAME),
    (N["real"], Affine, fields(high=-1),
     "lower bound 0 is above the upper", "the bounds are in the wrong order"),
    (N["real"], Affine, fields(low=2**31),
     "low 2147483648; allowed are -2147483648..2147483647", SAME),
    (N["real"], Affine, fields(shift=0), "shift 0; allowed are 1..60", SAME),
    (N["real"], Affine, array("multiplier", narrow),
     "multiplier is int32 (1, 3); expected int32 (R, C)", SAME),
    (N["real"], Affine, both(array("multiplier", halved), array("bias", halved)),
     "multiplier is int32 (2, 2); expected int32 (R, C)", SAME),
    (N["real"], Affine, both(array("multiplier", doubled), array("bias", doubled)),
     "multiplier is int32 (2, 4); expected int32 (R, C)", SAME),
    (N["real"], Affine, array("bias", lambda a: a.astype(np.int32)),
     "bias is int32 (1, 4); expected int64 (R, C)", SAME),
    (N["real"], Affine, array("multiplier", filled(-(2**31))),
     "multiplier and bias may leave 63 bits", SAME),
    # the others
    (N["static"], Add, fields(x=0), "x: register 0 is codes, not wide", SAME),
    (N["static"], Add, fields(y=2), "y: register 2 is codes, not wide", SAME),
    (N["real"], Add, fields(y=0), "adds", "registers of different shapes are added"),
    (lambda: added(2, 1), Add, nothing, "adds", "registers of different shapes are added"),
    (lambda: added(1, 2), Add, nothing, "adds", "registers of different shapes are added"),
    (lambda: added(1, 1, 1), Add, nothing, "adds", "registers of different shapes are added"),
    (N["static"], Add, fields(x=0, y=0), "x: register 0 is codes, not wide", SAME),
    (N["real"], Add, fields(low=1, high=0),
     "lower bound 1 is above the upper", "the bounds are in the wrong order"),
    (N["real"], Add, fields(high=2**31),
     "high 2147483648; allowed are -2147483648..2147483647", SAME),
    (N["static"], Pool, fields(x=0), "x: register 0 is codes, not wide", SAME),
    (N["candidates"], Pool, fields(bins=0), "bins 0; allowed are 1..4096", SAME),
    (N["candidates"], Pool, fields(bins=9), "9 bins of 8 x 8 pixels", "bins out of range"),
    (lambda: codes_into(MaxPool), MaxPool, nothing, "x: register 0 is codes, not wide", SAME),
    (N["real"], MaxPool, fields(padding=3), "padding of a whole window", SAME),
    (N["real"], MaxPool, fields(kernel=4097, padding=0), "kernel 4097; allowed are 1..4096", SAME),
    (N["real"], MaxPool, fields(kernel=0, padding=-1), "kernel 0; allowed are 1..4096", SAME),
    (N["real"], MaxPool, fields(kernel=40), "the window is larger than the image", SAME),
    (N["real"], MaxPool, fields(stride=4097), "stride 4097; allowed are 1..4096", SAME),
    (lambda: codes_into(Subsample), Subsample, nothing, "x: register 0 is codes, not wide", SAME),
    (N["real"], Subsample, fields(stride=0), "stride 0; allowed are 1..4096", SAME),
    (N["real"], Subsample, fields(stride=4097), "stride 4097; allowed are 1..4096", SAME),
    (N["real"], Subsample, fields(before=-1), "before -1; allowed are 0..65536", SAME),
    (N["real"], Subsample, fields(after=-1), "after -1; allowed are 0..65536", SAME),
    (N["real"], Subsample, fields(after=65536), "65541 channels", "channels out of range"),
    (lambda: codes_into(Choose), Choose, nothing, "x: register 0 is codes, not wide", SAME),
    (lambda: chosen(2, 1), Choose, nothing,
     r"reads \(3, 2, 1\)", "the values of a plan do not fit it"),
    (lambda: chosen(1, 2), Choose, nothing,
     r"reads \(3, 1, 2\)", "the values of a plan do not fit it"),
    (two_choices, Choose, fields(slot=1),
     r"one of the slots 1\.\.1 is decided twice", "a slot is decided twice"),
    (lambda: two_choices(2), Choose, nothing,
     "another choice of the plan has", "choices of the plan differ in columns or candidates"),
    (lambda: two_choices(widths=(2, 4)), Choose, nothing,
     "another choice of the plan has", "choices of the plan differ in columns or candidates"),
    (N["shared"], Choose, fields(slot=4094), "slot 4096; allowed", "a slot is out of range"),
    (N["shared"], Choose, fields(slot=-1), "slot -1; allowed are 0..4095", SAME),
    (N["step_wise"], Conv, fields(slot=1),
     "slot 1 is not decided before it is used", "a slot is not decided before it is used"),
    (N["step_wise"], Quantise, fields(slot=3),
     "slot 3 is not decided before it is used", "a slot is not decided before it is used"),
    (N["shared"], Choose, fields(shared=2), "shared 2; allowed are 0..1", SAME),
    (N["shared"], Choose, fields(layers=0), "layers 0; allowed are 1..4096", SAME),
    (N["shared"], Choose, fields(layers=4097), "layers 4097; allowed are 1..4096", SAME),
    (N["shared"], Choose, fields(columns=3), "columns 3; allowed are 1..2", SAME),
    (N["shared"], Choose, fields(choices=17), "choices 17; allowed are 2..16", SAME),
    (N["shared"], Choose, fields(choices=1), "choices 1; allowed are 2..16", SAME),
    (N["untied"], Choose, fields(layers=2),
     "needs 12 values", "the values of a plan do not fit it"),
    (N["untied"], Quantise, fields(x=6), "x: register 6 is plan, not wide", SAME),
    # Budget
    (N["minding"], Budget, fields(x=99), "x: register 99 is not written before it", SAME),
    (N["minding"], Budget, fields(budget=-1), "budget -1; allowed are 0..281474976710656", SAME),
    (N["minding"], Budget, fields(range=0), "range 0; allowed are 1..281474976710656", SAME),
    (N["minding"], Budget, fields(layers=2),
     "prices is int64 (1, 3, 1); expected int64 (layers, K, 1|K)", SAME),
    (N["minding"], Budget, array("prices", filled(-1)),
     "prices holds -1; allowed are 0..281474976710656", SAME),
    (N["minding"], Budget, array("asked", narrow), "asked is int32 (2,); expected int32 (C,)", SAME),
    (N["minding"], Budget, drop("spent"), "no array spent", SAME),
    (N["minding"], Budget, fields(slot=1), "slot 1 of 1 layers", "the slot is behind the layers"),
    (N["minding"], Budget, both(fields(slot=1, layers=2), array("prices", doubled)),
     "slot 0 is not decided before it is used", "a slot is not decided before it is used"),
    (lambda: other_prices(2, 1), Budget, nothing,
     r"prices of \(2, 1\) choices, the plan has \(3, 1\)", "prices of other choices than the plan's"),
    (lambda: other_prices(3, 3), Budget, nothing,
     r"prices of \(3, 3\) choices, the plan has \(3, 1\)", "prices of other choices than the plan's"),
    (N["minding"], Budget, fields(budget=1),
     "a budget of 5000000, another operation has 1", "budgets differ"),
    (N["minding"], Budget, both(fields(range=2**40), array("spent", filled(-(2**30)))),
     "the weighed budget may leave 63 bits", SAME),
    # Learned levels
    (N["levels"], Bucketise, fields(x=0, signed=2), "signed 2; allowed are 0..1", SAME),
    (N["levels"], Bucketise, array("thresholds", filled(0)), "the first threshold is not the least value", SAME),
    (N["levels"], Bucketise, array("thresholds", lambda a: np.r_[a[:1], a[:0:-1]]), "thresholds fall", SAME),
    (N["levels"], Bucketise, array("levels", lambda a: a[::-1]), "levels do not rise", SAME),
    (N["levels"], Bucketise, array("levels", filled(3)), "levels do not rise", SAME),
    (N["levels"], Bucketise, array("levels", lambda a: np.r_[np.int32(-1), a[1:]]), "levels leave the codes", SAME),
    (N["levels"], Bucketise, both(fields(signed=1), array("levels", lambda a: np.r_[a[:-1], np.int32(255)])),
     "levels leave the codes", SAME),
    (N["levels"], Bucketise, array("levels", lambda a: np.r_[a[:-1], np.int32(256)]),
     "levels holds 256; allowed are -128..255", SAME),
    (N["levels"], Bucketise, array("levels", narrow), "levels is int32 (15,); expected int32 (L,)", SAME),
    (N["levels"], Bucketise, array("thresholds", lambda a: np.resize(a, 257)),
     "257 levels; allowed are 1..256", SAME),
    (N["levels"], Bucketise, drop("levels"), "no array levels", SAME),
    (N["levels"], Conv, array("levels", lambda a: a.astype(np.int64)),
     "levels is int64 (7,); expected int32 (L,)", SAME),
    (N["levels"], Conv, array("levels", lambda a: np.r_[np.int32(-200), a[1:]]),
     "levels holds -200; allowed are -128..127", SAME),
    (N["levels"], Conv, array("levels", lambda a: a[[1, 0, *range(2, 7)]]), "levels do not rise", SAME),
    (N["levels"], Conv, lambda op: op.arrays.update(levels=np.delete(op.arrays["levels"], 3)),
     "weights beside the levels", None),
    (N["levels"], Conv, lambda op: op.arrays.update(levels=np.arange(-128, 128, dtype=np.int32)),
     "more levels than the width has indices", SAME),
    (N["candidates"], Conv, lambda op: op.arrays.update(levels=np.arange(-128, 128, dtype=np.int32)),
     "levels with several candidates", SAME),
    (N["odd"], Conv, lambda op: op.arrays.update(levels=np.arange(-1, 1, dtype=np.int32)),
     "levels with master or odd codes", SAME),
    (N["nested_static"], Conv, lambda op: op.arrays.update(levels=np.arange(-128, 128, dtype=np.int32)),
     "levels with master or odd codes", SAME),
]  # fmt: skip
