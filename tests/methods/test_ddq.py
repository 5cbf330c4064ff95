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
"""DDQ: widths and their price, the budget by hand, gates that settle, and a run from start to end."""

import csv
import json

import mindspore as ms
import numpy as np
import pytest

from src import kernels
from src.config import load_config
from src.errors import UserError
from src.methods import build_system
from src.methods.ddq import Ddq, DdqOptions, LearnedLevels
from src.methods.ddq_budget import SETTLED
from src.parameters import assign
from src.runtime import start
from src.train.loop import train_run
from src.train.run_folder import continue_run, create_run
from tests.methods.build import CLASSES, SIDE, answer, images, method

MACS = [9 * c * o * p for c, o, p in
        ((16, 16, 64), (16, 16, 64), (16, 32, 16), (32, 32, 16), (32, 64, 4), (64, 64, 4))]  # fmt: skip
WEIGHTS = [9 * c * o for c, o in ((16, 16), (16, 16), (16, 32), (32, 32), (32, 64), (64, 64))]
ASKED = ("method.name=ddq", "quant.first_last=8")


def numbers(system) -> dict:
    return {name: float(value.asnumpy()) for name, value in system.learned.budget().items()}


def turn(table, *gates):
    assign(table.gates, np.array(gates, np.float32))


@pytest.fixture(scope="module")
def system():
    """Gates from 5 bits down to 2; its gates are set anew by each test."""
    return method(*ASKED, "ddq.alpha=2")


@pytest.fixture
def opened(system, pynative):
    for table in (*system.learned.of_weights, *system.learned.of_inputs):
        turn(table, 1, 1, 1)
    return system


def test_the_table_says_what_is_learned(opened):
    opened.learned.tell()
    rows = opened.table
    assert [row["quantizer"] for row in rows] == ["lsq"] + ["levels"] * 6 + ["lsq"]
    assert {(row["w_bits"], row["a_bits"]) for row in rows[1:-1]} == {(5, 5)}
    turn(opened.learned.of_weights[2], 1, -1, 1)
    told = opened.learned.tell()["levels.json"]["layers"]
    assert (rows[3]["w_bits"], rows[3]["a_bits"]) == (3, 5)
    assert [len(row["weights"]) for row in told] == [32, 32, 8, 32, 32, 32]
    assert sum(told[0]["histogram"]["counts"]) == WEIGHTS[0]


def test_the_price_is_that_of_the_widths_of_now(opened):
    ends = opened.cost.fixed() - 25 * sum(MACS)
    assert ends == 64 * (27 * 16 * 64 + 640)
    turn(opened.learned.of_weights[2], 1, -1, 1)
    turn(opened.learned.of_inputs[2], -1, 1, 1)
    assert opened.cost.fixed() == ends + 25 * sum(MACS) - (25 - 3 * 2) * MACS[2]
    assert opened.cost.mean_bits(np.zeros((1, 0)), np.zeros((1, 0))) == (10 * 5 + 3 + 2) / 12
    assert opened.cost.uniform(4) == ends + 16 * sum(MACS)
    assert opened.learned.budget.target_bitops == ends + 16 * sum(MACS)


def test_above_the_budget_the_task_loss_counts_more(opened):
    ratio = opened.cost.fixed() / opened.learned.budget.target_bitops
    found = numbers(opened)
    assert found["factor"] == pytest.approx(ratio**2, rel=1e-5) and found["penalty"] == 0
    assert found["mean_bits"] == 5 and found["bitops"] == pytest.approx(opened.cost.fixed(), rel=1e-6)
    for table in (*opened.learned.of_weights, *opened.learned.of_inputs):
        turn(table, 1, -1, 1)
    assert numbers(opened)["factor"] == 1


def test_the_gradient_of_the_budget(opened):
    """Of the last open gate, and of the first closed one: what a bit costs; of others nothing."""
    gates = opened.learned.of_weights[1].gates
    ratio = opened.cost.fixed() / opened.learned.budget.target_bitops
    turn(opened.learned.of_weights[1], 1, -1, 1)
    bit = 5 * MACS[1] / opened.learned.budget.target_bitops
    d = ms.grad(lambda: opened.learned.budget()["factor"], None, [gates])()[0].asnumpy()
    slope = 2 * (ratio - 2 * bit) * bit
    np.testing.assert_allclose(d, [slope, slope, 0], rtol=1e-4)


@pytest.mark.parametrize("form", ["power", "hinge"])
def test_memory_and_the_hinge(form, pynative):
    built = method(*ASKED, "ddq.budget=memory", f"ddq.form={form}", "ddq.alpha=0.5", "ddq.gates=weights")
    assert not built.learned.of_inputs[0].is_gated
    found = numbers(built)
    assert found["penalty"] == (0 if form == "power" else pytest.approx(0.5 * 0.25, rel=1e-5))
    assert found["factor"] == (1 if form == "hinge" else pytest.approx(1.25**0.5, rel=1e-5))
    built.learned.budget.settle()
    widths = np.array([w for w, _ in built.learned.widths().values()])
    assert np.array(WEIGHTS) @ widths <= 4 * sum(WEIGHTS) and built.learned.budget.is_settled()


def test_gates_settle_within_the_budget(opened):
    """The gate nearest to closing closes first; what is left of the budget is used."""
    first = opened.learned.of_weights[0]
    turn(first, 1, 1, 0.01)
    budget = opened.learned.budget
    assert not budget.is_settled()
    budget.settle()
    assert budget.is_settled() and first.bits == 4
    left = budget.target_bitops - opened.cost.fixed()
    smallest = min(m * min(pair) for m, pair in zip(MACS, opened.learned.widths().values(), strict=True))
    assert 0 <= left < smallest, "a gate more would not fit"
    before = opened.learned.widths()
    assert np.abs(first.gates.asnumpy()).min() == SETTLED
    budget.settle()
    assert opened.learned.widths() == before


