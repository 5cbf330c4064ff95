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
"""What holds for any artefact: what is written is read again, and damage is one clear line."""

import json
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from src.engine.artefact import load_artefact, save_artefact
from src.engine.notes import parse_notes
from src.engine.oracle import Oracle
from src.engine.table import as_table
from src.errors import UserError
from tests.engine.programs import NAMED, pixels, random_program
from tests.fuzz.mutate import mutated

FEW = settings(max_examples=settings.default.max_examples // 4)  # each writes a file
SEED = st.integers(0, 2**32)
NOTES = st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5) | st.none(), max_size=3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("artefacts")


@FEW
@given(seed=SEED, notes=NOTES)
def test_what_is_written_is_read_and_written_the_same(folder, seed, notes):
    program = random_program(seed)
    program.notes = notes
    try:
        parse_notes(json.dumps(notes))
    except ValueError:  # a key that has a meaning, and not its type
        with pytest.raises(ValueError, match="the notes"):
            save_artefact(program, folder / "refused")
        assert not (folder / "refused").exists()
        return
    save_artefact(program, folder / "one")
    again = load_artefact(folder / "one")
    assert (again.rows, again.notes) == (program.rows, notes)
    np.testing.assert_array_equal(as_table(again.operations), as_table(program.operations))
    for one, other in zip(program.operations, again.operations, strict=True):
        assert one.arrays.keys() == other.arrays.keys()
        for name, array in one.arrays.items():
            assert array.dtype == other.arrays[name].dtype
            np.testing.assert_array_equal(array, other.arrays[name])
    save_artefact(again, folder / "two")
    assert (folder / "one").read_bytes() == (folder / "two").read_bytes()
    image = pixels(program, 1)
    np.testing.assert_array_equal(Oracle(again).run(image)[0], Oracle(program).run(image)[0])


@FEW
@given(name=st.sampled_from(sorted(NAMED)), seed=SEED)
def test_damage_is_one_line_that_names_the_file(folder, name, seed):
    path = folder / "damaged"
    save_artefact(NAMED[name](), path)
    content, rng = path.read_bytes(), random.Random(seed)
    path.write_bytes(mutated(content, rng))
    try:
        load_artefact(path)
    except UserError as error:
        said = str(error)
        assert said.startswith(f"artefact {path} ") and said.endswith("export it again")
        assert "\n" not in said and len(said) < 500 + len(str(path))


@FEW
@given(name=st.sampled_from(sorted(NAMED)), data=st.data())
def test_any_changed_byte_is_seen(folder, name, data):
    """By the checksum, where nothing else sees it."""
    path = folder / "changed"
    save_artefact(NAMED[name](), path)
    content = bytearray(path.read_bytes())
    place, change = data.draw(st.integers(0, len(content) - 1)), data.draw(st.integers(1, 255))
    content[place] ^= change
    path.write_bytes(content)
    with pytest.raises(UserError, match="damaged or not one"):
        load_artefact(path)
