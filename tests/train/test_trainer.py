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
"""A stage: what it hands to the controller, what it writes down, and what it refuses to go on with."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from mindspore import nn, ops

from src.config import load_config
from src.cost.bitops import CostModel, LayerCost
from src.errors import UserError
from src.layers.norm import BatchNorm
from src.methods.base import Draws, Stage, System
from src.parameters import assign
from src.runtime import MeanOverWorkers, Runtime
from src.train.batches import Loaders
from src.train.checkpoints import RunState, read_state
from src.train.run_folder import RunFolder
from src.train.trainer import Trainer
from tests.system.runs import tensors
from tests.train.small import SmallNetwork, small_batch, values

STEPS, BATCH = 7, 8
WIDTHS = (2, 4, 8)
COST = CostModel([LayerCost("a", 10, 1, 1, WIDTHS, WIDTHS, 0)])


class Steps:
    """Seven batches, each with data of its own, the same ones in every epoch.

    Args:
        spoilt: number of a batch that is not finite.
        stops: (epoch, number) of a batch before which Ctrl-C is pressed.
    """

    batch_size = BATCH

    def __init__(self, spoilt: int | None = None, stops: tuple[int, int] | None = None):
        self.spoilt, self.stops, self.taken = spoilt, stops, 0

    def __len__(self):
        return STEPS

    def epoch(self, epoch, first=0):
        for number in range(first, STEPS):
            if self.stops == (epoch, number + 1):
                raise KeyboardInterrupt
            images, labels = small_batch(BATCH, seed=number)
            if number + 1 == self.spoilt:
                images[0, 0] = np.nan
            self.taken = number + 1
            yield SimpleNamespace(images=images, labels=labels)


class Judged:
    """The eight images that epochs are judged by."""

    dataset = range(BATCH)

    def epoch(self, epoch):
        images, labels = small_batch(BATCH, seed=99)
        yield SimpleNamespace(images=images, labels=labels, index=np.arange(BATCH), valid=BATCH)


class Noting(Draws):
    """Notes what it is asked for."""

    def __init__(self):
        self.drawn, self.done = [], []

    def draw(self, rng, images, done):
        self.drawn.append(float(rng.random()))
        self.done.append(done)
        return (np.full((images, 1, 1, 3), 1 / 3, np.float32),)

    def still(self, images, forced=None):
        return (np.full((images, 1, 1, 3), 1 / 3, np.float32),)


class Planned(SmallNetwork):
    def construct(self, image, plan):
        logits = ops.matmul(ops.minimum(ops.matmul(image, self.hidden), self.clip), self.out)
        return {"logits": logits, "plan": plan, "soft": plan}


class Price(nn.Cell):
    """A penalty of nothing that reports 3 bits."""

    def __init__(self):
        super().__init__()
        self.joined = nn.Identity()

    def join_workers(self, mean):
        self.joined = mean

    def construct(self, plan, p):
        nothing = plan.sum() * 0
        return {
            "penalty": nothing,
            "mean_bits": nothing + 3,
            "bitops": nothing + 90,
            "entropy": nothing + 0.5,
        }


def planned_method() -> System:
    targets = {"budget_bits": 4, "budget_bitops": 180.0}
    return System("dqnet", Planned(), [], COST, WIDTHS, Price(), Noting(), targets=targets)


@pytest.fixture
def stage(tmp_path):
    """A function that makes a stage of two epochs whose learning rate is 0 unless it is said."""

    def make(
        method=None, runtime=None, loader=None, held_out=False, name=None, lr=0.0, state=None, updates=1,
        **train,
    ):  # fmt: skip
        options = {"train.schedule": "constant", "train.weight_decay": 0, **train}
        config = load_config(None, [f"{k}={v}" for k, v in options.items()])
        method = method or System("static", SmallNetwork(), [], CostModel([]))
        name = name or method.name
        loaders = Loaders(loader or Steps(), Judged(), held_out)
        return Trainer(
            Stage(name, name, 2, lr, updates=updates), method, config, RunFolder(tmp_path), runtime or Runtime("CPU"),
            loaders, None, state or RunState(name, STEPS * BATCH, BATCH),
        )  # fmt: skip

    return make


def train(stage: Trainer) -> None:
    stage.begin()
    stage.run()


def last_row(path) -> dict:
    head, *lines = (path / "metrics.csv").read_text().splitlines()
    return dict(zip(head.split(","), lines[-1].split(","), strict=True))


def numpy_numbers() -> tuple[float, float]:
    """Mean loss and accuracy of the small network over the seven batches."""
    network, losses, right = SmallNetwork(), [], []
    w, v, clip = (p.asnumpy().astype(np.float64) for p in (network.hidden, network.out, network.clip))
    for number in range(STEPS):
        images, labels = small_batch(BATCH, seed=number)
        y = np.minimum(images @ w, clip) @ v
        log_p = y - np.log(np.exp(y).sum(1, keepdims=True))
        losses.append(-log_p[np.arange(BATCH), labels].mean())
        right.append((y.argmax(1) == labels).mean())
    return float(np.mean(losses)), float(np.mean(right))


# A device whose results the loop reads only now and then.
DEVICES = pytest.mark.parametrize("device", ["CPU", "Ascend"])


class Normed(SmallNetwork):
    def __init__(self):
        super().__init__()
        self.norm = BatchNorm(5)

    def construct(self, image):
        hidden = self.norm(ops.matmul(image, self.hidden).reshape(-1, 5, 1, 1)).reshape(-1, 5)
        return {"logits": ops.matmul(hidden, self.out), "embedding": hidden}


class NotingNetwork(Steps):
    """Keeps the network's values as they are when an epoch begins."""

    def __init__(self, network: nn.Cell):
        super().__init__()
        self.network, self.began = network, {}

    def epoch(self, epoch, first=0):
        self.began[epoch] = values(self.network)
        return super().epoch(epoch, first)


