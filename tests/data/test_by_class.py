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
"""The confusion matrix and what is read from it, against counts by hand."""

import json

import numpy as np
import pytest

from src.data import by_class

NAMES = ["Äpfel rot", "pear", "fig"]
LABEL = np.repeat([0, 1, 2], [4, 5, 1])
PREDICTED = np.array([0, 0, 0, 1, 1, 1, 2, 0, 0, 0])
MATRIX = np.array([[3, 1, 0], [2, 2, 1], [1, 0, 0]])


def test_rows_are_classes_and_columns_answers():
    np.testing.assert_array_equal(by_class.confusion_matrix(LABEL, PREDICTED, 3), MATRIX)
    wide = by_class.confusion_matrix(LABEL, np.full(10, 4), 3)  # a network with more outputs than classes
    assert wide.shape == (5, 5) and wide[:, 4].tolist() == [4, 5, 1, 0, 0]
    assert by_class.confusion_matrix(LABEL[:0], LABEL[:0], 2).tolist() == [[0, 0], [0, 0]]


def test_the_most_frequent_wrong_answers_come_first():
    found = by_class.confusions(MATRIX)
    assert [tuple(c) for c in found] == [(1, 0, 2, 0.4), (2, 0, 1, 1.0), (0, 1, 1, 0.25), (1, 2, 1, 0.2)]
    assert len(by_class.confusions(MATRIX, 2)) == 2 and by_class.confusions(np.eye(3, dtype=int)) == []


@pytest.mark.parametrize(
    ("matrix", "found"),
    [
        ([[10, 0], [6, 4]], (0, 0.8, 0.6)),
        ([[10, 0], [5, 5]], None),  # half of the others
        ([[90, 0], [3, 7]], None),  # most images are of that class, and most of the others are told apart
        ([[90, 0], [9, 1]], (0, 0.99, 0.9)),
        ([[0, 10, 0], [0, 10, 0], [0, 9, 1]], (1, 29 / 30, 0.95)),
        ([[10, 0], [0, 0]], None),  # no image of another class
        ([[0, 0], [0, 0]], None),
    ],
)
def test_one_class_for_most_images(matrix, found):
    one = by_class.one_class(np.array(matrix))
    assert one == found if found is None else one == pytest.approx(found)


def test_the_json_names_classes_and_leaves_out_zeros():
    row = by_class.as_json(MATRIX, NAMES)
    assert json.loads(json.dumps(row)) == row
    assert list(row["classes"]) == NAMES
    assert row["classes"]["pear"] == {
        "images": 5, "top1": 0.4, "answers": {"Äpfel rot": 2, "pear": 2, "fig": 1},
    }  # fmt: skip
    assert row["confused"][0] == {"class": "pear", "answered": "Äpfel rot", "images": 2}
    assert row["one_class"] is None
    alone = by_class.as_json(np.array([[0, 5], [0, 7]]).T, ["a", "b"])
    assert alone["classes"]["a"] == {"images": 0, "top1": None, "answers": {}}


def test_one_class_is_told_by_name():
    matrix = np.array([[0, 0, 4], [0, 0, 5], [0, 0, 1]])
    row = by_class.as_json(matrix, NAMES[:2])
    assert row["one_class"] == {"class": "output 2", "share": 1.0, "of_others": 1.0}
    text = by_class.told_one_class(by_class.one_class(matrix), NAMES)
    assert text.startswith("WARNING: 100.0% of all images") and "one answer, fig" in text


def test_a_matrix_of_many_classes_is_not_written():
    most = by_class.MOST_CLASSES
    for size in (most, most + 1):
        row = by_class.as_json(np.eye(size, dtype=int), [str(i) for i in range(size)])
        assert all(("answers" in one) == (size == most) for one in row["classes"].values())


def test_few_classes_are_all_told_and_of_many_the_worst():
    assert by_class.told(MATRIX, NAMES) == (
        "right by class: Äpfel rot (75.0%), pear (40.0%), fig (0.0%); most often pear taken for Äpfel rot (2 of 5), "
        "fig taken for Äpfel rot (1 of 1), Äpfel rot taken for pear (1 of 4)"
    )
    many = np.eye(12, dtype=int) * 10
    many[7, 3] = 2
    text = by_class.told(many, [f"c{i}" for i in range(12)])
    assert text.startswith("the least right of 12 classes: c7 (83.3%), c0 (100.0%), c1 (100.0%)")
    assert text.endswith("; most often c7 taken for c3 (2 of 12)")
