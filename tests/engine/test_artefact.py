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
"""Artefacts come back as they were; whatever is wrong with one is a ValueError, then a UserError."""

import json
import os
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open

from src.engine.artefact import load_artefact, parse_artefact, save_artefact
from src.engine.check import ProgramError, check
from src.engine.operations import Conv
from src.engine.packing import packed_size
from src.engine.program import Program
from src.engine.table import as_table
from src.errors import UserError
from tests.engine.damages import DAMAGES, HEADERS, SAME
from tests.engine.files import parts_of, sealed, with_header
from tests.engine.programs import NAMED, random_program
from tests.full_disk import full_disk

nested, candidates = NAMED["nested"], NAMED["candidates"]


def assert_same(one: Program, other: Program) -> None:
    assert one.rows == other.rows and one.notes == other.notes
    np.testing.assert_array_equal(as_table(one.operations), as_table(other.operations))
    for a, b in zip(one.operations, other.operations, strict=True):
        assert type(a) is type(b) and set(a.arrays) == set(b.arrays)
        for name, array in a.arrays.items():
            assert array.dtype == b.arrays[name].dtype
            np.testing.assert_array_equal(array, b.arrays[name])


def survives(content: bytes) -> bool:
    """Whether the bytes are taken for a program, which then is a valid one. Only a ValueError may
    say that they are not."""
    try:
        program = parse_artefact(content)
    except ValueError:
        return False
    check(program)
    return True


@pytest.mark.parametrize("name", NAMED)
def test_named_programs_come_back(name, tmp_path):
    program = NAMED[name]()
    program.notes = {"layers": {"0": "a"}, "größe": {"x": [1.5, None, True]}}
    save_artefact(program, tmp_path / "model.safetensors")
    assert_same(load_artefact(tmp_path / "model.safetensors"), program)


def test_random_programs_come_back():
    for seed in range(60):
        program = random_program(seed)
        assert_same(parse_artefact(bytes(parts_of(program))), program)


def test_the_file_is_what_the_format_says(tmp_path):
    path = tmp_path / "folder" / "model.safetensors"  # made where it is missing
    program = candidates()
    save_artefact(program, path)
    assert [p.name for p in path.parent.iterdir()] == ["model.safetensors"]
    expected = parts_of(program)
    with safe_open(path, "np") as file:
        assert set(file.keys()) == set(expected.tensors)
        assert json.loads(file.metadata()["notes"]) == program.notes
        for name, array in expected.tensors.items():
            found = file.get_tensor(name)
            if name == "format":
                found = found * [1, 1, 0]  # the checksum has a test of its own
            np.testing.assert_array_equal(found, array)
            assert file.get_tensor(name).dtype == array.dtype
    for i, op in enumerate(program.operations):
        if isinstance(op, Conv):
            for v, bits in enumerate(op.arrays["bits"][0]):
                count = op.c_out * op.c_in * op.kernel**2
                assert expected.tensors[f"{i}.weight.{v}"].shape == (packed_size(count, bits),)


def test_an_artefact_is_on_the_disk_before_it_is_in_place(tmp_path, monkeypatch):
    path, seen = tmp_path / "model.safetensors", []
    sync = os.fsync

    def recorded(handle: int) -> None:
        sync(handle)
        seen.append((path.exists(), os.fstat(handle).st_size))

    monkeypatch.setattr(os, "fsync", recorded)
    save_artefact(nested(), path)
    assert (False, path.stat().st_size) in seen


def test_a_program_that_breaks_a_rule_is_not_written(tmp_path):
    program = nested()
    program.rows = 2
    with pytest.raises(ProgramError):
        save_artefact(program, tmp_path / "model.safetensors")
    assert not list(tmp_path.iterdir())


def test_every_truncation_is_refused():
    content = bytes(parts_of(nested()))
    assert survives(content)
    for length in [*range(0, 300), *range(300, len(content), 37), len(content) - 1]:
        assert not survives(content[:length]), length
    assert not survives(content + b"\0")


def test_flipped_bits_under_a_checksum_give_an_error_or_a_valid_program():
    content, rng = bytes(parts_of(candidates())), np.random.default_rng(0)
    taken = 0
    for _ in range(400):
        damaged = bytearray(content)
        for place in rng.integers(0, len(content), rng.integers(1, 4)):
            damaged[place] ^= 1 << int(rng.integers(8))
        assert bytes(damaged) == content or not survives(bytes(damaged))
        taken += survives(sealed(bytes(damaged)))
    assert 0 < taken < 400


@settings(deadline=None, max_examples=300)
@given(header=st.binary(max_size=200), data=st.binary(max_size=50))
def test_arbitrary_bytes_are_refused(header, data):
    assert not survives(header) and not survives(with_header(header, data))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=10), inner),
    max_leaves=8,
)
ENTRY = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from(["I64", "U8", "F32", "BF16", "F8_E4M3", "F4", "C64", "X"]) | JSON,
        "shape": st.lists(st.integers(-1, 2**65), max_size=5) | JSON,
        "data_offsets": st.lists(st.integers(-1, 2**65), max_size=3) | JSON,
    }
)


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_headers_of_other_shapes_are_refused(data):
    parts = parts_of(nested())
    name = data.draw(st.sampled_from([*parts.tensors, "__metadata__", "extra"]))
    entry = parts.header[name] = data.draw(ENTRY | JSON)
    is_metadata = name == "__metadata__" and (
        entry is None
        or (isinstance(entry, dict) and all(isinstance(value, str) for value in entry.values()))
    )
    assert survives(bytes(parts)) == is_metadata


