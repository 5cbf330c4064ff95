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
"""Escalation: every engine gives what running the rungs by hand gives; ladders of other networks."""

import json
from dataclasses import replace

import numpy as np
import pytest

from src import kernels
from src.cost.ladder import Ladder, Row, climb, fit, margin_of
from src.engine import oracle
from src.engine.artefact import load_artefact, save_artefact
from src.engine.count import cost_of
from src.engine.native import Native
from src.engine.operations import Conv
from src.engine.oracle import Oracle
from src.engine.plans import Cap
from src.engine.program import Program
from src.engine.rungs import Rungs, ladder_of, pass_costs, pick, rungs_of
from src.errors import UserError
from tests.engine import programs
from tests.engine.builder import Builder

COUNT = 12
WIDTHS = (2, 4, 8)
MADE = {name: programs.NAMED[name] for name in ("nested", "untied", "minding")}


def quantised_stem() -> Program:
    """A first layer of 8 bits, and statistics of each width; the notes say which row is whose."""
    b = Builder(20, rows=3)
    x = b.conv(b.image(8, bits=8), 4, w_bits=(8,), a_bits=(8,), relu=1)
    for table in (b.operations[x].arrays[name] for name in ("multiplier", "bias")):
        table[:] = table[:1]
    b.controller(x, layers=2)
    x = b.add(b.dynamic(x, 4, master=8), x, relu=1)
    program = b.logits(b.dynamic(x, 4, master=8))
    program.notes = {"rows_of_choices": [2, 0, 1]}
    return program


MADE["quantised_stem"] = quantised_stem


def by_hand(engine, images, rungs: Rungs):
    """(logits of all rungs (R, N, classes), margins (R, N)), each pass run for all images."""
    logits = np.stack([
        engine.run(images, np.repeat(plan[None], len(images), 0), int(row))[0]
        for plan, row in zip(rungs.plans, rungs.rows, strict=True)
    ])  # fmt: skip
    return logits, np.stack([margin_of(one) for one in logits])


