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
"""Operations as a table and back; files of version 1 give the same program as they did."""

import numpy as np
import pytest

from src import kernels
from src.engine.artefact import format_version, load_artefact, parse_artefact, save_artefact
from src.engine.native import Native
from src.engine.operations import OPERATIONS, Add, Conv, Input, Pool
from src.engine.oracle import Oracle
from src.engine.table import FIELDS, FIELDS_1, as_table, from_table, from_table_1
from src.errors import UserError
from tests.engine.files import parts_of, parts_of_1
from tests.engine.programs import NAMED, pixels
from tests.project.files import ROOT

NATIVE = pytest.mark.skipif(not kernels.available(), reason="no C++ compiler")
FIXTURE = (
    ROOT / "tests" / "engine" / "version_1.safetensors"
)  # `untied`, by the last version-1 code
OLD = ("real", "static", "odd", "nested_static", "candidates", "untied", "shared", "nested",
       "nested_untied", "rows")  # fmt: skip


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
    names = "Input, Quantise, Conv, Wide, Affine, Add, Pool, MaxPool, Subsample, Choose, Budget, Bucketise"
    assert ", ".join(OPERATIONS[code].__name__ for code in range(12)) == names
    assert [op.CODE for op in OPERATIONS.values()] == list(OPERATIONS)


@pytest.mark.parametrize("code", [-1, 12, 2**40])
def test_unknown_codes_are_refused(code):
    table = as_table([Input(1, 1, 0), Pool(0, 1)])
    table[1, 0] = code
    for convert in (from_table, lambda t: from_table_1(t[:, :FIELDS_1])):
        with pytest.raises(ValueError, match=f"operation 1: unknown code {code}"):
            convert(table)


def test_numbers_left_over_are_refused():
    table = as_table([Input(1, 1, 0), Pool(0, 1)])
    table[1, 3] = 1
    with pytest.raises(ValueError, match="operation 1: Pool has only 2 numbers"):
        from_table(table)


def test_a_row_of_version_1_has_a_flag_for_the_activation():
    old = np.zeros((3, FIELDS_1), np.int64)
    old[0, :4] = [5, 3, 4, 1]
    old[1, :4] = [4, 3, 20, 0]
    old[2, :6] = [9, 5, 3, 1, 4, 1]
    add, affine, choose = from_table(from_table_1(old))
    assert add.numbers == [3, 4, 0, 2**31 - 1]
    assert affine.numbers == [3, 20, -(2**31), 2**31 - 1]
    assert choose.numbers == [5, 0, 3, 1, 4, 1]


@pytest.mark.parametrize("name", OLD)
def test_a_file_of_version_1_gives_the_same_program(name):
    program = NAMED[name]()
    one, two = (parse_artefact(bytes(parts(program))) for parts in (parts_of_1, parts_of))
    np.testing.assert_array_equal(as_table(one.operations), as_table(two.operations))
    for a, b in zip(one.operations, two.operations, strict=True):
        assert a.arrays.keys() == b.arrays.keys()
        for key, array in a.arrays.items():
            np.testing.assert_array_equal(array, b.arrays[key])


@NATIVE
@pytest.mark.parametrize("name", OLD)
def test_the_native_engine_runs_a_file_of_version_1(name, tmp_path):
    program = NAMED[name]()
    path = tmp_path / "model.safetensors"
    path.write_bytes(bytes(parts_of_1(program)))
    engine, images = Native(path), pixels(program, 2)
    for row in range(program.rows):
        logits, plan = Oracle(program).run(images, None, row)
        found = engine.run(images, None, row)
        np.testing.assert_array_equal(found[0], logits)
        assert plan is None or np.array_equal(found[1], plan)


def test_a_file_that_was_written_by_version_1_gives_its_answers(tmp_path):
    program = load_artefact(FIXTURE)
    images, notes = pixels(program, 2), program.notes
    engines = [Oracle(program), *([Native(FIXTURE)] if kernels.available() else [])]
    for engine in engines:
        logits, plan = engine.run(images)
        assert (logits.tolist(), plan.tolist()) == (notes["logits"], notes["plan"])
    assert format_version(FIXTURE) == 1
    save_artefact(program, tmp_path / "model")
    assert format_version(tmp_path / "model") == 2


DAMAGES = {
    "relu 2": (2, 2, 3, "relu 2; allowed are 0..1"),
    "relu -1": (8, -1, 14, "relu -1; allowed are 0..1"),
    "a code": (4, 99, 0, "operation 4: unknown code 99"),
    "a number too many": (6, 1, 6, "Choose has only 6 numbers"),
    "a bias": (8, None, None, r"bias is int64 \(2, 1, 1, 2\)"),
    "sixteen numbers": (None, None, None, "no program"),
    "a format of three": (None, 1, None, "no format of version 1"),
}


@NATIVE
@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_file_of_version_1_is_refused(name, tmp_path):
    i, value, field, words = DAMAGES[name]
    parts = parts_of_1(NAMED["nested"]())
    table = parts.tensors["program"]
    if field is not None:
        table[i, field] = value
    elif i is not None:
        parts.tensors[f"{i}.bias"] = parts.tensors[f"{i}.bias"].reshape(2, -1)
    elif value is None:
        parts.tensors["program"] = np.pad(table, ((0, 0), (0, 1)))
    else:
        parts.tensors["format"] = np.array([1, 1, 0])
    path = tmp_path / "model.safetensors"
    path.write_bytes(bytes(parts))
    for load in (load_artefact, Native):
        with pytest.raises(UserError, match=words):
            load(path)
