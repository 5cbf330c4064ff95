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

"""A finished run: what its folder holds, the epoch it stands for, and its evaluation, again."""

import json

import numpy as np
import pytest

from src.cost.ladder import Ladder
from src.train.checkpoints import read_state
from tests.system.runs import finished, last_json, metrics, script, train


@pytest.fixture(scope="module")
def evaluation(four_epochs):
    """The output of `eval.py`."""
    return finished(script("eval.py", "--run", four_epochs))


def test_another_process_prints_the_same_digits(evaluation, four_epochs_printed):
    """Those that training printed of its own evaluation, every one."""
    of_training = last_json(four_epochs_printed)
    assert of_training.pop("run").endswith("/four")
    assert evaluation == json.dumps(of_training) + "\n"


def test_the_last_line_is_one_json_object(evaluation):
    numbers = last_json(evaluation)
    assert {"top1", "top5", "loss", "images", "mean_bits", "bitops"} <= numbers.keys()
    assert numbers["images"] == 355
    assert 0 <= numbers["top1"] <= numbers["top5"] <= 1
    assert numbers["bitops_static"]["3"] <= numbers["bitops"] <= 17 / 16 * 25 / 9 * 6635520
    assert numbers["mean_bits"] >= 3


def test_eval_agrees_with_what_training_wrote(four_epochs, evaluation):
    """Training's own test evaluation was of the same checkpoint."""
    log = (four_epochs / "log.txt").read_text()
    numbers = last_json(evaluation)
    assert f"finished: test top-1 {100 * numbers['top1']:.2f}%" in log
    assert json.loads((four_epochs / "eval/test.json").read_text()) == numbers


def test_answers_of_every_image(four_epochs, evaluation):
    numbers = last_json(evaluation)
    rows = np.load(four_epochs / "eval/test.npz")
    types = {name: (rows[name].dtype.name, rows[name].shape) for name in rows.files}
    assert types == {
        "label": ("int32", (355,)), "predicted": ("int32", (355,)), "loss": ("float32", (355,)),
        "confidence": ("float32", (355,)), "margin": ("float32", (355,)),
        "bitops": ("float64", (355,)), "rung": ("uint8", (355,)),
        "w_bits": ("uint8", (355, 4)), "a_bits": ("uint8", (355, 4)), "index": ("int64", (355,)),
    }  # fmt: skip
    assert (rows["label"] == rows["predicted"]).mean() == numbers["top1"]
    assert rows["bitops"].mean() == numbers["bitops"]
    assert rows["w_bits"].mean() == pytest.approx(numbers["mean_bits"])
    assert set(np.unique(rows["w_bits"])) <= {3, 4, 5}
    layers = json.loads((four_epochs / "layers.json").read_text())
    macs = [x["macs"] for x in layers["layers"] if x["kind"] == "dynamic"]
    static = sum(x["macs"] * 16 for x in layers["layers"] if x["kind"] == "static")
    widths = rows["w_bits"].astype(float) * rows["a_bits"]
    np.testing.assert_array_equal(rows["bitops"], static + widths @ macs)


def test_its_ladder_is_kept_with_its_rungs(four_epochs):
    """Held-out images set the thresholds; the first group's static layers are shared between passes."""
    ladder = Ladder.from_dict(json.loads((four_epochs / "ladder.json").read_text()))
    assert ladder.bits == (3, 4, 5)
    layers = json.loads((four_epochs / "layers.json").read_text())["layers"]
    shared = sum(x["macs"] * 16 for x in layers if x["kind"] == "static" and "layer1" in x["name"])
    assert [c - a for c, a in zip(ladder.costs, ladder.again, strict=True)] == [shared] * 3
    rows = json.loads((four_epochs / "eval/ladder.json").read_text())["rows"]
    assert [(r["bits"], r["margins"]) for r in rows] == [
        (list(r.bits), list(r.margins)) for r in ladder.rows
    ]
    for bits, cost in zip(ladder.bits, ladder.costs, strict=True):
        rung = json.loads((four_epochs / f"eval/test_{bits}bit.json").read_text())
        assert (rung["mean_bits"], rung["bitops"]) == (bits, cost)


def test_the_shuffle_test_is_told(four_epochs, evaluation):
    numbers, log = last_json(evaluation), (four_epochs / "log.txt").read_text()
    assert {"shuffled_top1", "shuffled_p", "choice_pays", "hardness_correlation"} <= numbers.keys()
    says = "pays" if numbers["choice_pays"] else "is worth nothing beyond chance"
    line = f"the choice of widths {says}: top-1 {numbers['top1']:.2%}"
    assert log.count("the choice of widths") == log.count(line) == 1


def test_the_best_epoch_is_chosen_by_the_held_out_images(four_epochs):
    held_out = [float(row["val_top1"]) for row in metrics(four_epochs)]
    best = read_state(four_epochs / "ckpt/best.ckpt")
    assert best.epoch == 1 + held_out.index(max(held_out))
    assert best.best_top1 == pytest.approx(max(held_out), abs=1e-7)


def test_a_row_for_every_epoch(four_epochs):
    rows = metrics(four_epochs)
    assert [(row["stage"], row["epoch"], row["step"]) for row in rows] == [
        ("dqnet", "1", "4"), ("dqnet", "2", "8"), ("dqnet", "3", "12"), ("dqnet", "4", "16"),
    ]  # fmt: skip
    assert {row["lr"] for row in rows} == {"0.1"}
    assert {row["budget_bits"] for row in rows} == {"4"}
    losses = [float(row["train_loss"]) for row in rows]
    assert losses[-1] < losses[0]
    for row in rows:
        assert 3 <= float(row["mean_bits"]) <= 5 and 0 <= float(row["entropy"]) <= 1


def test_a_large_alpha_drives_the_widths_to_the_budget(four_epochs):
    """dqnet.alpha_bits=2 here: in the end the test images are at or below 4 bits on average."""
    rows = metrics(four_epochs)
    assert float(rows[-1]["mean_bits"]) < min(4.05, float(rows[0]["mean_bits"]) + 0.01)


@pytest.mark.slow
@pytest.mark.parametrize("execution", ["mixture", "selected"])
def test_both_executions_give_one_accuracy(four_epochs, evaluation, execution):
    """Each image at its own widths only, or all branches and a mask: the same answers."""
    arguments = ("--run", four_epochs, f"dqnet.execution={execution}", "device.native=off")
    numbers = last_json(finished(script("eval.py", *arguments)))
    expected = last_json(evaluation)
    finished(script("eval.py", "--run", four_epochs))  # what other tests read is put back
    assert numbers["bitops"] == pytest.approx(expected["bitops"], rel=5e-3)
    assert numbers["top1"] == pytest.approx(expected["top1"], abs=0.01)


@pytest.mark.slow
def test_sampled_evaluation_differs(four_epochs, evaluation):
    sampled = last_json(finished(script("eval.py", "--run", four_epochs, "dqnet.sample=true")))
    finished(script("eval.py", "--run", four_epochs))
    assert sampled["bitops"] != last_json(evaluation)["bitops"]


@pytest.mark.slow
def test_pynative_mode_trains_alike(four_epochs, tmp_path):
    """Same first epoch within float noise: rounding may send a value to the next code."""
    train(tmp_path / "run", "device.mode=pynative", "train.epochs=1")
    one, other = metrics(tmp_path / "run")[0], metrics(four_epochs)[0]
    assert float(one["train_loss"]) == pytest.approx(float(other["train_loss"]), rel=0.02)
    assert float(one["mean_bits"]) == pytest.approx(float(other["mean_bits"]), rel=0.02)
