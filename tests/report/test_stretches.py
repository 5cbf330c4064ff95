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
"""Each stage of a record's training has its own epochs, rate, optimizer, loss and speed."""

import pytest
import yaml

from src.report.load import load_run
from src.report.performance import performance
from src.report.stretches import by_stage, stretches
from tests.report.fake_run import COLUMN_LINE, Fake, write_run


@pytest.fixture
def record(tmp_path):
    """A function: (method, (stage, epochs, steps of one, seconds of one) ..., keys by section) -> the record."""

    def write(method, *stages, **keys):
        folder = write_run(tmp_path / "run", Fake(method=method, images=20))
        (folder / "model.safetensors").write_bytes(b"x")
        lines = [
            f"{name},{epoch},{steps * epoch},0.001,{epoch / 4},,,,,,,,,,{seconds},"
            for name, epochs, steps, seconds in stages
            for epoch in range(1, epochs + 1)
        ]
        (folder / "metrics.csv").write_text("\n".join((COLUMN_LINE, *lines)) + "\n")
        config = yaml.safe_load((folder / "config.yaml").read_text())
        for section, values in keys.items():
            config.setdefault(section, {}).update(values)
        (folder / "config.yaml").write_text(yaml.safe_dump(config))
        return load_run(folder)

    return write


def test_a_single_stage_is_told_as_it_is(record):
    static = record("static", ("static", 3, 100, 20), train={"lr": 0.04, "epochs": 3})
    assert "| Training parameters | epochs=3, batch_size=None, lr=0.04 |" in performance(static)
    assert "| Speed | 200 ms/step (median of 3 epochs) |" in performance(static)


def test_a_controller_that_learns_behind_the_rest_has_numbers_of_its_own(record):
    keys = {"counterfactual_epochs": 2, "counterfactual_lr": 0.01}
    stages = ("float", 1, 100, 5), ("dqnet", 3, 100, 20), ("counterfactual", 2, 10, 4)
    train = {"lr": 0.04, "pretrain_epochs": 1, "pretrain_lr": 0.1, "epochs": 3, "distill_weight": 0.5}
    text = performance(record("dqnet", *stages, train=train, dqnet=keys, data={"batch_size": 8}))
    parameters = "float: epochs=1, lr=0.1; dqnet: epochs=3, lr=0.04; counterfactual: epochs=2, lr=0.01"
    assert f"| Training parameters | batch_size=8; {parameters} |" in text
    assert "| Optimizer | SGD with momentum |" in text
    assert "float: softmax cross entropy; dqnet: softmax cross entropy and distillation; counterfactual: cross" in text
    assert "| Loss | float: 0.250; dqnet: 0.750; counterfactual: 0.500 |" in text
    assert "float: 50 ms/step (median of 1 epochs); dqnet: 200 ms/step" in text
    assert "counterfactual: 400 ms/step (median of 2 epochs) |" in text


@pytest.mark.parametrize(("learns", "told"), [("ppo", "PPO's"), ("counterfactual", "squared error of")])
def test_an_agent_learns_by_its_own_rule(record, learns, told):
    keys = {"agent_epochs": 2, "agent_lr": 0.005, "agent": learns}
    stages = ("supernet", 3, 100, 20), ("agent", 2, 10, 4)
    found = stretches(record("abn", *stages, abn=keys, quant={"quantizer": "lsq"}))
    assert by_stage(found, "optimizer") == "supernet: SGD with momentum; agent: AdamW"
    assert [one.objective.startswith(told) for one in found] == [False, True] and found[1].lr == "0.005"


def test_features_that_are_learned_from_the_teacher_are_told(record):
    train = {"lr": 0.04, "epochs": 3, "distill_weight": 1.0, "distill_features": 20.0, "teacher_weights": "float.npz"}
    (one,) = stretches(record("static", ("static", 3, 100, 20), train=train))
    assert one.objective == "softmax cross entropy and distillation, of features too"
