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
"""Answers of a classifier: what is made of logits and plan, and who is run again for a budget."""

import numpy as np
import pytest

from src.cost.ladder import Ladder, Row, climb, margin_of
from src.engine.classifier import Classifier
from src.engine.count import cost_of
from src.engine.oracle import Oracle
from src.engine.plans import Cap, within_cap
from src.engine.rungs import pass_costs, rungs_of
from src.engine.wish import Wish
from src.errors import UserError
from tests.engine.programs import nested, pixels, real, rows, static

NOTES = {"exponent": 19, "classes": ["ant", "bee", "cow"]}


class Watched(Oracle):
    """Notes how it is called; its controller chooses as it is told."""

    def __init__(self, program, chosen=None):
        super().__init__(program)
        self.calls, self.chosen = [], chosen

    def run(self, images, plan=None, row=0, budget=None):
        self.calls.append((len(images), row))
        return super().run(images, self.chosen if plan is None else plan, row, budget)

    def climb(self, images, rungs):
        self.calls.append((len(images), rungs.rows.tolist()))
        return super().climb(images, rungs)


def square(program):
    """The program with notes, and with square images."""
    program.notes = dict(NOTES)
    program.operations[0].width = program.operations[0].height
    return program


def test_probability_label_and_widths():
    program = square(nested())
    images = pixels(program, 4)
    answers = Classifier(program, Oracle(program))(images)
    logits, plan = Oracle(program).run(images)
    real_logits = logits / 2.0**19
    for n, answer in enumerate(answers):
        powers = np.exp(real_logits[n])
        assert answer.index == logits[n].argmax()
        assert answer.probability == pytest.approx(powers.max() / powers.sum(), rel=1e-12)
        known = dict(enumerate(NOTES["classes"]))
        assert answer.label == known.get(answer.index, str(answer.index))
        assert answer.w_bits == answer.a_bits == np.array([2, 4, 8])[plan[n, :, 0]].tolist()
        assert answer.mean_bits == np.mean(answer.w_bits) and answer.ms > 0
    text = str(answers[0])
    assert f"({''.join(map(str, answers[0].w_bits))})" in text and "M BitOPs" in text


def test_a_static_network():
    program = square(static())
    answer = Classifier(program, Oracle(program))(pixels(program, 2))[1]
    assert answer.w_bits == answer.a_bits == [] and answer.bitops > 0
    # Convolutions between the first and the last layer: (2, 3), (4, 5), (1, 1) bits.
    assert answer.mean_bits == pytest.approx((2 + 3 + 4 + 5 + 1 + 1) / 6)
    assert "(static)" in str(answer)


def test_one_width_and_its_row():
    program = square(nested())
    engine = Watched(program)
    answers = Classifier(program, engine, Wish(bits=4))(pixels(program, 2))
    assert [a.w_bits for a in answers] == [[4, 4, 4]] * 2
    assert engine.calls == [(2, [0])]
    program = square(rows())
    assert Classifier(program, Watched(program), Wish(bits=2)).rungs.rows.tolist() == [1]


def test_one_plan_for_all_images():
    program = square(nested())
    images, names = pixels(program, 3), [layer.name for layer in cost_of(program).dynamic]
    plan = dict(zip(names, (8, 2, 4), strict=True))
    answers = Classifier(program, Oracle(program), Wish(plan=plan))(images)
    choices = np.tile(np.array([2, 0, 1])[None, :, None], (3, 1, 1))
    logits, _ = Oracle(program).run(images, choices)
    assert [a.w_bits for a in answers] == [[8, 2, 4]] * 3
    assert [a.index for a in answers] == logits.argmax(1).tolist()
    assert [a.bitops for a in answers] == cost_of(program).of_plan(choices).tolist()
    program = square(rows())  # statistics for each width: those of a mixed plan, or of the one that it is
    names = [layer.name for layer in cost_of(program).dynamic]
    for given, row in (({"*": 2}, 1), ({names[0]: 2, "*": 8}, 0)):
        assert Classifier(program, Watched(program), Wish(plan=given)).rungs.rows.tolist() == [row]


def test_only_images_above_the_budget_run_again():
    program = square(nested())
    images = pixels(program, 5)
    chosen = np.array([[2, 2, 2], [0, 1, 0], [1, 2, 1], [0, 0, 0], [2, 2, 0]])[:, :, None]
    costs = cost_of(program).of_plan(chosen)
    budget, over = np.median(costs), costs > np.median(costs)
    engine = Watched(program, chosen)
    answers = Classifier(program, engine, Wish(max_bitops=budget))(images)
    assert [count for count, _ in engine.calls] == [5, 2]
    expected = within_cap(chosen, Cap.in_bitops(budget, cost_of(program)))
    assert ((expected != chosen).any((1, 2)) == over).all()
    logits, _ = Oracle(program).run(images, expected)
    powers = np.exp(logits / 2.0**19)
    for n, answer in enumerate(answers):
        assert answer.probability == pytest.approx(powers[n].max() / powers[n].sum(), rel=1e-9)
        assert answer.w_bits == np.array([2, 4, 8])[expected[n, :, 0]].tolist()
        assert answer.bitops == cost_of(program).of_plan(expected)[n] <= budget


