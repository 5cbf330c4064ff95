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
"""Every rule of check.py refuses what breaks it, naming the operation; valid programs pass."""

import ast
from pathlib import Path

import numpy as np
import pytest

from src.engine import check as rules
from src.engine.check import LARGEST_OPERATIONS, ProgramError, check
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
from tests.engine.programs import NAMED, pixels, random_program
from tests.engine.promises import broken_promises


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


def narrow(a):
    return a[..., :-1]


def both(*changes):
    return lambda op: [change(op) for change in changes]


def nothing(op):
    pass


def two_images() -> Program:
    b = Builder()
    b.image(6)
    return b.logits(b.image(6, 7))


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


def large_image(channels: int, sums: int = 0) -> Program:
    b = Builder()
    x = b.wide(b.image(4096), channels, 1, 1, 0)
    for _ in range(sums):
        b.add(x, x)
    return b.logits(x)


N = NAMED
CASES = [
    (N["static"], Conv, fields(slot=-2), r"not all in -1\.\."),
    (N["static"], Conv, fields(w_column=2**31 + 1), r"not all in -1\.\."),
    (N["real"], Pool, fields(x=-1), "register -1 is not written before it"),
    (N["real"], Pool, fields(x=7), "register 7 is not written before it"),
    (N["real"], Add, lambda op: op.arrays.update(x=np.zeros(1, np.int32)), r"no arrays \['x'\]"),
    (N["candidates"], Conv, lambda op: op.arrays.update({"weight.12": op.arrays["weight.0"]}),
     r"no arrays \['weight.12'\]"),
    (lambda: large_image(16, 4), Add, nothing, "values in registers"),
    # Input
    (N["real"], Input, fields(height=0), "image of 0 x 9"),
    (N["real"], Input, fields(width=4097), "image of 7 x 4097"),
    (two_images, Input, nothing, r"image of \(6, 7\)"),
    (N["real"], Input, fields(bits=1), "codes of 1 bits"),
    (N["real"], Input, drop("table"), "no array 'table'"),
    (N["real"], Input, array("table", lambda a: a.astype(np.int64)), "table is int64"),
    (N["real"], Input, array("table", lambda a: a.astype(">i4")), "table is >i4"),
    (N["real"], Input, array("table", narrow), r"table is int32 \(3, 255\)"),
    (N["static"], Input, array("table", filled(128)), "table leaves the codes"),
    (N["static"], Input, array("table", filled(-129)), "table leaves the codes"),
    # Quantise
    (N["static"], Quantise, fields(x=0), "reads codes"),
    (N["static"], Quantise, fields(shift=0), "shift 0"),
    (N["static"], Quantise, fields(shift=63), "shift 63"),
    (N["static"], Quantise, fields(signed=2), "signed=2"),
    (N["static"], Quantise, fields(slot=0), "comes before the plan"),
    (N["candidates"], Quantise, fields(slot=3), "slot 3 of 3"),
    (N["candidates"], Quantise, fields(column=1), r"columns \(1,\) of 1"),
    (N["candidates"], Quantise, fields(column=-1), r"columns \(-1,\) of 1"),
    (N["candidates"], Quantise, fields(slot=-1), "several variants and no slot"),
    (N["candidates"], Quantise, both(array("bits", narrow), array("multiplier", narrow)),
     "11 candidates, the plan has 12"),
    (N["candidates"], Quantise, array("bits", repeated), "17 variants"),
    (N["candidates"], Quantise, array("bits", lambda a: a[:0]), "bits is empty"),
    (N["candidates"], Quantise, array("multiplier", narrow), r"multiplier is int32 \(11,\)"),
    (N["static"], Quantise, array("multiplier", filled(2**30)), "2\\^30 or more"),
    (N["static"], Quantise, array("multiplier", filled(-(2**31))), "2\\^30 or more"),
    (N["static"], Quantise, array("bits", filled(9)), r"codes of \[9\] bits"),
    (N["static"], Quantise, array("bits", filled(0)), r"codes of \[0\] bits"),
    # Conv
    (N["nested"], Conv, fields(x=0), "reads wide"),
    (N["nested"], Conv, fields(odd=2), "odd=2"),
    (N["nested"], Conv, fields(relu=-1), "relu=-1"),
    (N["nested"], Conv, fields(shift=0), "shift 0"),
    (N["nested"], Conv, array("bits", lambda a: a[:1]), r"bits is int64 \(1, 3\)"),
    (N["nested"], Conv, array("bits", lambda a: a.astype(np.int32)), "bits is int32"),
    (N["nested"], Conv, drop("bits"), "no array 'bits'"),
    (N["nested"], Conv, array("bits", repeated), "17 candidates"),
    (N["nested"], Conv, fields(slot=-1), "several candidates and no slot"),
    (N["nested"], Conv, fields(slot=3), "slot 3 of 3"),
    (N["nested"], Conv, fields(w_column=1), r"columns \(1, 0\) of 1"),
    (N["nested"], Conv, array("bits", lambda a: a[:, :1]), "1 candidates, the plan has 3"),
    (N["nested"], Conv, array("bits", filled(9)), "widths .*9"),
    (N["nested"], Conv, array("bits", filled(0)), "widths .*0"),
    (N["nested"], Conv, fields(groups=0), "0 groups"),
    (N["nested"], Conv, fields(c_out=0), "0 channels"),
    (N["nested"], Conv, fields(c_out=65537), "65537 channels"),
    (N["nested"], Conv, fields(groups=3), "3 groups of 4 and 4 channels"),
    (N["nested"], Conv, fields(kernel=0), "kernel 0"),
    (N["nested"], Conv, fields(kernel=4097), "kernel 4097"),
    (N["nested"], Conv, fields(stride=0), "stride 0"),
    (N["nested"], Conv, fields(padding=-1), "padding -1"),
    (N["nested"], Conv, fields(kernel=11), "larger than the image"),
    (N["nested"], Conv, fields(padding=4096), "padding 4096: too large"),
    (N["nested"], Conv, fields(c_in=3), "3 channels a group"),
    (N["nested"], Conv, fields(master=1), "master of 1 bits"),
    (N["nested"], Conv, fields(master=-1), "master of -1 bits"),
    (N["nested"], Conv, fields(master=7), "not of the master's width"),
    (N["nested_static"], Conv, fields(odd=1), "odd ones"),
    (N["nested"], Conv, array("bits", filled(1)), "less than 2 bits"),
    (N["nested_untied"], Conv, array("bits", filled(7)), "above the master's"),
    (N["nested"], Conv, drop("weight.0"), "no array 'weight.0'"),
    (N["candidates"], Conv, drop("weight.11"), "no array 'weight.11'"),
    (N["nested"], Conv, array("weight.0", lambda a: a.astype(np.int16)), "weight.0 is int16"),
    (N["nested"], Conv, array("weight.0", narrow), r"weight.0 is int8 \(4, 4, 3, 2\)"),
    (N["odd"], Conv, array("weight.0", filled(1)), "weights beyond 1 bits"),
    (N["nested"], Conv, array("multiplier", np.ravel), "multiplier has the wrong shape"),
    (N["nested"], Conv, array("multiplier", lambda a: np.repeat(a, 3, 2)), "multiplier has the"),
    (N["untied"], Conv, array("multiplier", lambda a: a[:, :, :2]), "multiplier has the wrong"),
    (N["rows"], Conv, array("multiplier", lambda a: a[:2]), r"multiplier is int32 \(2, 1"),
    (N["untied"], Conv, array("multiplier", lambda a: a[:, :2]), r"multiplier is int32 \(1, 2"),
    (N["rows"], Conv, array("bias", lambda a: a[:2]), r"bias is int64 \(2, 4\)"),
    (N["rows"], Conv, drop("bias"), "no array 'bias'"),
    (long_sum, Conv, array("weight.0", filled(-128)), "may leave int32"),
    (N["nested"], Conv, array("bias", filled(2**62)), "multiplier and bias may leave"),
    (N["nested"], Conv, array("bias", filled(-(2**63))), "multiplier and bias may leave"),
    # Wide
    (N["static"], Wide, fields(x=0), "reads codes"),
    (N["real"], Wide, fields(shift=-1), "shift -1"),
    (N["real"], Wide, fields(shift=63), "shift 63"),
    (N["real"], Wide, array("weight", narrow), r"weight is int32 \(4, 3, 3, 2\)"),
    (N["real"], Wide, array("weight", filled(2**27)), "a sum of weights leaves int32"),
    (N["real"], Wide, array("weight", filled(-(2**31))), "a sum of weights leaves int32"),
    (N["real"], Wide, fields(stride=1, padding=4095), "8195 x 8197 pixels"),
    (lambda: large_image(17), Wide, nothing, "a register of"),
    # Affine
    (N["static"], Affine, fields(x=0), "reads codes"),
    (N["real"], Affine, fields(relu=3), "relu=3"),
    (N["real"], Affine, fields(shift=0), "shift 0"),
    (N["real"], Affine, array("multiplier", narrow), r"multiplier is int32 \(1, 3\)"),
    (N["real"], Affine, array("bias", lambda a: a.astype(np.int32)), "bias is int32"),
    (N["real"], Affine, array("multiplier", filled(-(2**31))), "multiplier and bias may leave"),
    # the others
    (N["static"], Add, fields(x=0), "reads codes and wide"),
    (N["static"], Add, fields(y=2), "reads wide and codes"),
    (N["real"], Add, fields(y=0), "adds"),
    (N["real"], Add, fields(relu=2), "relu=2"),
    (N["static"], Pool, fields(x=0), "reads codes"),
    (N["candidates"], Pool, fields(bins=0), "0 bins"),
    (N["candidates"], Pool, fields(bins=9), "9 bins of 8 x 8 pixels"),
    (lambda: _codes_into(MaxPool), MaxPool, nothing, "reads codes"),
    (N["real"], MaxPool, fields(padding=3), "padding of a whole window"),
    (N["real"], MaxPool, fields(stride=4097), "stride 4097"),
    (lambda: _codes_into(Subsample), Subsample, nothing, "reads codes"),
    (N["real"], Subsample, fields(stride=0), "stride 0"),
    (N["real"], Subsample, fields(before=-1), "-1 and 1 channels of zeros"),
    (N["real"], Subsample, fields(after=65536), "65541 channels"),
    (lambda: _codes_into(Choose), Choose, nothing, "reads codes"),
    (second_plan, Choose, nothing, "a second plan"),
    (N["shared"], Choose, fields(shared=2), "shared=2"),
    (N["shared"], Choose, fields(layers=0), "0 layers"),
    (N["shared"], Choose, fields(layers=4097), "4097 layers"),
    (N["shared"], Choose, fields(columns=3), "3 columns"),
    (N["shared"], Choose, fields(choices=1), "1 candidates"),
    (N["untied"], Choose, fields(layers=2), "needs 12 values"),
    (N["untied"], Quantise, fields(x=6), "reads plan"),
]  # fmt: skip


