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

"""Evaluation: every image once, the numbers against NumPy, percentiles, collapse."""

import numpy as np
import pytest
from mindspore import Tensor, nn

from src.cost.bitops import CostModel, LayerCost
from src.data import Loader
from src.data.dataset import ArrayDataset, Facts
from src.errors import UserError
from src.methods.base import Draws, System
from src.runtime import Runtime
from src.train.evaluate import Answers, collapsed, evaluate, summarise

CLASSES, COUNT = 8, 23
WIDTHS = (2, 4, 8)
COST = CostModel(
    [
        LayerCost("first", 10, 1, 1),
        LayerCost("static", 100, 1, 1, (4,), (4,)),
        LayerCost("a", 1000, 3, 5, WIDTHS, WIDTHS, 0),
        LayerCost("b", 2000, 7, 9, WIDTHS, WIDTHS, 1),
        LayerCost("last", 10, 1, 1),
    ],
    controller_macs=2,
)


def dataset() -> ArrayDataset:
    """Grey images whose pixel value is their number."""
    pixels = np.arange(COUNT, dtype=np.uint8)[:, None, None, None] * np.ones((1, 3, 2, 2), np.uint8)
    facts = Facts("numbers", tuple("abcdefgh"), np.zeros(3, np.float32), np.ones(3, np.float32))
    return ArrayDataset(facts, pixels, np.arange(COUNT) % CLASSES, lambda x, draws: x, 0)


def logits_table() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(COUNT, CLASSES)).astype(np.float32) * 3


class Lookup(nn.Cell):
    """Answers image i with row i of a table."""

    controller = None

    def __init__(self):
        super().__init__()
        self.table = Tensor(logits_table())

    def construct(self, image):
        number = (image[:, 0, 0, 0] * 255 + 0.5).astype("int32")
        return {"logits": self.table[number]}


class PlannedLookup(Lookup):
    """Widths too: layer a by image number, layer b by the noise."""

    def __init__(self):
        super().__init__()
        self.eye = Tensor(np.eye(3, dtype=np.float32))

    def construct(self, image, noise):
        number = (image[:, 0, 0, 0] * 255 + 0.5).astype("int32")
        plan = self.eye[number % 3].reshape((-1, 1, 1, 3))
        return {"logits": self.table[number], "plan": plan.tile((1, 2, 1, 1))}


class Noise(Draws):
    def still(self, images, forced=None):
        return (np.zeros((images, 1), np.float32),)


def evaluated(method, batch_size=10, **loader):
    return evaluate(
        method, Loader(dataset(), batch_size, train=False, workers=0, **loader), Runtime("CPU")
    )


@pytest.fixture(scope="module")
def static_answers():
    return evaluated(System("float", Lookup(), [], CostModel([LayerCost("first", 10, 1, 1)] * 2)))


def test_every_image_counts_once_though_the_last_batch_is_padded(static_answers):
    """23 images in batches of 10: the 7 that fill the end up are those of the beginning."""
    logits = logits_table().astype(np.float64)
    labels = np.arange(COUNT) % CLASSES
    answers = static_answers
    assert len(answers.label) == COUNT
    np.testing.assert_array_equal(answers.label, labels)
    np.testing.assert_array_equal(answers.predicted, logits.argmax(1))
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(answers.loss, -np.log(p[np.arange(COUNT), labels]), rtol=1e-5)
    np.testing.assert_allclose(answers.confidence, p.max(1), rtol=1e-5)
    ordered = np.sort(logits, 1)
    np.testing.assert_allclose(answers.margin, ordered[:, -1] - ordered[:, -2], rtol=1e-5)
    rank = (-logits).argsort(1).tolist()
    in_top5 = [labels[i] in rank[i][:5] for i in range(COUNT)]
    np.testing.assert_array_equal(answers.in_top5, in_top5)
    assert 0 < np.mean(in_top5) < 1


def test_summary_of_a_float_network(static_answers):
    method = System("float", Lookup(), [], CostModel([LayerCost("first", 10, 1, 1)] * 2))
    numbers = summarise(method, static_answers)
    labels = np.arange(COUNT) % CLASSES
    assert numbers["top1"] == (logits_table().argmax(1) == labels).mean()
    assert numbers["top5"] == static_answers.in_top5.mean()
    assert numbers["loss"] == pytest.approx(static_answers.loss.mean())
    assert numbers["images"] == COUNT
    assert numbers["mean_bits"] == 32
    assert numbers["bitops"] == 0
    assert numbers["bitops_float_macs"] == 20
    assert numbers["collapsed"] is False