def test_statistics_are_frozen_in_the_last_epochs(stage):
    network = Normed()
    loader = NotingNetwork(network)
    method = System("static", network, [], CostModel([]))
    train(stage(method, loader=loader, lr=0.1, **{"train.freeze_statistics": 0.5}))
    first, second, end = loader.began[1], loader.began[2], values(network)
    statistics = {name for name in end if "moving_" in name}
    assert len(statistics) == 2 and not any(np.array_equal(first[name], second[name]) for name in statistics)
    still = {name for name in end if np.array_equal(second[name], end[name])}
    assert still == statistics | {"clip"}  # which nothing reads


@DEVICES
@pytest.mark.parametrize("every", [1, 3, 50])
def test_the_row_holds_the_mean_over_all_steps(stage, tmp_path, device, every):
    made = stage(runtime=Runtime(device), **{"train.log_every": every})
    train(made)
    loss, top1 = numpy_numbers()
    row = last_row(tmp_path)
    assert float(row["train_loss"]) == pytest.approx(loss, rel=1e-5)
    assert float(row["train_top1"]) == pytest.approx(top1, abs=1e-7)
    assert (row["epoch"], row["step"]) == ("2", str(2 * STEPS))


def test_the_row_of_a_controller(stage, tmp_path):
    train(stage(planned_method()))
    row = last_row(tmp_path)
    names = ("mean_bits", "bitops", "entropy", "budget_bits", "budget_bitops")
    assert [float(row[name]) for name in names] == [3, 90, 0.5, 4, 180]


@DEVICES
@pytest.mark.parametrize("spoilt", [1, 2, STEPS])
def test_nan_is_found_wherever_it_is_and_nothing_is_stored(stage, tmp_path, device, spoilt):
    loader = Steps(spoilt)
    made = stage(runtime=Runtime(device), loader=loader, **{"train.log_every": 50})
    with pytest.raises(UserError, match=f"static, epoch 1, step {spoilt}: "):
        train(made)
    assert loader.taken == (spoilt if device == "CPU" else STEPS), "on a CPU it stops at once"
    assert list(tmp_path.iterdir()) == []


def test_an_epoch_whose_weights_overflow_is_not_stored(stage, tmp_path):
    """The last step's update is seen by no loss: the checkpoint looks at the weights themselves."""
    made = stage()
    train_epoch = made._train_epoch

    def overflows(epoch):
        row = train_epoch(epoch)
        if epoch == 2:
            assign(made.system.network.hidden, np.full((4, 5), np.inf))
        return row

    made._train_epoch, made._judge = overflows, lambda epoch: {}
    with pytest.raises(UserError, match="hidden is not finite after epoch 2 .*not stored"):
        train(made)
    assert read_state(tmp_path / "ckpt/last.ckpt").epoch == 1


@pytest.mark.parametrize(("bad", "passes"), [(4, [("images", 1), ("images", 2)]), (3, [])])
def test_a_step_is_explained_by_the_passes_of_its_stage(monkeypatch, bad, passes):
    """Those of an earlier step are gone where results are read late."""
    monkeypatch.setattr("src.train.trainer.explain_not_finite", lambda *told: UserError(told))
    draws = SimpleNamespace(passes=lambda drawn: [drawn[:1], drawn[1:]])
    trainer = SimpleNamespace(name="agent", draws=draws, system=SimpleNamespace(network="network"))
    with pytest.raises(UserError) as error:
        Trainer._read(trainer, SimpleNamespace(read=lambda: bad), 2, "images", (1, 2), 4)
    assert error.value.args == (("network", passes, f"agent, epoch 2, step {bad}", False),)


def test_progress_of_the_training_rises_over_the_epochs(stage):
    """What falls with it, such as a temperature, does not begin anew in each epoch."""
    method = planned_method()
    train(stage(method))
    asked = method.draws.done[1:]  # the first is calibration's
    np.testing.assert_allclose(asked, np.arange(2 * STEPS) / (2 * STEPS))


