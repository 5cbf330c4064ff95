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

from src.engine.classifier import Classifier
from src.engine.count import cost_of
from src.engine.oracle import Oracle
from src.engine.plans import within_budget
from src.errors import UserError
from tests.engine.programs import nested, pixels, real, rows, static

NOTES = {"exponent": 19, "classes": ["ant", "bee", "cow"]}


class Watched(Oracle):
    """Notes how it is called; its controller chooses as it is told."""

    def __init__(self, program, chosen=None):
        super().__init__(program)
        self.calls, self.chosen = [], chosen

    def run(self, images, plan=None, row=0):
        self.calls.append((len(images), row))
        return super().run(images, self.chosen if plan is None else plan, row)


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
    answers = Classifier(program, engine, bits=4)(pixels(program, 2))
    assert [a.w_bits for a in answers] == [[4, 4, 4]] * 2
    assert engine.calls == [(2, 0)]
    program = square(rows())
    assert Classifier(program, Watched(program), bits=2).row == 1


def test_only_images_above_the_budget_run_again():
    program = square(nested())
    images = pixels(program, 5)
    chosen = np.array([[2, 2, 2], [0, 1, 0], [1, 2, 1], [0, 0, 0], [2, 2, 0]])[:, :, None]
    costs = cost_of(program).of_plan(chosen)
    budget, over = np.median(costs), costs > np.median(costs)
    engine = Watched(program, chosen)
    answers = Classifier(program, engine, max_bitops=budget)(images)
    assert [count for count, _ in engine.calls] == [5, 2]
    expected = within_budget(cost_of(program), chosen, budget)
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
        Classifier(program, Oracle(program), max_bitops=1e6)
    with pytest.raises(UserError, match="only square ones"):
        Classifier(real(), Oracle(real()))
    for exponent in (None, "19", 1.5, 1000):
        program.notes["exponent"] = exponent
        with pytest.raises(UserError, match="exponent .*; export it again"):
            Classifier(program, Oracle(program))