def test_a_name_cannot_forge_a_line():
    program = square(static())
    program.notes["classes"] = ["cat\x1b[2J\nother.png  dog"] * 10
    answer = Classifier(program, Oracle(program))(pixels(program, 1))[0]
    assert str(answer).startswith("cat\\x1b[2J\\nother.png  dog  ") and "\n" not in str(answer)


def test_what_cannot_be_answered():
    program = square(static())
    with pytest.raises(UserError, match="--max-bitops 1e\\+06: .* no controller; its cost is"):
        Classifier(program, Oracle(program), Wish(max_bitops=1e6))
    with pytest.raises(UserError, match="--plan p.json: this network has no controller"):
        Classifier(program, Oracle(program), Wish(plan="p.json"))
    with pytest.raises(UserError, match="only square ones"):
        Classifier(real(), Oracle(real()))
    for exponent in (None, "19", 1.5, 1000):
        program.notes["exponent"] = exponent
        with pytest.raises(UserError, match="exponent .*; export it again"):
            Classifier(program, Oracle(program))


@pytest.fixture(scope="module")
def climbing():
    """(program whose widths do not depend on the image, images, the logits of each width): its ladder
    has a uniform row, and one that sends half of the images on."""
    program = square(nested())
    images, widths = pixels(program, 8), (2, 4, 8)
    logits = np.stack([
        Oracle(program).run(images, np.repeat(plan[None], 8, 0))[0]
        for plan in rungs_of(program, widths).plans
    ])  # fmt: skip
    costs, again = pass_costs(program, widths)
    threshold = int(np.sort(margin_of(logits[0]))[4])
    rows = (
        Row((2,), (), float(costs[0]), 0.5),
        Row((2, 8), (threshold,), costs[0] + again[2] / 2, 0.9),
    )
    ladder = Ladder(widths, costs, again, (0.5, 0.7, 0.9), rows)
    program.notes |= {"looks": False, "ladder": ladder.as_dict()}
    return program, images, logits


def assert_escalated(answers, program, logits, ends, widths=(2, 8)):
    """The answers are those of the rungs that the images end at, all passes paid."""
    costs, again = pass_costs(program, widths)
    for n, (answer, end) in enumerate(zip(answers, ends, strict=True)):
        assert answer.index == logits[[0, 2][end], n].argmax()
        assert answer.passes == 1 + end
        assert answer.w_bits == answer.a_bits == [widths[end]] * 3
        assert answer.mean_bits == widths[end]
        assert answer.bitops == costs[0] + end * again[1]


def test_by_itself_a_network_with_a_ladder_escalates(climbing):
    program, images, logits = climbing
    ends = climb(margin_of(logits[0])[None], tuple(program.notes["ladder"]["rows"][1]["margins"]))
    assert ends.sum() == 4
    engine = Watched(program)
    answers = Classifier(program, engine)(images)
    assert_escalated(answers, program, logits, ends)
    assert engine.calls == [(8, [0, 0])]  # those that go on run in one call
    assert "  2 passes  " in str(answers[int(ends.argmax())])
    assert "passes" not in str(answers[int(ends.argmin())])


def test_a_controller_that_looks_at_the_image_comes_first(climbing):
    program, images, _ = climbing
    other = square(nested())
    other.notes |= {"looks": True, "ladder": program.notes["ladder"]}
    assert Classifier(other, Oracle(other)).rungs is None
    budget = program.notes["ladder"]["rows"][1]["bitops"]
    found = Classifier(other, Oracle(other), Wish(budget=budget))(images)
    expected = Classifier(program, Oracle(program))(images)
    assert [a.w_bits for a in found] == [a.w_bits for a in expected]


def test_a_budget_takes_the_row_that_it_pays(climbing):
    program, images, logits = climbing
    cheap, dear = (row["bitops"] for row in program.notes["ladder"]["rows"])
    answers = Classifier(program, Oracle(program), Wish(budget=dear - 1))(images)
    assert_escalated(answers, program, logits, np.zeros(8, int))
    answers = Classifier(program, Oracle(program), Wish(budget=dear))(images)
    assert np.mean([answer.bitops for answer in answers]) == dear
    with pytest.raises(
        UserError, match="a budget of .* the cheapest setting of this network costs"
    ):
        Classifier(program, Oracle(program), Wish(budget=cheap - 1))


def test_a_cap_is_kept_by_each_image(climbing):
    program, images, logits = climbing
    costs, again = pass_costs(program, (2, 8))
    for cap, ends in ((costs[0] + again[1], 1), (costs[0] + again[1] - 1, 0)):
        answers = Classifier(program, Oracle(program), Wish(max_bitops=cap))(images)
        assert max(answer.passes for answer in answers) == 1 + ends
        assert max(answer.bitops for answer in answers) <= cap
    with pytest.raises(UserError, match="--max-bitops .* allow at least that"):
        Classifier(program, Oracle(program), Wish(max_bitops=costs[0] - 1))


def test_no_ladder():
    program = square(nested())
    with pytest.raises(UserError, match=r"--budget 1e\+06: this artefact has no ladder"):
        Classifier(program, Oracle(program), Wish(budget=1e6))
