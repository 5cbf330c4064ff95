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
"""Operations as a table and back; which of them have to run."""

import numpy as np
import pytest

from src.engine.program import OPERATIONS, Add, Conv, Input, Pool
from src.engine.table import FIELDS, as_table, from_table
from tests.engine.programs import NAMED, candidates, random_program, real, step_wise


@pytest.mark.parametrize("name", NAMED)
def test_a_table_gives_its_operations_back(name):
    operations = NAMED[name]().operations
    again = from_table(as_table(operations))
    assert [type(op) for op in again] == [type(op) for op in operations]
    assert [op.numbers for op in again] == [op.numbers for op in operations]
    assert not any(op.arrays for op in again)


def test_a_row_is_the_code_and_the_fields_in_order():
    conv = Conv(7, 16, 8, 3, 2, 1, 4, -1, 5, 6, 8, 1, 40, 0, 99)
    table = as_table([conv, Add(3, 4, -1), Input(32, 24, 8)])
    assert table.shape == (3, FIELDS) and table.dtype == np.int64
    assert table[0].tolist() == [2, 7, 16, 8, 3, 2, 1, 4, -1, 5, 6, 8, 1, 40, 0, 99]
    assert table[1].tolist() == [5, 3, 4, -1, 2**31 - 1] + [0] * (FIELDS - 5)
    assert table[2].tolist() == [0, 32, 24, 8] + [0] * (FIELDS - 4)


def test_codes_are_those_of_the_format():
    names = "Input, Quantise, Conv, Wide, Affine, Add, Pool, MaxPool, Subsample, Choose"
    assert ", ".join(OPERATIONS[code].__name__ for code in range(10)) == names
    assert [op.CODE for op in OPERATIONS.values()] == list(OPERATIONS)


@pytest.mark.parametrize("code", [-1, 10, 2**40])
def test_unknown_codes_are_refused(code):
    table = as_table([Input(1, 1, 0), Pool(0, 1)])
    table[1, 0] = code
    with pytest.raises(ValueError, match=f"operation 1: unknown code {code}"):
        from_table(table)


def test_numbers_left_over_are_refused():
    table = as_table([Input(1, 1, 0), Pool(0, 1)])
    table[1, 3] = 1
    with pytest.raises(ValueError, match="operation 1: Pool has only 2 numbers"):
        from_table(table)


def test_without_a_controller_all_runs_that_the_logits_need():
    program = real()
    assert program.plan_shape is None and program.choosers == [] and program.slots == {}
    assert all(program.needed(True)) and all(program.needed(False))
    program.operations.insert(-1, Pool(0, 1))  # read by nothing
    assert program.needed(False)[-2:] == [False, True]


def test_a_plan_from_outside_spares_the_controller():
    program = candidates()
    kinds = [type(op).__name__ for op in program.operations]
    chooser = kinds.index("Choose")
    assert program.choosers == [chooser] and program.plan_shape == (3, 1, 12)
    assert all(program.needed(False))
    controller = range(chooser - 3, chooser + 1)  # pool, dense, bias, choice
    assert kinds[chooser - 3] == "Pool"
    assert [i for i, runs in enumerate(program.needed(True)) if not runs] == list(controller)


def test_a_plan_from_outside_spares_every_choice():
    program = step_wise()
    assert len(program.choosers) == 3 and program.plan_shape == (4, 2, 3)
    spared = [i for i, runs in enumerate(program.needed(True)) if not runs]
    assert set(spared) == {i - back for i in program.choosers for back in range(4)}
    assert all(program.needed(False))


def test_slots_name_the_dynamic_convolutions():
    program = candidates()
    assert sorted(program.slots) == [0, 1, 2]
    assert all(op.slot == slot for slot, op in program.slots.items())
    assert all(isinstance(op, Conv) for op in program.slots.values())


def test_what_is_needed_is_closed_under_reading():
    for seed in range(50):
        program = random_program(seed)
        for with_plan in (False, True):
            needed = program.needed(with_plan)
            assert needed[-1]
            for runs, op in zip(needed, program.operations, strict=True):
                assert not runs or all(needed[r] for r in op.reads)