def test_three_times_of_the_training(opened):
    learned = opened.learned
    learned.options = DdqOptions(freeze=0.4, grid=0.2)
    seen = []
    for epoch in range(1, 11):
        learned.before_epoch(epoch, 10)
        seen.append((learned.budget.is_settled(), learned.of_weights[0].is_on_grid, learned.is_final()))
    assert seen == [(False, False, False)] * 6 + [(True, False, False)] * 2 + [(True, True, True)] * 2
    learned.before_epoch(11, 40)  # the run is prolonged: what is decided stays so
    assert learned.is_final()


def test_without_gates_and_grid_every_epoch_is_final(pynative):
    learned = method(*ASKED, "ddq.gates=none", "ddq.grid=0").learned
    learned.before_epoch(1, 10)
    assert learned.is_final()


def test_at_least_one_layer_has_to_be_left(pynative):
    names = [row["name"] for row in method(*ASKED).table][1:-1]
    with pytest.raises(UserError, match=r"method.name=ddq learns the levels of .* leave none"):
        method(*ASKED, f"quant.exceptions={ {name: 4 for name in names} }")


def test_an_export_is_of_levels_on_the_grid(pynative):
    learned = method(*ASKED, "ddq.gates=none").learned
    tables = [*learned.of_weights, *learned.of_inputs]
    assert not any(table.rounded.asnumpy()[0] for table in tables)
    learned.become_integral()
    assert all(table.rounded.asnumpy()[0] == 1 for table in tables)


def test_fixed_widths_have_no_gates(pynative):
    built = method(*ASKED, "ddq.gates=none", "ddq.w_bits=4", "ddq.a_bits=8")
    assert built.learned.budget.is_settled() and set(built.learned.widths().values()) == {(4, 8)}
    assert not [p.name for p in built.network.trainable_params() if "gates" in p.name]
    assert numbers(built)["factor"] == 1
    logits, plan = answer(built, images(1))
    assert np.isfinite(logits).all() and plan is None


def test_native_kernels_stand_in(pynative):
    """The same answers; what learns is the same."""
    if not kernels.available():
        pytest.skip("no C++ compiler")
    config = load_config(None, ["model.name=resnet8", *ASKED])
    native = build_system(config, CLASSES, SIDE, native=True)[0]
    for table in (*native.learned.of_weights, *native.learned.of_inputs):
        assert table.quantize is not table.portable
    x = images(2)
    expected = answer(method(*ASKED), x)[0]
    np.testing.assert_allclose(answer(native, x)[0], expected, atol=1e-3 * np.abs(expected).max())


def test_options_are_checked():
    with pytest.raises(UserError, match=r"ddq.w_least=4: gates could never meet ddq.w_bits=3; at most 3"):
        load_config(None, ["method.name=ddq", "ddq.w_bits=3", "ddq.w_least=4"])
    for gates in ("inputs", "both"):
        with pytest.raises(UserError, match=f"nothing would bound .* ddq.gates={gates} learns"):
            load_config(None, ["method.name=ddq", "ddq.budget=memory", f"ddq.gates={gates}"])
    with pytest.raises(UserError, match="ddq.freeze=0 with ddq.gates=both: gates would never settle"):
        load_config(None, ["method.name=ddq", "ddq.freeze=0"])
    assert load_config(None, ["ddq.freeze=0", "ddq.gates=none"]).ddq.freeze == 0
    assert load_config(None, ["ddq.w_bits=2", "ddq.gates=none", "ddq.w_least=4"]).ddq.w_bits == 2
    assert Ddq.options().top(8, "weights") == 8


def trained(folder, *overrides, resume=False):
    if resume:
        run, config = continue_run(folder, list(overrides))
    else:
        asked = [
            *ASKED, "model.name=resnet8", "data.image_size=8", "data.batch_size=256",
            "data.eval_batch_size=355", "train.lr=0.05", "train.schedule=constant", "ddq.freeze=0.4",
            "ddq.grid=0.4", f"run.dir={folder}", *overrides,
        ]  # fmt: skip
        config = load_config(None, asked)
        run = create_run(config, None)
    return run, train_run(config, run, start(config.device, config.train.seed), resume)


def metrics(run) -> list[dict]:
    with run.metrics_file.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [{k: v for k, v in row.items() if "seconds" not in k} for row in rows]


@pytest.mark.slow
def test_a_run_keeps_its_widths_and_resumes_exactly(tmp_path, monkeypatch):
    asked = ["train.epochs=4", "data.val_split=0.3"]
    whole, results = trained(tmp_path / "whole", *asked)
    rows = metrics(whole)
    assert results["bitops"] <= float(rows[-1]["budget_bitops"]) < float(rows[0]["bitops"])
    table = json.loads((whole.path / "layers.json").read_text())["layers"]
    stored = json.loads((whole.path / "levels.json").read_text())["layers"]
    for row, levels in zip(table[1:-1], stored, strict=True):
        sizes = len(levels["weights"]), len(levels["inputs"])
        assert sizes == (2 ** row["w_bits"], 2 ** row["a_bits"])

    def stop(self, epoch, epochs):
        if epoch == 4:
            raise KeyboardInterrupt
        return before_epoch(self, epoch, epochs)

    before_epoch = LearnedLevels.before_epoch
    monkeypatch.setattr(LearnedLevels, "before_epoch", stop)
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "stopped", *asked)
    monkeypatch.undo()
    resumed, again = trained(tmp_path / "stopped", resume=True)
    assert metrics(resumed) == rows
    assert (again["top1"], again["loss"]) == (results["top1"], results["loss"])