def with_thresholds(program: Program, images) -> Rungs:
    """Rungs that part the images: some end at each."""
    margins = by_hand(Oracle(program), images, rungs_of(program, WIDTHS))[1]
    first = int(np.sort(margins[0])[COUNT // 2])
    second = int(np.sort(margins[1][margins[0] < first])[COUNT // 4])
    return rungs_of(program, WIDTHS, (first, second))


def ladder(program: Program, images) -> Ladder:
    """One for a program, as if the class of an image were that of its widest answer."""
    logits, margins = by_hand(Oracle(program), images, rungs_of(program, WIDTHS))
    right = logits.argmax(2) == logits[-1].argmax(1)
    return fit(WIDTHS, *pass_costs(program, WIDTHS), margins, right).as_integers(0)


@pytest.fixture(scope="module", params=MADE)
def case(request):
    program = MADE[request.param]()
    images = programs.pixels(program, COUNT)
    return program, images, with_thresholds(program, images)


def test_the_oracle_is_running_the_rungs_by_hand(case):
    program, images, rungs = case
    logits, margins = by_hand(Oracle(program), images, rungs)
    ends = climb(margins, tuple(rungs.thresholds.tolist()))
    assert set(ends.tolist()) == {0, 1, 2}
    found = Oracle(program).climb(images, rungs)
    np.testing.assert_array_equal(found[1], ends)
    np.testing.assert_array_equal(found[0], logits[ends, np.arange(COUNT)])


@pytest.mark.skipif(not kernels.available(), reason="no C++ compiler")
@pytest.mark.parametrize("threads", [1, 2])
def test_the_native_engine_is_the_oracle(case, threads, tmp_path, monkeypatch):
    program, images, rungs = case
    save_artefact(program, tmp_path / "model.safetensors")
    engine, before = Native(tmp_path / "model.safetensors"), kernels.threads()
    kernels.set_threads(threads)
    try:
        for batch in (1, 1000):  # images of a call
            monkeypatch.setattr(engine._library, "dq_program_batch", lambda handle: batch)  # noqa: B023
            for found, expected in zip(
                engine.climb(images, rungs), Oracle(program).climb(images, rungs), strict=True
            ):
                np.testing.assert_array_equal(found, expected)
        plain = engine.run(images)[0]  # registers that a climb left do not disturb what follows
        np.testing.assert_array_equal(plain, Oracle(program).run(images)[0])
    finally:
        kernels.set_threads(before)


@pytest.mark.skipif(not kernels.available(), reason="no C++ compiler")
def test_the_native_engine_refuses_rungs_that_do_not_fit(tmp_path):
    program = programs.nested()
    save_artefact(program, tmp_path / "model.safetensors")
    engine, images = Native(tmp_path / "model.safetensors"), programs.pixels(program, 1)
    rungs = rungs_of(program, WIDTHS, (1, 1))
    for wrong in (replace(rungs, plans=rungs.plans + 1), replace(rungs, rows=rungs.rows - 1),
                  replace(rungs, rows=rungs.rows + 2**40)):  # fmt: skip
        with pytest.raises(ValueError, match="out of range"):
            engine.climb(images, wrong)
    with pytest.raises(ValueError, match="plan"):
        engine.climb(images, replace(rungs, plans=rungs.plans[:, 1:]))


def test_what_passes_have_in_common_runs_once(monkeypatch):
    program, ran = programs.nested(), []

    def counted(run):
        return lambda op, *inputs: ran.append(id(op)) or run(op, *inputs)

    monkeypatch.setattr(oracle, "_RUN", {kind: counted(run) for kind, run in oracle._RUN.items()})
    rungs = rungs_of(program, WIDTHS, (2**40, 2**40))
    Oracle(program).climb(programs.pixels(program, 1), rungs)
    passes = [ran.count(id(op)) for op in program.operations]
    dynamic = next(i for i, op in enumerate(program.operations) if isinstance(op, Conv))
    assert program.steady == dynamic  # the stem, and the codes of the first dynamic layer's input
    for i, (count, needed) in enumerate(zip(passes, program.needed(True), strict=True)):
        assert count == (0 if not needed else 1 if i < program.steady else 3)


def test_rows_of_statistics_change_a_static_layer():
    program = programs.rows()
    assert program.steady == 2  # the image and the stem's convolution; its normalisation has rows
    for op in program.operations:
        for name in ("multiplier", "bias"):
            if name in op.arrays and len(op.arrays[name]) == 3:
                op.arrays[name][:] = op.arrays[name][:1]
    assert program.steady == next(
        i for i, op in enumerate(program.operations) if isinstance(op, Conv)
    )
    assert programs.static().steady == len(programs.static().operations)


def test_every_pass_is_counted_and_what_is_kept_once():
    program = quantised_stem()
    stem, *dynamic = cost_of(program).layers[:3]
    costs, again = pass_costs(program, WIDTHS)
    for bits, cost, later in zip(WIDTHS, costs, again, strict=True):
        assert later == sum(layer.macs for layer in dynamic) * bits * bits
        assert cost == later + stem.macs * 64
    rungs = rungs_of(program, WIDTHS, (1, 1))
    assert rungs.totals.tolist() == [costs[0], costs[0] + again[1], costs[0] + again[1] + again[2]]
    assert rungs.rows.tolist() == [2, 0, 1]
    assert (
        pass_costs(programs.nested(), WIDTHS)[0] == pass_costs(programs.nested(), WIDTHS)[1]
    )  # a float stem


@pytest.fixture(scope="module")
def laddered():
    program = programs.nested()
    images = programs.pixels(program, 40)
    program.notes = {"exponent": 19, "ladder": ladder(program, images).as_dict()}
    return program


def test_a_ladder_comes_back_from_a_file(laddered, tmp_path):
    save_artefact(laddered, tmp_path / "model.safetensors")
    found = ladder_of(load_artefact(tmp_path / "model.safetensors"))
    assert found == ladder_of(laddered) and len(found.rows) > 2
    assert ladder_of(programs.nested()) is None


def at_three_bits(values: dict) -> None:
    values["bits"].insert(1, 3)
    for name in ("costs", "again", "top1"):
        values[name].insert(1, values[name][0])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda v: v.pop("rows"), "a ladder holds bits"),
        (lambda v: v["rows"][0].update(top1=2), "a ladder's row 0: top1"),
        (lambda v: v["rows"][1].update(margins=[0.5]), "margins must be integers"),
        (at_three_bits, r"cannot run at \[3\] bits"),
        (lambda v: v["costs"].__setitem__(2, 7), "another network: its passes cost"),
        (lambda v: v["again"].__setitem__(0, 7), "another network: its passes cost"),
    ],
)
def test_a_file_with_a_broken_ladder_is_refused(damage, message, laddered, tmp_path):
    program = programs.nested()
    save_artefact(program, tmp_path / "model.safetensors")
    program.notes = json.loads(json.dumps(laddered.notes))
    values = program.notes["ladder"]
    if len(values["rows"][1]["bits"]) != 2:
        values["rows"][1].update(bits=[2, 4], margins=[1])
    damage(values)
    with pytest.raises(ValueError, match=message) as error:
        save_artefact(program, tmp_path / "model.safetensors")
    assert str(error.value).startswith("the notes' ladder") and "\n" not in str(error.value)


@pytest.mark.parametrize("rows", [[0], [0, 0, 1], [0, 0, 0, 0]])
def test_rows_of_choices_that_are_not_there(rows, tmp_path):
    program = programs.nested()
    program.notes = {"rows_of_choices": rows}
    with pytest.raises(
        ValueError, match=r"rows_of_choices .* a row of statistics, 0..0, for each candidate"
    ):
        save_artefact(program, tmp_path / "model.safetensors")


CUT = Ladder(
    WIDTHS, (10, 40, 160), (8, 38, 158), (0.7, 0.8, 0.9),
    (Row((2,), (), 10.0, 0.7), Row((2, 8), (5,), 20.0, 0.75), Row((4,), (), 40.0, 0.8),
     Row((2, 4, 8), (6, 7), 60.0, 0.95)),
)  # fmt: skip


@pytest.mark.parametrize(
    ("budget", "most", "bits", "margins"),
    [
        (None, None, (2, 4, 8), (6, 7)),
        (None, 206, (2, 4, 8), (6, 7)),  # 10 + 38 + 158
        (None, 205, (2, 4), (6,)),
        (None, 47, (4,), ()),  # 10 + 38: one rung would be left of the row; 4 bits need no cut
        (None, 39, (2,), ()),
        (59, None, (4,), ()),
        (39, None, (2, 8), (5,)),
        (39, 167, (2,), ()),  # 10 + 158
    ],
)
def test_the_row_for_a_wish(budget, most, bits, margins):
    row = pick(CUT, budget, most and Cap.in_bitops(most, None), (CUT.costs, CUT.again))
    assert (row.bits, row.margins) == (bits, margins)


def test_a_cap_below_everything():
    with pytest.raises(UserError, match="--max-bitops 9: the cheapest setting .* costs an image up to"):
        pick(CUT, None, Cap.in_bitops(9, None), (CUT.costs, CUT.again))
