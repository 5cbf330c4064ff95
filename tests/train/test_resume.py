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
"""What a resumed run may not be: another one, a shorter one, one that begins anew."""

import dataclasses

import pytest

from src.config import known_keys, load_config
from src.errors import UserError
from src.methods import METHODS
from src.methods.agent_options import AgentOptions
from src.train.checkpoints import RunState
from src.train.resume import check_finished, check_overrides, check_steps, check_stored


@pytest.mark.parametrize(
    "override",
    ["data.path=elsewhere", "model.weights=w.npz", "train.epochs=99", "train.lr=0.01", "device.threads=1"],
)
def test_how_it_goes_on_may_change(override):
    check_overrides(load_config(), load_config(None, [override]))


@pytest.mark.parametrize(
    "override", ["data.val_split=0.5", "quant.w_bits=2", "train.seed=7", "train.nesterov=True", "dqt.pool=4"]
)
def test_what_it_learns_may_not(override):
    with pytest.raises(UserError, match=f"{override}: this run was begun with .* start a new run"):
        check_overrides(load_config(), load_config(None, [override.lower()]))

AGENT_KEYS = [field.name for field in dataclasses.fields(AgentOptions)]


def test_a_network_and_its_data_are_what_they_were():
    """Of the sections that say so, a path or the reading may change; of a method's options those of stages
    that follow, which a finished run may be given later."""
    free = {name for name, (_, item) in known_keys().items() if item.metadata["resumable"]}
    later = {f"{name}.counterfactual_{key}" for name in ("dqnet", "dqt") for key in ("epochs", "price", "lr")}
    later |= {f"abn.{key}" for key in AGENT_KEYS if key != "agent_hidden"}
    later |= {"abn.finetune_epochs", "abn.finetune_lr"}
    assert {name for name in free if name.split(".")[0] not in ("train", "device")} - later == {
        "run.dir", "data.path", "data.batch_size", "data.eval_batch_size", "data.workers",
        "data.max_errors", "model.weights", "model.head_weights",
    }  # fmt: skip
    fixed = {name for name in known_keys() if name.startswith(("train.", "device."))} - free
    assert fixed == {
        "train.seed", "train.pretrain_epochs", "train.pretrain_lr", "train.head_epochs", "train.head_lr",
        "train.nesterov", "train.optimizer",
    }  # fmt: skip
    assert later <= free


def stages(*overrides: str):
    return METHODS["abn"].stages(load_config(None, ["method.name=abn", "data.val_split=0.1", *overrides]))


def test_a_checkpoint_that_is_gone(tmp_path):
    """A row may be of an epoch that was killed before it was stored; two are not."""
    last, (ten,) = tmp_path / "last.ckpt", stages("train.epochs=10")
    for rows in (0, 1):
        check_stored(rows, 0, ten, last)
    with pytest.raises(UserError, match="last.ckpt is missing, but metrics.csv tells of 2 epochs"):
        check_stored(2, 0, ten, last)
    last.touch()
    check_stored(2, 2, ten, last)


def test_fewer_epochs_than_are_stored(tmp_path):
    last = tmp_path / "last.ckpt"
    last.touch()
    check_stored(4, 4, stages("train.epochs=4")[0], last)
    with pytest.raises(UserError, match="train.epochs=2: 4 are already stored"):
        check_stored(4, 4, stages("train.epochs=2")[0], last)
    agent = stages("abn.agent_epochs=3")[1]
    with pytest.raises(UserError, match="abn.agent_epochs=3: 10 are already stored"):
        check_stored(14, 10, agent, last)


@pytest.fixture
def resumed(tmp_path, monkeypatch):
    """A function: where an ABN run of 4, 3 and 2 epochs stands, what it is asked for now."""
    run = ["method.name=abn", "data.val_split=0.1", "train.epochs=4", "abn.agent_epochs=3", "abn.finetune_epochs=2"]
    last = tmp_path / "last.ckpt"
    last.touch()

    def ask(stage: str, epoch: int, *overrides: str, method: tuple[str, ...] = ()) -> None:
        monkeypatch.setattr("src.train.resume.read_state", lambda _: RunState(stage, epoch=epoch))
        before = load_config(None, [*run, *method])
        check_finished(before, load_config(None, [*run, *method, *overrides]), last)

    return ask


@pytest.mark.parametrize(
    ("stage", "epoch", "override", "had"),
    [
        ("agent", 1, "train.epochs=6", 4),
        ("agent", 1, "train.epochs=2", 4),
        ("agent", 0, "train.lr=0.01", 0.1),
        ("finetune", 2, "abn.agent_epochs=5", 3),
        ("finetune", 0, "abn.agent_lr=0.5", 0.005),
        ("finetune", 2, "abn.finetune_lr=0.5", 0.002),
    ],
)
def test_a_stage_that_is_over_keeps_its_length_and_rate(resumed, stage, epoch, override, had):
    key = override.split("=")[0]
    with pytest.raises(UserError, match=f"^{override}: stage .* is over, it was trained with {key}={had}"):
        resumed(stage, epoch, override)


@pytest.mark.parametrize(
    ("stage", "epoch", "overrides"),
    [
        ("supernet", 2, ["train.epochs=6", "train.lr=0.01", "abn.agent_epochs=1"]),
        ("supernet", 3, ["train.epochs=3"]),
        ("supernet", 4, ["train.epochs=6", "train.lr=0.01"]),
        ("finetune", 2, ["abn.finetune_epochs=5", "abn.finetune_lr=0.5"]),
        ("agent", 3, ["train.weight_decay=0"]),
    ],
)
def test_a_stage_that_goes_on_may_change_them(resumed, stage, epoch, overrides):
    resumed(stage, epoch, *overrides)


def test_other_steps():
    check_steps((1442, 1442), (64, 64))
    check_steps((0, 1442), (0, 64))
    with pytest.raises(UserError, match="begun with 1442 training images, now there are 1443"):
        check_steps((1442, 1443), (64, 64))
    with pytest.raises(UserError, match="product is 64"):
        check_steps((1442, 1442), (64, 128))