def test_noise_is_new_in_each_step_epoch_stage_and_worker_and_repeats_with_the_seed(stage):
    def drawn(**options) -> list[float]:
        method = planned_method()
        train(stage(method, **options))
        return method.draws.drawn[1:]

    alone = drawn()
    assert len(set(alone)) == 2 * STEPS
    assert drawn() == alone
    others = (
        drawn(name="agent"),
        drawn(**{"train.seed": 2}),
    )
    for other in others:
        assert not set(other) & set(alone)
    first, second = (
        stage(planned_method(), runtime=Runtime("CPU", rank=rank))._randomness(1).random()
        for rank in (0, 1)
    )
    assert first == alone[0] != second


@pytest.mark.parametrize("stops, save_every", [((2, 4), 0), ((2, STEPS), 0), ((1, 2), 0), ((2, 6), 2)])
def test_a_run_that_is_stopped_goes_on_with_the_next_step(stage, tmp_path, stops, save_every):
    """To the same weights, with the same noise and the same row; it stored every second step, or when it
    was told to stop."""
    last = tmp_path / "ckpt/last.ckpt"
    whole = planned_method()
    train(stage(whole, lr=0.1))
    expected, row = tensors(last), last_row(tmp_path)
    first, second = planned_method(), planned_method()
    stopped = stage(first, lr=0.1, loader=Steps(stops=stops), **{"train.save_every": save_every})
    with pytest.raises(KeyboardInterrupt):
        train(stopped)
    state = read_state(last)
    assert (state.epoch, state.step) == (stops[0] - 1, stops[1] - 1)
    train(stage(second, lr=0.1, state=state))
    found = tensors(last)
    assert all(np.array_equal(found[name], expected[name]) for name in expected)
    loose = ("seconds", "data_seconds")
    assert {k: v for k, v in last_row(tmp_path).items() if k not in loose} == {
        k: v for k, v in row.items() if k not in loose
    }
    # Calibration's draw comes first in a run that begins, and one that goes on draws again what is used up.
    assert first.draws.drawn[1:] + second.draws.drawn[stops[1] - 1 :] == whole.draws.drawn[1:]


def test_a_run_that_goes_on_with_more_updates_keeps_its_place_in_the_schedule(stage, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train(stage(lr=0.1, loader=Steps(stops=(2, 4))))
    made = stage(lr=0.1, state=read_state(tmp_path / "ckpt/last.ckpt"), updates=3)
    made.begin()
    assert made.optimizer.global_step.asnumpy().tolist() == [3 * (STEPS + 3)]


def test_nothing_is_stored_before_a_step(stage, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train(stage(loader=Steps(stops=(1, 1))))
    assert not (tmp_path / "ckpt/last.ckpt").exists()


def test_rows_of_an_epoch_that_was_not_stored_are_not_written_twice(stage, tmp_path):
    """Killed between row and checkpoint of the first epoch."""
    made = stage()
    made.folder.append_metrics({"stage": "float", "epoch": 1})
    made.folder.append_metrics({"stage": "static", "epoch": 1})
    train(made)
    lines = (tmp_path / "metrics.csv").read_text().splitlines()[1:]
    rows = [line.split(",")[:2] for line in lines]
    assert rows == [["float", "1"], ["static", "1"], ["static", "2"]]


@pytest.mark.parametrize("held_out", [False, True])
def test_the_best_epoch_is_kept_where_images_were_held_out(stage, tmp_path, held_out):
    train(stage(held_out=held_out, **{"train.save_every": 2}))
    assert (tmp_path / "ckpt/best.ckpt").is_file() == held_out
    if held_out:
        assert read_state(tmp_path / "ckpt/best.ckpt").place == "epoch 1", "the second is no better"


@pytest.mark.parametrize("held_out", [False, True])
def test_what_is_measured_is_of_the_network_that_the_stage_ends_with(stage, tmp_path, held_out):
    """Of the best one where images were held out: its weights stay what they were."""
    made, top1 = stage(held_out=held_out, lr=0.1), iter([0.9, 0.8])
    network, of_epoch = made.system.network, []

    def judged(forced):
        of_epoch.append(network.hidden.asnumpy().copy())
        return {"loss": 1.0, "top1": next(top1), "top5": 1.0, "collapsed": False}

    def measure(system, answers):
        measured.append(system.network.hidden.asnumpy().copy())
        assign(system.network.clip, np.float32([7]))

    measured, made.judge.numbers = [], judged
    made.stage = replace(made.stage, measure=measure)
    train(made)
    np.testing.assert_array_equal(measured[0], of_epoch[0 if held_out else 1])
    stored = tensors(tmp_path / "ckpt" / ("best.ckpt" if held_out else "last.ckpt"))
    np.testing.assert_array_equal(stored["hidden"], measured[0])
    assert stored["clip"] == 7
    assert read_state(tmp_path / "ckpt/last.ckpt").epoch == 2


def test_several_workers_share_the_budget(stage, monkeypatch):
    monkeypatch.setattr("src.train.step.nn.DistributedGradReducer", lambda parameters: None)
    for workers in (1, 3):
        method = planned_method()
        stage(method, runtime=Runtime("CPU", workers=workers))
        expected = nn.Identity if workers == 1 else MeanOverWorkers
        assert isinstance(method.monitor.joined, expected)