def _codes_into(kind: type) -> Program:
    b = Builder()
    x = b.image(6, bits=4)
    {MaxPool: b.max_pool, Subsample: b.subsample, Choose: lambda x: None}[kind](x)
    if kind is Choose:
        b.operations.append(Choose(x, 1, 1, 2, 0))
    return Program(b.operations)


def refusal(make, kind, change) -> ProgramError:
    program = make()
    change(next(op for op in program.operations if type(op) is kind))
    with pytest.raises(ProgramError) as caught:
        check(program)
    return caught.value


@pytest.mark.parametrize("make, kind, change, words", CASES)
def test_a_broken_rule_is_refused(make, kind, change, words):
    error = refusal(make, kind, change)
    operation = make().operations[int(str(error).split()[1])]
    assert type(operation) is kind
    with pytest.raises(ProgramError, match=rf"^operation \d+ \({kind.__name__}\): .*{words}"):
        raise error


def test_a_slot_is_taken_once():
    program = NAMED["nested"]()
    for slot in (0, 1):
        program.slots[slot].slot = 2 - slot
    with pytest.raises(ProgramError, match="slot 2 is taken twice"):
        check(program)


def test_every_rule_has_a_case():
    source = Path(rules.__file__)
    calls = [n for n in ast.walk(ast.parse(source.read_text("utf-8"))) if isinstance(n, ast.Call)]
    lines = {n.lineno for n in calls if isinstance(n.func, ast.Name) and n.func.id == "_need"}
    seen = {_line_of_the_rule(refusal(*case[:3])) for case in CASES}
    program = NAMED["nested"]()
    program.slots[0].slot = 1
    with pytest.raises(ProgramError) as caught:
        check(program)
    seen.add(_line_of_the_rule(caught.value))
    assert not lines - seen, f"lines of {source.name} that no case breaks: {sorted(lines - seen)}"


