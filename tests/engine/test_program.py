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
"""Which operations of a program have to run, and what makes its plan."""

from src.engine.operations import Conv, Pool
from tests.engine.programs import candidates, random_program, real, step_wise


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
