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
"""The integer operations, declared once: what a program (program.py) consists of.

`round_shift(v, r)` is `(v + 2^(r-1)) >> r`, the project's one rounding rule; `clip(v, low, high)` are
the bounds of an activation, or the ends of int32. A layer's width enters as a shift of codes
(`Conv.master`) or as a choice among stored weights.

The fields of an operation are its declaration (declaration.py), their order that of the artefact and
of C++. The semantics are those of oracle.py, which is the definition.
"""

from dataclasses import dataclass

from src.engine.declaration import (
    LARGEST_BITOPS,
    LARGEST_CHANNELS,
    LARGEST_CHOICES,
    LARGEST_LAYERS,
    LARGEST_SIDE,
    Array,
    Operation,
    arrays,
    column,
    flag,
    lower_bound,
    number,
    register,
    shift,
    size,
    slot,
    upper_bound,
)


@dataclass
class Input(Operation):
    """The image: pixel p of channel c becomes table[c, p]."""

    CODE, WRITES = 0, "codes | wide"
    ARRAYS = (Array("table", "int32", (3, 256), "value of each pixel of each channel"),)
    height: int = size(LARGEST_SIDE, "pixels")
    width: int = size(LARGEST_SIDE, "pixels")
    bits: int = number(0, 8, "width of the signed codes, 2..8; 0: wide")
    arrays: dict = arrays()


@dataclass
class Quantise(Operation):
    """clip(round_shift(v multiplier, shift)) to the codes of `bits`.

    One variant, or one for each candidate of `slot`.
    """

    CODE, WRITES = 1, "codes"
    ARRAYS = (
        Array("bits", "int64", ("K",), "width of the codes", 1, 8),
        Array("multiplier", "int32", ("K",), "of each variant", 1 - 2**30, 2**30 - 1),
    )
    x: int = register("wide")
    shift: int = shift()
    signed: int = flag("the codes have a sign")
    slot: int = slot()
    column: int = column("inputs")
    arrays: dict = arrays()


@dataclass
class Conv(Operation):
    """An integer convolution of codes, then one multiply, add and shift per channel.

        acc = sum of child(w) child(x);  s = (master - w bits) + (master - a bits), 0 without master
        y = clip(round_shift((acc << s) multiplier + bias, shift), low, high)

    master > 0: one stored weight, of which (and of the input) a width is a rounding shift; 0: one
    stored weight per candidate. A dense layer is a 1x1 convolution of one pixel.

    With levels, which a static layer without master and odd codes may have, codes are among them and 8
    bits wide, and a file holds their b-bit indices; b is what they cost, as is that of inputs which a
    Bucketise makes.
    """

    CODE = 2
    ARRAYS = (
        Array("bits", "int64", (2, "K"), "widths of weights and of inputs", 1, 8),
        Array("multiplier", "int32", ("R", "1|K", "1|K", "c_out"),
              "by row, weight choice, input choice, channel"),
        Array("bias", "int64", ("R", "1|K", "1|K", "c_out"), "likewise"),
        Array("weight", "int8", ("c_out", "c_in", "kernel", "kernel"),
              "codes; weight.0 alone with a master, else one for each candidate", packed=True),
        Array("levels", "int32", ("L",), "rising, at most 2^b", -128, 127, optional=True),
    )  # fmt: skip
    x: int = register("codes")
    c_out: int = size(LARGEST_CHANNELS, "output channels")
    c_in: int = size(LARGEST_CHANNELS, "input channels of a group")
    kernel: int = size(LARGEST_SIDE, "side of the window")
    stride: int = size(LARGEST_SIDE, "of the window")
    padding: int = size(LARGEST_SIDE, "zeros around", least=0)
    groups: int = size(LARGEST_CHANNELS, "groups of channels")
    slot: int = slot()
    w_column: int = column("weights")
    a_column: int = column("inputs")
    master: int = number(0, 8, "width of the master codes, 2..8; 0: none")
    odd: int = flag("a stored code c stands for 2 c + 1 (DoReFa)")
    shift: int = shift()
    low: int = lower_bound()
    high: int = upper_bound()
    arrays: dict = arrays()


@dataclass
class Wide(Operation):
    """A convolution with int32 weights: round_shift(sum of w x, shift), saturated.

    For what stays float in training: a first or last layer, the controller.
    """

    CODE = 3
    ARRAYS = (Array("weight", "int32", ("c_out", "I", "kernel", "kernel"), "weights"),)
    x: int = register("wide")
    c_out: int = size(LARGEST_CHANNELS, "output channels")
    kernel: int = size(LARGEST_SIDE, "side of the window")
    stride: int = size(LARGEST_SIDE, "of the window")
    padding: int = size(LARGEST_SIDE, "zeros around", least=0)
    groups: int = size(LARGEST_CHANNELS, "groups of channels")
    shift: int = shift(0)
    arrays: dict = arrays()


