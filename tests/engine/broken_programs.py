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

from src.engine.program import (
    Add,
    Affine,
    Choose,
    Conv,
    Input,
    MaxPool,
    Pool,
    Program,
    Quantise,
    Subsample,
    Wide,
)
from tests.engine.builder import Builder
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


def two_images(height: int = 6, width: int = 7) -> Program:
    b = Builder()
    b.image(6)
    return b.logits(b.image(height, width))


def second_plan() -> Program:
    b = Builder()
    x = b.image(6)
    b.controller(x, 1)
    b.controller(x, 1)
    return b.logits(x)


def long_sum() -> Program:
    """A convolution of 2^16 codes of 8 bits for each sum."""
    b = Builder()
    x = b.subsample(b.image(16), 1, 126, 127)
    x = b.conv(b.quantise(x, (8,)), 1, 16, 1, 0, w_bits=(8,), a_bits=(8,))
    return b.logits(x)


def _codes_into(kind: type) -> Program:
    b = Builder()
    x = b.image(6, bits=4)
    {MaxPool: b.max_pool, Subsample: b.subsample, Choose: lambda x: None}[kind](x)
    if kind is Choose:
        b.operations.append(Choose(x, 1, 1, 2, 0))
    return Program(b.operations)


def added(height: int, width: int, channels: int = 0) -> Program:
    """The sum of a register and of every other pixel of it, with more channels."""
    b = Builder()
    x = b.subsample(b.image(height, width), 1, 0, 0)
    return b.logits(b.add(x, b.subsample(x, 2, 0, channels)))


def chosen(height: int, width: int) -> Program:
    b = Builder()
    x = b.image(height, width)
    return Program([*b.operations, Choose(x, 1, 1, 3, 0)])


def signed_children() -> Program:
    program = NAMED["nested"]()
    next(op for op in program.operations if isinstance(op, Quantise)).signed = 1
    return program


def large_image(channels: int, sums: int = 0) -> Program:
    b = Builder()
    x = b.wide(b.image(4096), channels, 1, 1, 0)
    for _ in range(sums):
        b.add(x, x)
    return b.logits(x)


def large_window() -> Program:
    """A maximum over 2^20 pixels for each of 2^19 values, of a file of 4 KiB."""
    b = Builder()
    return b.logits(b.max_pool(b.subsample(b.image(1024), 1, 0, 5), 1024, 4, 512))


def many_widths() -> Program:
    """2^22 depthwise weights, which take 64 bytes each at each of 16 widths."""
    b = Builder()
    x = b.subsample(b.image(8), 1, 0, 65533)
    b.controller(b.image(8), 1, widths=(2,) * 16)
    return b.logits(b.dynamic(x, 65536, 8, 1, 0, 65536, master=8))


