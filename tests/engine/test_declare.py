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
"""The C++ header and the documentation are what the declaration gives; the declaration is sound."""

import re
from dataclasses import fields

import numpy as np
import pytest

from src.engine import declare
from src.engine.declaration import DIMENSIONS
from src.engine.operations import OPERATIONS, Quantise
from src.engine.program import Program
from src.engine.structure import array_names, check_numbers
from tests.engine.programs import NAMED, random_program

STALE = "is not what the declaration gives: run python -m src.engine.declare"


def test_the_header_is_current():
    assert declare.HEADER.read_text("utf-8") == declare.header(), f"{declare.HEADER} {STALE}"


def test_the_documentation_is_current():
    text = declare.README.read_text("utf-8")
    assert text == declare.with_documentation(text), f"{declare.README} {STALE}"


def test_a_change_of_the_declaration_is_seen(monkeypatch):
    before = declare.header(), declare.documentation()
    monkeypatch.setattr(Quantise, "ARRAYS", Quantise.ARRAYS[:1])
    assert declare.header() != before[0] and declare.documentation() != before[1]


@pytest.mark.parametrize("kind", OPERATIONS.values(), ids=lambda kind: kind.__name__)
def test_an_operation_is_declared_whole(kind):
    """Every field is a number with a meaning, or the arrays; sides of arrays are known."""
    numbers = kind.declared()
    assert [*numbers, "arrays"] == [f.name for f in fields(kind)]
    assert all(number.low < number.high and number.meaning for number in numbers.values())
    assert re.fullmatch(r"(codes|wide|plan)( \| wide)?", kind.WRITES)
    for array in kind.ARRAYS:
        assert array.meaning and array.low < array.high
        assert all(isinstance(s, int) or s in numbers or s in DIMENSIONS for s in array.shape)
    sides = [side for array in kind.ARRAYS for side in array.shape]
    assert "1|K" not in sides or sides.index("K") < sides.index("1|K")  # K comes from the first


def test_programs_hold_what_is_declared():
    programs: list[Program] = [make() for make in NAMED.values()]
    for program in [*programs, *map(random_program, range(20))]:
        for op in program.operations:
            check_numbers(op)
            names = array_names(op)
            assert sorted(names) == sorted(op.arrays)
            dtypes = {array.name: np.dtype(array.dtype) for array in op.ARRAYS}
            assert all(op.arrays[name].dtype == dtypes[name.split(".")[0]] for name in names)
