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
"""The C++ checker refuses what check.py refuses, and says why; each rule of it has a case here."""

import re

import numpy as np
import pytest

from src import kernels
from src.engine.artefact import parse_artefact
from src.engine.check import ProgramError, check
from src.engine.native import Native
from src.engine.operations import Pool, Quantise
from src.engine.program import Program
from src.errors import UserError
from tests.engine.broken_programs import CASES
from tests.engine.builder import Builder
from tests.engine.changes import moved
from tests.engine.damages import DAMAGES, HEADERS, NOT, SAME
from tests.engine.files import parts_of
from tests.engine.odd_programs import large_image
from tests.engine.programs import NAMED

pytestmark = pytest.mark.skipif(not kernels.available(), reason="no C++ compiler")


@pytest.fixture
def refusal(tmp_path):
    """What the C++ side says of a file."""

    def of(content: bytes) -> str:
        path = tmp_path / "model.safetensors"
        path.write_bytes(content)
        with pytest.raises(UserError, match="is damaged or not one: .*; export it again$") as caught:
            Native(path)
        return re.search("not one: (.*); export it again", str(caught.value))[1]

    return of


@pytest.mark.parametrize(
    "make, kind, change, words, says", [case for case in CASES if case[-1] is not None]
)
def test_a_broken_rule_is_refused(make, kind, change, words, says, refusal):
    program = make()
    change(next(op for op in program.operations if type(op) is kind))
    with pytest.raises(ProgramError) as caught:
        check(program)
    i = re.match(r"operation (\d+)", str(caught.value))[1]  # the same one, unless it is nobody's
    said = refusal(bytes(parts_of(program)))
    if says is SAME:
        assert said == str(caught.value) == f"operation {i} ({kind.__name__}): {words}"
    else:
        assert said in (f"operation {i} ({kind.__name__}): {says}", says)


WHOLE = [
    (lambda p: setattr(p, "rows", 0), "0 rows of statistics; allowed are 1..64"),
    (lambda p: setattr(p, "rows", 65), "65 rows of statistics; allowed are 1..64"),
    (lambda p: p.operations.append(Pool(0, 2)), "the last operation does not give logits"),
    (lambda p: p.operations.append(Quantise(0, 1, 0, -1, 0, arrays={
        "multiplier": np.ones(1, np.int32), "bits": np.ones(1, np.int64)})),
     "the last operation does not give logits"),
    (lambda p: p.operations.append(Quantise(len(p.operations) - 1, 1, 0, -1, 0, arrays={
        "multiplier": np.ones(1, np.int32), "bits": np.ones(1, np.int64)})),
     "the last operation does not give logits"),
    (lambda p: setattr(p.operations[p.choosers[0]], "layers", 4),
     "a slot of the plan has no convolution"),
    (moved, "a slot of the plan is not decided"),
]  # fmt: skip


@pytest.mark.parametrize("change, says", WHOLE)
def test_a_program_that_is_wrong_as_a_whole_is_refused(change, says, refusal):
    program = NAMED["shared"]()
    change(program)
    assert refusal(bytes(parts_of(program))) == says


@pytest.mark.parametrize("sides", [(2, 1), (1, 2)])
def test_logits_are_one_pixel(sides, refusal):
    b = Builder()
    b.subsample(b.image(*sides), 1, 0, 0)
    program = Program(b.operations)
    with pytest.raises(ProgramError, match="does not give logits"):
        check(program)
    assert refusal(bytes(parts_of(program))) == "the last operation does not give logits"


def test_a_slot_is_taken_once(refusal):
    program = NAMED["nested"]()
    for slot in (0, 1):
        program.slots[slot].slot = 2 - slot
    assert refusal(bytes(parts_of(program))).endswith(": a slot is taken twice")


@pytest.mark.parametrize("channels", [5, 6])
def test_memory_of_an_image_is_bounded(channels, refusal, tmp_path):
    content = bytes(parts_of(large_image(channels)))
    if channels == 5:
        (tmp_path / "largest").write_bytes(content)
        assert Native(tmp_path / "largest").memory == 2**29
        return
    assert refusal(content).startswith("an image takes more than 512 MiB")


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_artefact_is_refused(name, refusal):
    damage, words, says = DAMAGES[name]
    parts = parts_of(NAMED["nested"]())
    damage(parts)
    assert refusal(bytes(parts)) == (words if says is SAME else says)


@pytest.mark.parametrize("bit", [0, 1, 4])
def test_a_changed_bit_is_told_as_in_python(bit, refusal):
    content = bytes(parts_of(NAMED["nested"]()))
    for place in (content.index(b"made by"), len(content) - 3, len(content) // 2):
        changed = bytearray(content)
        changed[place] ^= 1 << bit
        with pytest.raises(ValueError) as caught:
            parse_artefact(bytes(changed))
        assert refusal(bytes(changed)) == str(caught.value)
        assert "its content has changed since it was written (checksum" in str(caught.value)


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_that_is_none_is_refused(name, refusal):
    damaged, says = HEADERS[name]
    assert refusal(damaged(parts_of(NAMED["nested"]()))) == NOT + says
