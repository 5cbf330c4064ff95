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
"""A MINDIR gives the network's own answers in a process that knows nothing of it."""

import numpy as np
import pytest
from mindspore import Tensor, nn

from src.data import Loader
from src.deploy.compare import rung_answers
from src.deploy.mindir import whole as module
from src.deploy.mindir.whole import export_checked, run_mindir
from src.errors import UserError
from src.runtime import Runtime
from src.train.evaluate import evaluate
from tests.deploy.ladders import at_several_widths
from tests.methods.build import method, randomise_head
from tests.models.tiny import NAME

DQT = ["method.name=dqt", "dqt.pool=2", "dqt.hidden=8"]
CASES = {
    "dqnet": ["method.name=dqnet", "quant.quantizer=lsq"],
    "static with 8-bit ends": ["method.name=static", "quant.quantizer=lsq", "quant.first_last=8"],
    "dqt": DQT,
    "mobilenetv2 under pact": ["method.name=static", "quant.quantizer=pact", f"model.name={NAME}"],
    "float": ["method.name=float"],
}
SLOW = list(CASES)[2:]


@pytest.mark.parametrize(
    "case", [*list(CASES)[:2], *(pytest.param(case, marks=pytest.mark.slow) for case in SLOW)]
)
def test_the_file_answers_as_evaluation_does(case, digits, tmp_path):
    """A fresh process and the path of eval.py: classes, confidences and widths of each image."""
    built, path, images = method(*CASES[case]), tmp_path / "net.mindir", digits.batch(np.arange(8))
    if built.controller is not None:
        randomise_head(built, images)
    row = export_checked(built, path, 4, digits)
    assert (row["batch"], row["images"]) == (4, 8) and row["largest_difference"] <= 1e-4
    answers = evaluate(built, Loader(digits, 8, train=False), Runtime("CPU"))
    outputs = run_mindir(path, images.reshape(2, 4, *images.shape[1:]))
    logits, *plan = [np.concatenate(parts) for parts in zip(*outputs, strict=True)]
    powers = np.exp(logits - logits.max(1, keepdims=True))
    np.testing.assert_array_equal(logits.argmax(1), answers.predicted[:8])
    np.testing.assert_allclose(
        (powers / powers.sum(1, keepdims=True)).max(1), answers.confidence[:8], rtol=1e-4
    )
    if plan:
        bits = np.array(built.widths)[plan[0].argmax(-1)]
        np.testing.assert_array_equal(bits[:, :, 0], answers.w_bits[:8])
        np.testing.assert_array_equal(bits[:, :, -1], answers.a_bits[:8])
        assert len(np.unique(bits)) > 1


@pytest.mark.slow
def test_one_width(digits, tmp_path):
    system, images = at_several_widths("dqt"), digits.batch(np.arange(8))
    expected = rung_answers(system, images, system.widths)
    system.forced = 1
    row = export_checked(system, tmp_path / "net_4bit.mindir", 4, digits)
    assert row["largest_difference"] < 1e-4
    outputs = run_mindir(tmp_path / "net_4bit.mindir", images.reshape(2, 4, *images.shape[1:]))
    logits = np.concatenate([logits for (logits,) in outputs])
    np.testing.assert_allclose(logits, expected[1], atol=1e-4 * np.abs(expected).max())


class Noisy(nn.Cell):
    """What must never be exported: a network that holds the noise of training."""

    def __init__(self, built, batch):
        super().__init__(auto_prefix=False)
        self.network = built.answering
        self.draws = [Tensor(x) for x in built.drawn(np.random.default_rng(0), batch, True)]

    def construct(self, image):
        return self.network(image, *self.draws)


def test_noise_of_training_in_the_file_is_refused(digits, tmp_path, monkeypatch):
    built = method(*CASES["dqnet"])
    randomise_head(built, digits.batch(np.arange(8)))
    monkeypatch.setattr(module, "Deployed", Noisy)
    with pytest.raises(UserError, match="net.mindir differs from the network"):
        export_checked(built, tmp_path / "net.mindir", 1, digits)


def test_a_path_with_other_signs(digits, tmp_path):
    path = tmp_path / "it's my net" / "a+b.mindir"
    row = export_checked(method("method.name=float"), path, 1, digits)
    assert row["largest_difference"] <= 1e-4
    assert path.stat().st_mode & 0o200, "its owner may write it, as any new file"


def test_damaged_file_is_named(tmp_path):
    path = tmp_path / "net.mindir"
    path.write_bytes(b"no graph")
    with pytest.raises(UserError, match="net.mindir"):
        run_mindir(path, np.zeros((1, 1, 3, 32, 32), np.float32))


def test_a_batch_of_more_images_than_there_are(digits, tmp_path):
    batch = len(digits) + 45
    row = export_checked(method("method.name=float"), tmp_path / "net.mindir", batch, digits)
    assert row["batch"] == batch and row["largest_difference"] < 1e-4
