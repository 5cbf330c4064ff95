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
import re
from pathlib import Path

import numpy as np
import pytest

from src.engine import check as rules
from src.engine import structure
from src.engine.check import ProgramError, check
from src.engine.declaration import LARGEST_OPERATIONS
from src.engine.operations import Pool, Quantise
from tests.engine.broken_programs import CASES
from tests.engine.changes import moved
from tests.engine.damages import SAME
from tests.engine.odd_programs import large_image
from tests.engine.programs import NAMED, pixels, random_program
from tests.engine.promises import broken_promises


def refusal(make, kind, change) -> ProgramError:
    program = make()
    change(next(op for op in program.operations if type(op) is kind))
    with pytest.raises(ProgramError) as caught:
        check(program)
    return caught.value


@pytest.mark.parametrize("make, kind, change, words, says", CASES)
def test_a_broken_rule_is_refused(make, kind, change, words, says):
    error = refusal(make, kind, change)
    words = re.escape(words) if says is SAME else words
    operation = make().operations[int(str(error).split()[1])]
    assert type(operation) is kind
    with pytest.raises(ProgramError, match=rf"^operation \d+ \({kind.__name__}\): .*{words}"):
        raise error


@pytest.mark.parametrize("channels", [5, 6])
def test_memory_of_an_image_is_bounded(channels):
    """Registers of 2^24 (3 + channels) int32, of which 2^29 bytes are allowed."""
    if channels == 5:
        assert check(large_image(5))
        return
    with pytest.raises(ProgramError, match=r"operation 1 \(Wide\): an image takes 576 MiB; .*512"):
        check(large_image(6))


def test_a_slot_is_taken_once():
    program = NAMED["nested"]()
    for slot in (0, 1):
        program.slots[slot].slot = 2 - slot
    with pytest.raises(ProgramError, match="slot 2 is taken twice"):
        check(program)


def test_every_rule_has_a_case():
    rule_lines = {
        place for module in (rules, structure) for place in _rules_of(Path(module.__file__))
    }
    seen = {_place_of_the_rule(refusal(*case[:3])) for case in CASES}
    program = NAMED["nested"]()
    program.slots[0].slot = 1
    with pytest.raises(ProgramError) as caught:
        check(program)
    seen.add(_place_of_the_rule(caught.value))
    assert not rule_lines - seen, f"rules that no case breaks: {sorted(rule_lines - seen)}"


def _rules_of(source: Path) -> set[tuple[str, int]]:
    calls = [n for n in ast.walk(ast.parse(source.read_text("utf-8"))) if isinstance(n, ast.Call)]
    named = [n for n in calls if isinstance(n.func, ast.Name) and n.func.id == "need"]
    return {(source.name, n.lineno) for n in named}


def _place_of_the_rule(error: ProgramError) -> tuple[str, int]:
    trace, place = error.__context__.__traceback__, ("", 0)
    while trace.tb_next is not None:
        trace, place = (
            trace.tb_next,
            (Path(trace.tb_frame.f_code.co_filename).name, trace.tb_lineno),
        )
    return place


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
        (lambda p: setattr(p.operations[p.choosers[0]], "layers", 4),
         r"decides the slots \[0, 1, 2, 3\], convolutions use \[0, 1, 2\]; both have to be 0\.\.3"),
        (moved, r"decides the slots \[1, 2, 3\], .* 0\.\.3"),
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