def test_widths_and_bitops_of_a_dynamic_network():
    method = System("dqnet", PlannedLookup(), [], COST, WIDTHS, draws=Noise(), master=8)
    answers = evaluated(method, batch_size=9)
    bits = np.array(WIDTHS)[np.arange(COUNT) % 3]
    for column in (answers.w_bits, answers.a_bits):
        assert column.dtype == np.uint8
        np.testing.assert_array_equal(column, np.stack([bits, bits], 1))
    np.testing.assert_array_equal(answers.plan[:, :, 0], np.stack([np.arange(COUNT) % 3] * 2, 1))
    expected = 100 * 16 + 3000.0 * bits**2
    np.testing.assert_array_equal(answers.bitops, expected)
    numbers = summarise(method, answers)
    assert numbers["mean_bits"] == pytest.approx(bits.mean())
    assert numbers["bitops"] == pytest.approx(expected.mean())
    for percent in (5, 50, 95):
        assert numbers[f"bitops_p{percent}"] == np.percentile(expected, percent)
    assert numbers["bitops_static"]["3"] == 3100 * 9
    assert numbers["bitops_controller"] == 2048
    assert numbers["width_changes"] == pytest.approx(24 * (bits != 8).mean())
    assert numbers["collapsed"] is False


def test_width_changes_are_counted_from_the_master_and_of_nested_codes_alone():
    bits = np.array(WIDTHS)[np.arange(COUNT) % 3]
    for master in (4, None):
        method = System("dqnet", PlannedLookup(), [], COST, WIDTHS, draws=Noise(), master=master)
        numbers = summarise(method, evaluated(method))
        assert numbers.get("width_changes") == (24 * (bits != 4).mean() if master else None)


def test_batch_size_changes_nothing(static_answers):
    method = System("float", Lookup(), [], CostModel([LayerCost("first", 10, 1, 1)] * 2))
    for size in (1, 23):
        again = evaluated(method, batch_size=size)
        np.testing.assert_array_equal(again.predicted, static_answers.predicted)
        np.testing.assert_array_equal(again.loss, static_answers.loss)


def test_mean_bits_of_a_static_network_are_those_between_the_ends():
    inner = [LayerCost(n, 1, 1, 1, (w,), (a,)) for n, w, a in (("x", 3, 5), ("y", 2, 2))]
    ends = [LayerCost(n, 1, 1, 1, (8,), (8,)) for n in ("first", "last")]
    method = System("static", Lookup(), [], CostModel([ends[0], *inner, ends[1]]))
    assert summarise(method, answers_of(np.zeros((2, 0))))["mean_bits"] == 3


def answers_of(bits: np.ndarray) -> Answers:
    n = len(bits)
    zero, bits = np.zeros(n), bits.astype(np.uint8)
    return Answers(
        label=zero, predicted=zero, loss=zero, confidence=zero, margin=zero,
        in_top5=np.ones(n, bool), plan=bits[:, :, None], w_bits=bits, a_bits=bits, bitops=zero,
        width_changes=zero, rung=zero,
    )  # fmt: skip


def test_collapse_is_one_plan_for_99_percent_of_the_images():
    plans = np.full((200, 3), 4)
    assert collapsed(answers_of(plans)) is True
    plans[:2, 1] = 5
    assert collapsed(answers_of(plans)) is True
    plans[:3, 1] = 5
    assert collapsed(answers_of(plans)) is False
    varied = np.tile([[3, 4, 5], [5, 4, 3]], (100, 1))
    assert collapsed(answers_of(varied)) is False
    assert collapsed(answers_of(np.zeros((200, 0)))) is False


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_logits_that_are_not_finite_are_no_answer(bad):
    class Broken(Lookup):
        def __init__(self):
            super().__init__()
            table = logits_table()
            table[4] = bad
            self.table = Tensor(table)

    method = System("static", Broken(), [], CostModel([]))
    with pytest.raises(UserError, match=f"not finite for 1 of {COUNT} images .*number 4"):
        evaluated(method)


def test_workers_share_the_images_and_count_each_once(monkeypatch):
    """23 images in steps of 2 x 10: the second worker's last batch is padding alone."""
    parts = []
    monkeypatch.setattr("src.train.evaluate.sum_over_workers", lambda _, own: own)
    for rank in (0, 1):
        parts.append(evaluated(System("static", Lookup(), [], CostModel([])), rank=rank, world=2))
    alone = evaluated(System("static", Lookup(), [], CostModel([])))
    for name in ("label", "predicted", "loss", "confidence"):
        joined = sum(getattr(part, name) for part in parts)
        np.testing.assert_allclose(joined, getattr(alone, name), rtol=1e-6, err_msg=name)