N = NAMED
# A program, the kind of operation whose first one is changed, the change, what check.py says (a
# regular expression), and what its C++ twin says of the file; None: a file cannot hold it.
CASES = [
    (N["static"], Conv, fields(slot=-2), r"not all in -1\.\.", "a number is out of range"),
    (N["static"], Conv, fields(w_column=2**31 + 1), r"not all in -1\.\.",
     "a number is out of range"),
    (N["real"], Pool, fields(x=-1), "register -1 is not written before it",
     "a register is not written before it"),
    (N["real"], Pool, fields(x=7), "register 7 is not written before it",
     "a register is not written before it"),
    (N["real"], Add, lambda op: op.arrays.update(x=np.zeros(1, np.int32)), r"no arrays \['x'\]",
     "a tensor belongs to no operation"),
    (N["candidates"], Conv, lambda op: op.arrays.update({"weight.12": op.arrays["weight.0"]}),
     r"no arrays \['weight.12'\]", None),
    (lambda: large_image(16, 4), Add, nothing, "values in registers",
     "too many values in registers"),
    (large_window, MaxPool, nothing, "an image takes more than 68719476736 multiplications",
     "an image takes more than 68719476736 multiplications"),
    (many_widths, Conv, nothing, "weights of more than 4096 MiB", "weights of more than 4096 MiB"),
    # Input
    (N["real"], Input, fields(height=0), "image of 0 x 9", "pixels out of range"),
    (N["real"], Input, fields(width=4097), "image of 7 x 4097", "pixels out of range"),
    (two_images, Input, nothing, r"image of \(6, 7\)", "images of two sizes"),
    (lambda: two_images(7, 6), Input, nothing, r"image of \(7, 6\)", "images of two sizes"),
    (N["real"], Input, fields(bits=1), "codes of 1 bits", "codes of strange width"),
    (N["real"], Input, drop("table"), "no array 'table'", "no tensor table"),
    (N["real"], Input, array("table", lambda a: a.astype(np.int64)), "table is int64",
     "tensor table has the wrong type or shape"),
    (N["real"], Input, array("table", lambda a: a.astype(">i4")), "table is >i4", None),
    (N["real"], Input, array("table", narrow), r"table is int32 \(3, 255\)",
     "a table of the wrong shape"),
    (N["real"], Input, array("table", lambda a: a[:2]), r"table is int32 \(2, 256\)",
     "a table of the wrong shape"),
    (N["static"], Input, array("table", filled(128)), "table leaves the codes",
     "the table leaves the codes"),
    (N["static"], Input, array("table", filled(-129)), "table leaves the codes",
     "the table leaves the codes"),
    # Quantise
    (N["static"], Quantise, fields(x=0), "reads codes", "a register of another kind"),
    (N["static"], Quantise, fields(shift=0), "shift 0", "a shift is out of range"),
    (N["static"], Quantise, fields(shift=63), "shift 63", "a shift is out of range"),
    (N["static"], Quantise, fields(signed=2), "signed=2", "a flag is not 0 or 1"),
    (N["static"], Quantise, fields(slot=0), "comes before the plan",
     "a dynamic operation comes before the plan"),
    (N["candidates"], Quantise, fields(slot=3), "slot 3 of 3", "a slot is out of range"),
    (N["candidates"], Quantise, fields(column=1), r"columns \(1,\) of 1",
     "a column is out of range"),
    (N["candidates"], Quantise, fields(column=-1), r"columns \(-1,\) of 1",
     "a column is out of range"),
    (N["candidates"], Quantise, fields(slot=-1), "several variants and no slot",
     "several candidates and no slot"),
    (N["candidates"], Quantise, both(array("bits", narrow), array("multiplier", narrow)),
     "11 candidates, the plan has 12", "candidates differ from the plan's"),
    (N["candidates"], Quantise, array("bits", repeated), "17 variants", "too many variants"),
    (N["candidates"], Quantise, array("bits", lambda a: a[:0]), "bits is empty",
     "tensor bits has the wrong type or shape"),
    (N["candidates"], Quantise, array("multiplier", narrow), r"multiplier is int32 \(11,\)",
     "multipliers and widths differ in number"),
    (N["static"], Quantise, array("multiplier", filled(2**30)), "2\\^30 or more",
     "a multiplier of 2^30 or more"),
    (N["static"], Quantise, array("multiplier", filled(-(2**31))), "2\\^30 or more",
     "a multiplier of 2^30 or more"),
    (N["static"], Quantise, array("bits", filled(9)), r"codes of \[9\] bits",
     "codes: a width outside 1..8"),
    (N["static"], Quantise, array("bits", filled(0)), r"codes of \[0\] bits",
     "codes: a width outside 1..8"),
    # Conv
    (N["nested"], Conv, fields(x=0), "reads wide", "a register of another kind"),
    (N["nested"], Conv, fields(odd=2), "odd=2", "a flag is not 0 or 1"),
    (N["nested"], Conv, fields(relu=-1), "relu=-1", "a flag is not 0 or 1"),
    (N["nested"], Conv, fields(shift=0), "shift 0", "a shift is out of range"),
    (N["nested"], Conv, array("bits", lambda a: a[:1]), r"bits is int64 \(1, 3\)",
     "widths of the wrong shape"),
    (N["nested"], Conv, array("bits", lambda a: a.astype(np.int32)), "bits is int32",
     "tensor bits has the wrong type or shape"),
    (N["nested"], Conv, drop("bits"), "no array 'bits'", "no tensor bits"),
    (N["nested"], Conv, array("bits", repeated), "17 candidates", "too many candidates"),
    (N["nested"], Conv, fields(slot=-1), "several candidates and no slot",
     "several candidates and no slot"),
    (N["nested"], Conv, fields(slot=3), "slot 3 of 3", "a slot is out of range"),
    (N["nested"], Conv, fields(w_column=1), r"columns \(1, 0\) of 1", "a column is out of range"),
    (N["nested"], Conv, array("bits", lambda a: a[:, :1]), "1 candidates, the plan has 3",
     "candidates differ from the plan's"),
    (N["nested"], Conv, array("bits", filled(9)), "widths .*9",
     "convolution: a width outside 1..8"),
    (N["nested"], Conv, array("bits", filled(0)), "widths .*0",
     "convolution: a width outside 1..8"),
    (N["nested"], Conv, array("multiplier", narrow), r"multiplier is int32 \(1, 1, 1, 3\)",
     "multiplier or bias of the wrong shape"),
    (N["nested"], Conv, array("bias", narrow), r"bias is int64 \(1, 3\)",
     "multiplier or bias of the wrong shape"),
    (N["nested"], Conv, fields(groups=0), "0 groups", "groups or channels out of range"),
    (N["nested"], Conv, fields(c_out=0), "0 channels", "convolution: a size is out of range"),
    (N["nested"], Conv, fields(c_out=65537), "65537 channels",
     "convolution: packed weights of the wrong size"),
    (N["nested"], Conv, fields(groups=3), "3 groups of 4 and 4 channels",
     "groups do not divide the channels"),
    (N["nested"], Conv, fields(kernel=0), "kernel 0", "convolution: a size is out of range"),
    (N["nested"], Conv, fields(kernel=4097), "kernel 4097",
     "convolution: too many weights"),
    (N["nested"], Conv, fields(stride=0), "stride 0", "kernel, stride or padding out of range"),
    (N["nested"], Conv, fields(padding=-1), "padding -1", "kernel, stride or padding out of range"),
    (N["nested"], Conv, fields(kernel=11), "larger than the image",
     "convolution: packed weights of the wrong size"),
    (N["nested"], Conv, fields(padding=4096), "padding 4096: too large", "padding is too large"),
    (N["nested"], Conv, fields(c_in=3), "3 channels a group",
     "convolution: packed weights of the wrong size"),
    (N["nested"], Conv, fields(master=1), "master of 1 bits", "a master of strange width"),
    (N["nested"], Conv, fields(master=-1), "master of -1 bits", None),
    (N["nested"], Conv, fields(master=7), "not of the master's width",
     "the input is not of the master's width"),
    (N["nested_static"], Conv, fields(odd=1), "odd ones", "odd codes have no children"),
    (N["nested"], Conv, array("bits", filled(1)), "less than 2 bits",
     "a width is not one of the master's children"),
    (N["nested_untied"], Conv, array("bits", filled(7)), "above the master's",
     "a width is not one of the master's children"),
    (N["untied"], Conv, side("bits", 0, 9), "widths .*9", "convolution: a width outside 1..8"),
    (N["untied"], Conv, side("bits", 1, 9), "widths .*9", "convolution: a width outside 1..8"),
    (N["nested"], Conv, fields(master=9), "master of 9 bits", "a master of strange width"),
    (N["odd"], Conv, array("weight.0", filled(-2)), "weights beyond 1 bits", None),
    (signed_children, Conv, nothing, "not of the master's width",
     "the input is not of the master's width"),
    (N["nested"], Conv, side("bits", 0, 1), "less than 2 bits",
     "a width is not one of the master's children"),
    (N["nested"], Conv, side("bits", 1, 1), "less than 2 bits",
     "a width is not one of the master's children"),
    (N["nested_untied"], Conv, side("bits", 0, 7), "above the master's",
     "a width is not one of the master's children"),
    (N["nested_untied"], Conv, side("bits", 1, 7), "above the master's",
     "a width is not one of the master's children"),
    (N["rows"], Conv, both(array("multiplier", lambda a: a[:2]), array("bias", lambda a: a[:2])),
     r"multiplier is int32 \(2, 1", "multiplier of the wrong shape"),
    (N["nested"], Conv, drop("weight.0"), "no array 'weight.0'", "no tensor weight.0"),
    (N["candidates"], Conv, drop("weight.11"), "no array 'weight.11'", "no tensor weight.11"),
    (N["nested"], Conv, array("weight.0", lambda a: a.astype(np.int16)), "weight.0 is int16", None),
    (N["nested"], Conv, array("weight.0", narrow), r"weight.0 is int8 \(4, 4, 3, 2\)",
     "convolution: packed weights of the wrong size"),
    (N["odd"], Conv, array("weight.0", filled(1)), "weights beyond 1 bits", None),
    (N["nested"], Conv, array("multiplier", np.ravel), "multiplier has the wrong shape",
     "tensor multiplier has the wrong type or shape"),
    (N["nested"], Conv, array("multiplier", lambda a: np.repeat(a, 3, 2)), "multiplier has the",
     "multiplier of the wrong shape"),
    (N["untied"], Conv, array("multiplier", lambda a: a[:, :, :2]), "multiplier has the wrong",
     "multiplier of the wrong shape"),
    (N["rows"], Conv, array("multiplier", lambda a: a[:2]), r"multiplier is int32 \(2, 1",
     "multiplier or bias of the wrong shape"),
    (N["untied"], Conv, array("multiplier", lambda a: a[:, :2]), r"multiplier is int32 \(1, 2",
     "multiplier or bias of the wrong shape"),
    (N["rows"], Conv, array("bias", lambda a: a[:2]), r"bias is int64 \(2, 4\)",
     "multiplier or bias of the wrong shape"),
    (N["rows"], Conv, drop("bias"), "no array 'bias'", "no tensor bias"),
    (long_sum, Conv, array("weight.0", filled(-128)), "may leave int32",
     "the sum of a convolution may leave int32"),
    (N["nested"], Conv, array("bias", filled(2**62)), "multiplier and bias may leave",
     "multiplier and bias may leave 63 bits"),
    (N["nested"], Conv, array("bias", filled(-(2**63))), "multiplier and bias may leave",
     "multiplier and bias may leave 63 bits"),
    # Wide
    (N["static"], Wide, fields(x=0), "reads codes", "a register of another kind"),
    (N["real"], Wide, fields(shift=-1), "shift -1", "a shift is out of range"),
    (N["real"], Wide, fields(shift=63), "shift 63", "a shift is out of range"),
    (N["real"], Wide, array("weight", narrow), r"weight is int32 \(4, 3, 3, 2\)",
     "weights of the wrong shape"),
    (N["real"], Wide, array("weight", lambda a: a[:, :2]), r"weight is int32 \(4, 2, 3, 3\)",
     "channels of a group do not fit"),
    (N["real"], Wide, both(fields(groups=2), array("weight", lambda a: a[:, :1])),
     "2 groups of 3 and 4 channels", "groups do not divide the channels"),
    (N["real"], Wide, both(fields(c_out=65537), array("weight", lambda a: np.resize(a, (65537, 3, 3, 3)))),
     "65537 channels", "groups or channels out of range"),
    (N["real"], Wide, both(fields(groups=3), array("weight", lambda a: a[:, :1])),
     "3 groups of 3 and 4 channels", "groups do not divide the channels"),
    (N["real"], Wide, array("weight", lambda a: a[:3]), r"weight is int32 \(3, 3, 3, 3\)",
     "weights of the wrong shape"),
    (N["real"], Wide, array("weight", lambda a: a[:, :, :2]), r"weight is int32 \(4, 3, 2, 3\)",
     "weights of the wrong shape"),
    (N["real"], Wide, array("weight", filled(2**27)), "a sum of weights leaves int32",
     "a sum of weights leaves int32"),
    (N["real"], Wide, array("weight", filled(-(2**31))), "a sum of weights leaves int32",
     "a sum of weights leaves int32"),
    (N["real"], Wide, fields(stride=1, padding=4095), "8195 x 8197 pixels", "pixels out of range"),
    (lambda: large_image(17), Wide, nothing, "a register of", "a register is too large"),
    # Affine
    (N["static"], Affine, fields(x=0), "reads codes", "a register of another kind"),
    (N["real"], Affine, fields(relu=3), "relu=3", "a flag is not 0 or 1"),
    (N["real"], Affine, fields(shift=0), "shift 0", "a shift is out of range"),
    (N["real"], Affine, array("multiplier", narrow), r"multiplier is int32 \(1, 3\)",
     "multiplier and bias differ in shape"),
    (N["real"], Affine, both(array("multiplier", halved), array("bias", halved)),
     r"multiplier is int32 \(2, 2\)", "multiplier of the wrong shape"),
    (N["real"], Affine, both(array("multiplier", doubled), array("bias", doubled)),
     r"multiplier is int32 \(2, 4\)", "multiplier of the wrong shape"),
    (N["real"], Affine, array("bias", lambda a: a.astype(np.int32)), "bias is int32",
     "tensor bias has the wrong type or shape"),
    (N["real"], Affine, array("multiplier", filled(-(2**31))), "multiplier and bias may leave",
     "multiplier and bias may leave 63 bits"),
    # the others
    (N["static"], Add, fields(x=0), "reads codes and wide", "a register of another kind"),
    (N["static"], Add, fields(y=2), "reads wide and codes", "a register of another kind"),
    (N["real"], Add, fields(y=0), "adds", "registers of different shapes are added"),
    (lambda: added(2, 1), Add, nothing, "adds", "registers of different shapes are added"),
    (lambda: added(1, 2), Add, nothing, "adds", "registers of different shapes are added"),
    (lambda: added(1, 1, 1), Add, nothing, "adds", "registers of different shapes are added"),
    (N["static"], Add, fields(x=0, y=0), "reads codes and codes", "a register of another kind"),
    (N["real"], Add, fields(relu=2), "relu=2", "a flag is not 0 or 1"),
    (N["static"], Pool, fields(x=0), "reads codes", "a register of another kind"),
    (N["candidates"], Pool, fields(bins=0), "0 bins", "bins out of range"),
    (N["candidates"], Pool, fields(bins=9), "9 bins of 8 x 8 pixels", "bins out of range"),
    (lambda: _codes_into(MaxPool), MaxPool, nothing, "reads codes", "a register of another kind"),
    (N["real"], MaxPool, fields(padding=3), "padding of a whole window",
     "padding of a whole window"),
    (N["real"], MaxPool, fields(kernel=4097, padding=0), "kernel 4097",
     "kernel, stride or padding out of range"),
    (N["real"], MaxPool, fields(kernel=0, padding=-1), "kernel 0",
     "kernel, stride or padding out of range"),
    (N["real"], MaxPool, fields(kernel=40), "larger than the image",
     "the window is larger than the image"),
    (N["real"], MaxPool, fields(stride=4097), "stride 4097",
     "kernel, stride or padding out of range"),
    (lambda: _codes_into(Subsample), Subsample, nothing, "reads codes",
     "a register of another kind"),
    (N["real"], Subsample, fields(stride=0), "stride 0", "a stride is out of range"),
    (N["real"], Subsample, fields(stride=4097), "stride 4097", "a stride is out of range"),
    (N["real"], Subsample, fields(before=-1), "-1 and 1 channels of zeros",
     "channels of zeros out of range"),
    (N["real"], Subsample, fields(after=-1), "1 and -1 channels of zeros",
     "channels of zeros out of range"),
    (N["real"], Subsample, fields(after=65536), "65541 channels", "channels out of range"),
    (lambda: _codes_into(Choose), Choose, nothing, "reads codes", "a register of another kind"),
    (lambda: chosen(2, 1), Choose, nothing, r"reads \(3, 2, 1\)", "the values of a plan do not fit it"),
    (lambda: chosen(1, 2), Choose, nothing, r"reads \(3, 1, 2\)", "the values of a plan do not fit it"),
    (second_plan, Choose, nothing, "a second plan", "a second plan"),
    (N["shared"], Choose, fields(shared=2), "shared=2", "a flag is not 0 or 1"),
    (N["shared"], Choose, fields(layers=0), "0 layers", "a plan out of range"),
    (N["shared"], Choose, fields(layers=4097), "4097 layers", "a plan out of range"),
    (N["shared"], Choose, fields(columns=3), "3 columns", "a plan out of range"),
    (N["shared"], Choose, fields(choices=17), "17 candidates", "a plan out of range"),
    (N["shared"], Choose, fields(choices=1), "1 candidates", "a plan out of range"),
    (N["untied"], Choose, fields(layers=2), "needs 12 values",
     "the values of a plan do not fit it"),
    (N["untied"], Quantise, fields(x=6), "reads plan", "a register of another kind"),
]  # fmt: skip
