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
import numpy as np
import pytest

from src.report import stats
from src.report.load import Evaluation


def evaluation(w_bits, a_bits=None, label=(0, 0, 1, 1), predicted=(0, 1, 1, 1)):
    w_bits = np.array(w_bits, np.uint8)
    a_bits = w_bits if a_bits is None else np.array(a_bits, np.uint8)
    return Evaluation(
        {},
        {
            "label": np.array(label),
            "predicted": np.array(predicted),
            "confidence": np.linspace(0.9, 0.6, len(label)),
            "bitops": (w_bits.astype(float) * a_bits).sum(axis=1),
            "w_bits": w_bits,
            "a_bits": a_bits,
        },
    )


FOUR = [[3, 3], [5, 4], [4, 4], [5, 5]]


def test_image_widths_are_the_mean_of_weights_and_activations():
    assert stats.image_widths(evaluation(FOUR)).tolist() == [3, 4.5, 4, 5]
    untied = evaluation(FOUR, [[5, 5], [5, 4], [2, 2], [5, 5]])
    assert stats.image_widths(untied).tolist() == [4, 4.5, 3, 5]


def test_widths_do_not_overflow_a_byte():
    # 40 layers at 8 bits: a sum in uint8 would wrap.
    assert stats.image_widths(evaluation(np.full((4, 40), 8))).tolist() == [8, 8, 8, 8]


def test_no_dynamic_layer_has_no_width():
    static = evaluation(np.zeros((4, 0)))
    assert stats.image_widths(static) is None
    assert [row.width for row in stats.class_rows(static, None)] == [None, None]


def test_class_rows_by_hand():
    cat, dog = stats.class_rows(evaluation(FOUR), ["cat", "dog"])
    assert (cat.name, cat.images, cat.accuracy, cat.width) == ("cat", 2, 0.5, 3.75)
    assert (dog.name, dog.images, dog.accuracy, dog.width) == ("dog", 2, 1.0, 4.5)


def test_classes_without_images_and_without_names():
    rows = stats.class_rows(evaluation(FOUR, label=(7, 7, 2, 2)), ["a", "b", "c"])
    assert [(row.label, row.name) for row in rows] == [(2, "c"), (7, "class 7")]


def test_layer_widths_by_hand():
    first, second = stats.layer_widths(evaluation(FOUR))
    assert first.options == [3, 4, 5]
    assert first.w_shares.tolist() == [0.25, 0.25, 0.5]
    assert first.w_mean == 4.25
    assert first.tied
    assert second.w_shares.tolist() == [0.25, 0.5, 0.25]


def test_untied_layer_widths_share_their_options():
    (row,) = stats.layer_widths(evaluation([[3], [3], [4], [4]], [[5], [5], [5], [4]]))
    assert row.options == [3, 4, 5]
    assert not row.tied
    assert row.a_shares.tolist() == [0, 0.25, 0.75]
    assert (row.w_mean, row.a_mean) == (3.5, 4.75)


def test_plans_are_the_widths_of_all_layers_weights_and_activations():
    assert stats.plan_use(evaluation([[3, 5], [5, 3], [3, 5], [3, 5]])) == (2, 0.75)
    assert stats.plan_use(evaluation([[4]] * 4, [[4], [5], [4], [4]])) == (2, 0.75)
    assert stats.plan_use(evaluation(np.zeros((4, 0)))) is None


def test_fewest_and_most_bits():
    assert stats.fewest_bits(evaluation(FOUR), 2).tolist() == [0, 2]
    assert stats.most_bits(evaluation(FOUR), 2).tolist() == [3, 1]


def test_ties_go_to_bitops_then_position():
    tied = evaluation([[4, 4], [5, 3], [4, 4], [5, 3]])  # 32, 34, 32, 34 BitOPs at width 4
    assert stats.fewest_bits(tied, 4).tolist() == [0, 2, 1, 3]
    assert stats.most_bits(tied, 4).tolist() == [1, 3, 0, 2]


@pytest.mark.parametrize(
    ("predicted", "expected"),
    [((1, 1, 0, 1), [0, 1, 2]), ((0, 0, 1, 1), []), ((0, 1, 1, 0), [1, 3])],
)
def test_worst_mistakes_are_wrong_and_sorted_by_confidence(predicted, expected):
    assert stats.worst_mistakes(evaluation(FOUR, predicted=predicted), 12).tolist() == expected