@dataclass
class Affine(Operation):
    """clip(round_shift(v multiplier + bias, shift), low, high) per channel."""

    CODE = 4
    ARRAYS = (
        Array("multiplier", "int32", ("R", "C"), "by row and channel"),
        Array("bias", "int64", ("R", "C"), "by row and channel"),
    )
    x: int = register("wide")
    shift: int = shift()
    low: int = lower_bound()
    high: int = upper_bound()
    arrays: dict = arrays()


@dataclass
class Add(Operation):
    """clip(x + y, low, high)."""

    CODE = 5
    x: int = register("wide")
    y: int = register("wide")
    low: int = lower_bound()
    high: int = upper_bound()
    arrays: dict = arrays()


@dataclass
class Pool(Operation):
    """Rounded means (C, bins, bins) over the bins floor(i s / b) .. ceil((i+1) s / b)-1."""

    CODE = 6
    x: int = register("wide")
    bins: int = size(LARGEST_SIDE, "along each side")
    arrays: dict = arrays()


@dataclass
class MaxPool(Operation):
    """Maximum over windows; what lies outside the image does not count."""

    CODE = 7
    x: int = register("wide")
    kernel: int = size(LARGEST_SIDE, "side of the window")
    stride: int = size(LARGEST_SIDE, "of the window")
    padding: int = size(LARGEST_SIDE, "around, below the kernel", least=0)
    arrays: dict = arrays()


@dataclass
class Subsample(Operation):
    """Every stride-th pixel, `before` and `after` channels of zeros around."""

    CODE = 8
    x: int = register("wide")
    stride: int = size(LARGEST_SIDE, "of the pixels kept")
    before: int = size(LARGEST_CHANNELS, "channels of zeros in front", least=0)
    after: int = size(LARGEST_CHANNELS, "channels of zeros behind", least=0)
    arrays: dict = arrays()


@dataclass
class Choose(Operation):
    """x (layers columns choices, 1, 1) -> the first largest of each `choices` values, which decide
    the slots slot .. slot + layers - 1 of the plan.

    A program may have any number of them, all of the same columns and choices; every slot is decided
    by one, before the first operation that uses it.
    """

    CODE, WRITES = 9, "plan"
    x: int = register("wide")
    slot: int = number(0, LARGEST_LAYERS - 1, "first layer of the plan decided")
    layers: int = size(LARGEST_LAYERS, "layers decided")
    columns: int = size(2, "of the plan: one choice for weights and inputs, or one for each")
    choices: int = number(2, LARGEST_CHOICES, "candidates of each layer and column")
    shared: int = flag("x holds one layer's values, which serve for all")
    arrays: dict = arrays()


@dataclass
class Budget(Operation):
    """x + round_shift(asked[c] B + spent[c] S, shift) per channel, saturated: for a choice that minds what
    the image may cost, and what its choices have cost so far.

        B = clip(budget - base, 0, range);  S = min(range, sum over j < slot of prices[j, choices of j])

    All in BitOPs. A run may have a budget of its own in place of the stored one, which all operations of a
    program share.
    """

    CODE = 10
    ARRAYS = (
        Array("prices", "int64", ("layers", "K", "1|K"),
              "by layer and choice, or the weights' and the inputs' choice", 0, LARGEST_BITOPS),
        Array("asked", "int32", ("C",), "by channel"),
        Array("spent", "int32", ("C",), "by channel"),
    )  # fmt: skip
    x: int = register("wide")
    slot: int = number(0, LARGEST_LAYERS - 1, "layers of the plan before it have been paid for")
    layers: int = size(LARGEST_LAYERS, "of the plan")
    budget: int = number(0, LARGEST_BITOPS, "of an image, in a run without one of its own")
    base: int = number(0, LARGEST_BITOPS, "what the cheapest plan costs")
    range: int = number(1, LARGEST_BITOPS, "what the dearest plan costs more")
    shift: int = shift()
    arrays: dict = arrays()


@dataclass
class Bucketise(Operation):
    """The level of the last threshold that is at or below v: the nearest of learned levels, where
    thresholds are the midpoints between them.
    """

    CODE, WRITES = 11, "codes"
    ARRAYS = (
        Array("thresholds", "int32", ("L",), "not falling; the first is -2^31"),
        Array("levels", "int32", ("L",), "rising; codes of 8 bits", -128, 255),
    )
    x: int = register("wide")
    signed: int = flag("the codes have a sign")
    arrays: dict = arrays()


OPERATIONS = {
    op.CODE: op
    for op in (
        Input, Quantise, Conv, Wide, Affine, Add, Pool, MaxPool, Subsample, Choose, Budget, Bucketise,
    )
}  # fmt: skip