@pytest.mark.parametrize("name", DAMAGES)
def test_what_is_wrong_is_named(name, tmp_path):
    damage, words, says = DAMAGES[name]
    words = re.escape(words) if says is SAME else words
    parts = parts_of(nested())
    damage(parts)
    with pytest.raises(ValueError, match=words):
        parse_artefact(bytes(parts))
    path = tmp_path / "model.safetensors"
    path.write_bytes(bytes(parts))
    with pytest.raises(UserError, match=rf"model.safetensors is damaged.*{words}.*export it again"):
        load_artefact(path)


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_that_is_none_is_refused(name):
    assert not survives(HEADERS[name][0](parts_of(nested())))


def test_a_tensor_name_of_endless_digits():
    parts = parts_of(nested())
    parts.tensors["9" * 5000 + ".x"] = np.ones(1, np.int8)
    assert not survives(bytes(parts))


@pytest.mark.parametrize("value", [2**31 + 1, 2**40, 2**63 - 1, -(2**31) - 1, -(2**63)])
def test_absurd_fields_are_refused_before_anything_is_made(value):
    parts = parts_of(candidates())
    table = parts.tensors["program"]
    for i, j in np.ndindex(*table.shape):
        parts.tensors["program"] = table.copy()
        parts.tensors["program"][i, j] = value
        assert not survives(bytes(parts)), (i, j)


# What a field may be without harm, in some operation of the program below.
HARMLESS = {
    0: {"signed", "slot", "column", "w_column", "a_column", "odd", "padding", "master", "x", "y",
        "shared", "shift", "bits", "low", "high"},
    -1: {"low", "high"},
    2**31: set(),
}  # fmt: skip


@pytest.mark.parametrize("value", HARMLESS)
def test_fields_at_the_ends_of_their_range_are_refused_where_they_mean_something(value):
    program = candidates()
    parts = parts_of(program)
    table = parts.tensors["program"]
    for i, j in np.ndindex(*table.shape):
        parts.tensors["program"] = table.copy()
        parts.tensors["program"][i, j] = value
        names = ["code", *program.operations[i].declared()]
        name = names[j] if j < len(names) else "left over"
        if table[i, j] != value and name not in HARMLESS[value]:
            assert not survives(bytes(parts)), (i, name)


@pytest.mark.parametrize("shape", [[2**62, 4], [0, 2**63], [2**64], [1] * 70, [-1], [0], [2.5], 3])
@pytest.mark.parametrize("name", ["program", "0.table", "8.weight.0"])
def test_absurd_shapes_are_refused(name, shape):
    parts = parts_of(nested())
    for span in ([0, 0], [0, 8], [2**63, 2**64 - 1]):
        entry = {"dtype": "I64", "shape": shape, "data_offsets": span}
        parts.header[name] = entry
        assert not survives(bytes(parts))


@pytest.mark.parametrize(
    "notes, words",
    [
        ("[" * 100_000, "nested too deeply"),
        ('{"a":' * 100_000, "nested too deeply"),
        ("[]", "not a JSON object"),
        ("{", "Expecting"),
        ("1" * 5000, "digits"),
        ("", "Expecting"),
    ],
)
def test_notes_that_are_none(notes, words):
    parts = parts_of(nested())
    parts.notes = notes
    with pytest.raises(ValueError, match=words):
        parse_artefact(bytes(parts))


def test_notes_may_be_missing():
    for entry in (None, {}, {"other": "x"}):
        parts = parts_of(nested())
        parts.header["__metadata__"] = entry
        assert parse_artefact(bytes(parts)).notes == {}


def test_what_is_no_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "missing", tmp_path, tmp_path / "pipe", tmp_path / ("x" * 300)):
        with pytest.raises(UserError, match=str(path)[-20:]):
            load_artefact(path)


def test_a_file_that_is_too_large_is_refused_unread(tmp_path):
    path = tmp_path / "model.safetensors"
    with path.open("wb") as file:
        file.truncate(2**31 + 1)
    with pytest.raises(UserError, match="larger than"):
        load_artefact(path)


def test_an_artefact_that_cannot_be_written_is_refused(tmp_path):
    taken = tmp_path / "file"
    taken.touch()
    (tmp_path / "directory").mkdir()
    for path in (taken / "model", tmp_path / "directory", tmp_path / ("x" * 300)):
        with pytest.raises(UserError, match="could not be written"):
            save_artefact(nested(), path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["directory", "file"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_directory_without_rights_is_refused(tmp_path):
    for rights in (0o500, 0o000):
        tmp_path.chmod(rights)
        try:
            with pytest.raises(UserError, match="could not be written"):
                save_artefact(nested(), tmp_path / "model")
        finally:
            tmp_path.chmod(0o700)


def test_a_full_disk_leaves_the_old_artefact(tmp_path):
    path = tmp_path / "model.safetensors"
    save_artefact(nested(), path)
    before = path.read_bytes()
    with full_disk(1000), pytest.raises(UserError, match="could not be written"):
        save_artefact(candidates(), path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["model.safetensors"]
