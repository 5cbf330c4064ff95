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
"""A labelled set, judged: against sums over single answers."""

import numpy as np
import pytest

from src.cost.ladder import margin_of
from src.engine.classifier import Classifier
from src.engine.oracle import Oracle
from src.engine.rungs import rungs_of
from src.engine.tally import judge
from src.engine.wish import Wish
from tests.engine.programs import nested, pixels


class Pictures:
    """As a data set of `data`."""

    errors = 0

    def __init__(self, images: np.ndarray, labels: np.ndarray):
        self.images, self.labels = images, labels

    def __len__(self) -> int:
        return len(self.labels)

    def pixels(self, indices: np.ndarray) -> np.ndarray:
        return self.images[indices]


@pytest.fixture(scope="module")
def case():
    program = nested()
    program.notes = {"exponent": 19}
    program.operations[0].width = program.operations[0].height
    return program, pixels(program, 7)


@pytest.mark.parametrize("batch", [1, 3, 100])
def test_means_over_the_images(batch, case):
    program, images = case
    classifier = Classifier(program, Oracle(program))
    answers = classifier(images)
    labels = np.array([answer.index for answer in answers])
    labels[2:4] += 1
    row = judge(classifier, Pictures(images, labels), batch)
    assert (row["top1"], row["images"]) == (5 / 7, 7)
    assert row["bitops"] == np.mean([answer.bitops for answer in answers])
    assert row["mean_bits"] == pytest.approx(np.mean([answer.mean_bits for answer in answers]))
    assert row["bitops_controller"] == classifier.cost.controller_bitops() > 0
    assert row["ms"] > 0 and "rungs" not in row


def test_where_images_ended(case):
    program, images = case
    classifier = Classifier(program, Oracle(program), Wish(bits=4))
    row = judge(classifier, Pictures(images, np.zeros(7, int)), 4)
    assert row["bitops_controller"] == 0 and "rungs" not in row
    logits, _ = Oracle(program).run(images, np.zeros((7, 3, 1), int))
    threshold = int(np.sort(margin_of(logits))[3])
    classifier.rungs = rungs_of(program, (2, 8), (threshold,))
    row = judge(classifier, Pictures(images, np.zeros(7, int)), 4)
    assert row["rungs"] == {"2": 4 / 7, "8": 3 / 7}
    assert row["mean_bits"] == pytest.approx((4 * 2 + 3 * 8) / 7)
