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
"""The model card says what the record holds, and no more."""

import json

import pytest

from src.report.card import card
from src.report.load import load_run
from tests.report.fake_escalation import write_escalating_run
from tests.report.fake_run import Fake, write_run


def row(**values) -> dict:
    plain = {
        "epochs": 24, "teacher": None, "seed": 1, "commit": "abc", "machine": "two cores",
        "command": "python train.py --config c.yaml", "record": "run", "uniform": [], "ladder": [], "budgets": [],
    }  # fmt: skip
    return plain | values


@pytest.fixture
def static(tmp_path):
    folder = write_run(tmp_path / "run", Fake(method="static", dynamic=0, images=80, data="cifar10", data_path="c"))
    (folder / "model.safetensors").write_bytes(b"x" * 1234)
    return folder


def test_a_static_network(static):
    record = load_run(static)
    record.config["model"]["weights"] = "cifar10_resnet20.npz"
    record.evaluation.totals["top1"] = 0.9
    text = card(record, row(teacher="resnet56"))
    assert "1,234 bytes: ResNet-20 as integers, a static DoReFa network, weights and activations of 4 bits" in text
    assert "Top-1 90.00 % of 80 test images (95 % interval 81.5 to 94.8" in text
    assert "24 epochs, from the published ResNet-20 of Yerlan Idelbayev" in text
    assert "distilled from a float resnet56" in text
    assert "BSD 2-Clause" in text and "10 % of the training images were held out" in text
    assert "--test cifar10:cifar-10-batches-bin" in text and "seed 1, commit abc, two cores" in text
    assert "| Training parameters | epochs=24, batch_size=None, lr=0.05 |" in text
    assert "| Resource | x86_64, 2 cores, Linux 6.1 |" in text and "| Accuracy | 90.00 % |" in text
    assert "choice of widths" not in text and "| setting |" not in text


@pytest.mark.parametrize(
    ("quantizer", "told"), [("lsq", "LSQ"), ("pact", "PACT"), ("nested", "nested codes"), ("mine", "mine")]
)
def test_a_static_network_is_called_by_its_quantiser(static, quantizer, told):
    record = load_run(static)
    record.config["quant"]["quantizer"] = quantizer
    assert f"a static {told} network," in card(record, row())


@pytest.mark.parametrize(
    ("method", "pretrain", "is_float_first"), [("static", 6, True), ("static", 0, False), ("float", 6, False)]
)
def test_without_weights_it_says_whether_float_came_first(static, method, pretrain, is_float_first):
    record = load_run(static)
    record.config["method"]["name"], record.config["train"]["pretrain_epochs"] = method, pretrain
    assert ("from random weights, in float first;" in card(record, row())) == is_float_first
    assert ("from random weights;" in card(record, row())) != is_float_first


def test_other_seeds_are_told_where_they_were_run(static):
    record, rows = load_run(static), [row(top1=top1) for top1 in (0.914, 0.916, 0.918)]
    assert "how far apart they lie was not measured." in card(record, rows[0], rows[:1])
    text = card(record, rows[0], rows)
    assert "and 3 of them have a top-1 of 91.60 ± 0.20 % (mean and standard deviation)." in text


def test_resumes_are_told(static):
    record = load_run(static)
    assert "resumed" not in card(record, row())
    record.versions["continuations"] = [{"commit": "def", "machine": "one core"}] * 2
    text = card(record, row())
    assert "commit abc, two cores; resumed 2 times (commit def; one core)." in text
    assert "| Resource | x86_64, 2 cores, Linux 6.1; one core |" in text


def test_what_is_not_known_is_not_made_up(static):
    record = load_run(static)
    record.config["model"]["weights"], record.config["data"]["name"] = "mine.npz", "image_folder"
    record.config["train"]["epochs"], record.metrics = 0, None
    text = card(record, row(epochs=0))
    assert "from `mine.npz`" in text and text.count("not known here") == 2
    assert "Not trained: post-training quantisation" in text and "held out" not in text and "--test" not in text
    assert "| Training |" not in text and "| Inference |" in text


@pytest.mark.parametrize("is_worth_it", [True, False])
def test_a_network_with_a_choice_says_what_it_is_worth(tmp_path, is_worth_it):
    folder = write_escalating_run(tmp_path / "run", images=60)
    (folder / "model.safetensors").write_bytes(b"x")
    (folder / "images").mkdir()
    file = folder / "eval/test.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"choice_pays": is_worth_it}))
    text = card(load_run(folder), row(uniform=[{"bits": (2,), "top1": 0.9, "bitops": 4e7}]))
    assert "super-network that runs at every width" in text
    assert "| 2 | `--bits 2` | 90.00 | 40.0 |" in text
    assert ("The choice of widths by image pays" in text) == is_worth_it
    assert ("worth nothing beyond chance on this test set" in text) != is_worth_it
    assert "infer.py --model results/run/model.safetensors results/run/images" in text