def _line_of_the_rule(error: ProgramError) -> int:
    trace, line = error.__context__.__traceback__, 0
    while trace.tb_next is not None:
        trace, line = trace.tb_next, trace.tb_lineno
    return line


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda p: setattr(p, "rows", 0), "0 rows"),
        (lambda p: setattr(p, "rows", 65), "65 rows"),
        (lambda p: p.operations.clear(), "0 operations"),
        (lambda p: p.operations.extend(p.operations[:1] * LARGEST_OPERATIONS), "operations; "),
        (lambda p: p.operations.append(Pool(0, 2)), "does not give logits"),
        (lambda p: p.operations.append(Quantise(0, 1, 0, -1, 0, arrays={
            "multiplier": np.ones(1, np.int32), "bits": np.ones(1, np.int64)})), "logits"),
        (lambda p: p.operations.__delitem__(slice(3, None)), "does not give logits"),
        (lambda p: setattr(p.operations[p.chooser], "layers", 4), r"slots \[0, 1, 2\] are not"),
    ],
)  # fmt: skip
def test_a_program_that_is_wrong_as_a_whole_is_refused(change, words):
    program = NAMED["shared"]()
    change(program)
    with pytest.raises(ProgramError, match=words):
        check(program)


@pytest.mark.parametrize("name", NAMED)
def test_valid_programs_pass_and_keep_their_promises(name):
    program = NAMED[name]()
    assert len(check(program)) == len(program.operations)
    for image in pixels(program, 2):
        for row in range(program.rows):
            assert not broken_promises(program, image, row=row)


def test_random_programs_pass_and_keep_their_promises():
    for seed in range(100):
        program = random_program(seed)
        assert not broken_promises(program, pixels(program, 1)[0]), f"random_program({seed})"


def test_a_register_tells_kind_shape_and_codes():
    registers = check(NAMED["nested_untied"]())
    kinds = {r.kind for r in registers}
    assert kinds == {"wide", "codes", "plan"}
    plan = next(r for r in registers if r.kind == "plan")
    assert plan.shape == (3, 2, 3)
    codes = next(r for r in registers if r.kind == "codes")
    assert (codes.shape, codes.bits, codes.signed) == ((4, 8, 8), 6, 0)
