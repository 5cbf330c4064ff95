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

"""Checkpoints: exact round trip, damage of every kind refused, a full disk costs nothing."""

import errno
import os
import stat
import subprocess

import mindspore as ms
import numpy as np
import pytest
from mindspore import Parameter, Tensor, nn

from src.errors import UserError
from src.keys import TrainConfig
from src.parameters import assign
from src.train.checkpoints import RunState, load_checkpoint, read_state, save_checkpoint, take_over
from src.train.optimizers import build_optimizer
from tests.rights import unreadable
from tests.train.small import SmallNetwork, values

STATE = RunState("dqnet", 1442, 64, epoch=3, best_top1=0.875, float_top1=0.9173)


def trained(seed=0, steps=3):
    """A network and an optimizer with momentum that has made some steps."""
    network = SmallNetwork(seed)
    optimizer = build_optimizer(network.trainable_params(), TrainConfig(), [0.1, 0.2, 0.3, 0.4])
    rng = np.random.default_rng(seed)
    for _ in range(steps):
        shapes = [p.shape for p in optimizer.parameters]
        optimizer(tuple(Tensor(rng.normal(size=s).astype(np.float32)) for s in shapes))
    return network, optimizer


def everything(network, optimizer):
    return {**values(network), **{p.name: p.asnumpy().copy() for p in optimizer.get_parameters()}}


def test_round_trip_is_exact(tmp_path):
    """Weights, momenta, the step counter and the state, to the bit."""
    network, optimizer = trained()
    network.hidden.set_data(Tensor(np.full((4, 5), np.float32(1e-42))))  # denormal
    path = tmp_path / "ckpt" / "last.ckpt"
    save_checkpoint(path, network, STATE, optimizer)
    expected = everything(network, optimizer)
    assert any("moment" in name for name in expected) and any("step" in name for name in expected)
    other, other_optimizer = trained(seed=5, steps=1)
    assert load_checkpoint(path, other, other_optimizer) == STATE == read_state(path)
    got = everything(other, other_optimizer)
    assert got.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(got[name], value, err_msg=name)
    assert [p.name for p in path.parent.iterdir()] == ["last.ckpt"]


def test_the_next_step_after_loading_is_the_same(tmp_path):
    """So the optimizer goes on with its momentum and with the rate of the right step."""
    network, optimizer = trained()
    save_checkpoint(tmp_path / "last.ckpt", network, STATE, optimizer)
    other, other_optimizer = trained(seed=5, steps=1)
    load_checkpoint(tmp_path / "last.ckpt", other, other_optimizer)
    for one in (optimizer, other_optimizer):
        one(tuple(Tensor(np.ones(p.shape, np.float32)) for p in one.parameters))
    for name, value in values(network).items():
        np.testing.assert_array_equal(values(other)[name], value)


def refused(path, network=None) -> str:
    network = network or SmallNetwork(1)
    before = values(network)
    with pytest.raises(UserError) as error:
        load_checkpoint(path, network)
    for name, value in values(network).items():
        np.testing.assert_array_equal(value, before[name])
    assert str(path) in str(error.value)
    return str(error.value)


@pytest.fixture
def saved(tmp_path):
    save_checkpoint(tmp_path / "last.ckpt", SmallNetwork(), STATE)
    return tmp_path / "last.ckpt"


def damage(path, new: bytes) -> None:
    path.chmod(0o600)
    path.write_bytes(new)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.98])
def test_a_flipped_bit_is_detected(saved, share):
    content = bytearray(saved.read_bytes())
    content[int(share * len(content))] ^= 4
    damage(saved, bytes(content))
    assert "damaged" in refused(saved)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_truncated_file_is_detected(saved, share):
    content = saved.read_bytes()
    damage(saved, content[: int(share * len(content))])
    assert "damaged" in refused(saved)


def test_missing_file(tmp_path):
    assert "does not exist" in refused(tmp_path / "none.ckpt")


@pytest.mark.parametrize("mask, rights", [(0o022, 0o644), (0o077, 0o600)])
def test_it_has_the_rights_of_any_new_file(mask, rights, tmp_path):
    before = os.umask(mask)
    try:
        for _ in range(2):
            save_checkpoint(tmp_path / "last.ckpt", SmallNetwork(), STATE)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "last.ckpt").stat().st_mode) == rights


def test_a_checkpoint_of_another_user_is_not_called_damaged(saved):
    with unreadable(saved):
        message = refused(saved)
    assert "may not be read by this user" in message and "delete" not in message


def test_a_file_of_somebody_else(tmp_path):
    ms.save_checkpoint(SmallNetwork(), str(tmp_path / "foreign.ckpt"))
    assert "not written by this project" in refused(tmp_path / "foreign.ckpt")


class Wider(nn.Cell):
    def __init__(self):
        super().__init__()
        self.hidden = Parameter(Tensor(np.zeros((4, 6), np.float32)), "hidden")
        self.extra = Parameter(Tensor(np.zeros(2, np.float32)), "extra")


def test_a_checkpoint_of_another_network(saved):
    message = refused(saved, Wider())
    assert "of another network: 1 tensors are missing and 1 have another shape" in message
    assert "extra" in message and "config.yaml" in message


def test_a_checkpoint_is_on_the_disk_before_it_is_in_place(tmp_path, monkeypatch):
    path, seen, sync = tmp_path / "last.ckpt", [], os.fsync

    def recorded(handle: int) -> None:
        sync(handle)
        seen.append((path.exists(), os.fstat(handle).st_size))

    monkeypatch.setattr(os, "fsync", recorded)
    save_checkpoint(path, SmallNetwork(), STATE)
    assert (False, path.stat().st_size) in seen


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_one_value_that_is_not_finite_is_not_stored(saved, value):
    network = SmallNetwork()
    hidden = network.hidden.asnumpy()
    hidden[1, 2] = value
    network.hidden.set_data(Tensor(hidden))
    before = saved.read_bytes()
    with pytest.raises(UserError, match="hidden is not finite after epoch 3 of dqnet"):
        save_checkpoint(saved, network, STATE)
    assert saved.read_bytes() == before


def test_a_run_may_be_prolonged(tmp_path):
    """The rates are those of the configuration, and more of them than before."""
    save_checkpoint(tmp_path / "last.ckpt", trained()[0], STATE, trained()[1])
    network = SmallNetwork(seed=3)
    longer = build_optimizer(network.trainable_params(), TrainConfig(), [0.5] * 9)
    load_checkpoint(tmp_path / "last.ckpt", network, longer)
    rates = [p for p in longer.get_parameters() if "learning_rate" in p.name]
    assert rates and all((p.asnumpy() == 0.5).all() for p in rates)


def test_a_failed_write_leaves_the_old_file(saved, monkeypatch):
    before = saved.read_bytes()

    def full(rows, name, **_):
        with open(name, "wb") as file:  # noqa: PTH123  what the framework does before it fails
            file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(ms, "save_checkpoint", full)
    with pytest.raises(UserError, match="could not be written .*No space left.* --resume"):
        save_checkpoint(saved, SmallNetwork(1), STATE)
    assert saved.read_bytes() == before
    assert [p.name for p in saved.parent.iterdir()] == ["last.ckpt"], "no half file stays"


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 64 KiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)]
    try:
        mounted = subprocess.run(mount, capture_output=True).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("a tmpfs cannot be mounted here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_disk_that_is_really_full(small_disk):
    path = small_disk / "last.ckpt"
    save_checkpoint(path, SmallNetwork(), STATE)
    (small_disk / "ballast").write_bytes(b"x" * 56 * 1024)

    class Large(nn.Cell):
        def __init__(self):
            super().__init__()
            self.big = Parameter(Tensor(np.ones(10_000, np.float32)), "big")

    with pytest.raises(UserError, match="could not be written"):
        save_checkpoint(path, Large(), STATE)
    fresh = SmallNetwork(9)
    assert load_checkpoint(path, fresh) == STATE
    np.testing.assert_array_equal(fresh.hidden.asnumpy(), SmallNetwork().hidden.asnumpy())
    assert sorted(p.name for p in small_disk.iterdir()) == ["ballast", "last.ckpt"]


def test_a_compiled_step_goes_on_from_what_was_loaded(tmp_path):
    """The best epoch's weights, for example, put back into a network that has just been trained."""
    network, optimizer = trained(steps=1)
    step = ms.jit(optimizer.construct)
    gradients = tuple(Tensor(np.ones(p.shape, np.float32)) for p in optimizer.parameters)
    step(gradients)
    far_off = SmallNetwork()
    for parameter in far_off.get_parameters():
        assign(parameter, parameter.asnumpy() + 100)
    save_checkpoint(tmp_path / "best.ckpt", far_off, STATE)
    load_checkpoint(tmp_path / "best.ckpt", network)
    step(gradients)
    for name, value in values(network).items():
        assert 0 < np.abs(value - values(far_off)[name]).max() < 5, name


class Named(nn.Cell):
    """Parameters of the given names, each filled with a number."""

    def __init__(self, **values):
        super().__init__()
        for name, value in values.items():
            parameter = Parameter(Tensor(np.full(2, value, np.float32)), name.replace("__", "."))
            self.insert_param_to_cell(name, parameter)


def test_files_with_former_names_are_read(tmp_path):
    """The network was `model.`, its controller `head.`; so were their momenta."""
    former = Named(model__conv1__weight=1, head__fc1__weight=2, moments__model__conv1__weight=3,
                   moments__head__fc1__weight=4)  # fmt: skip
    save_checkpoint(tmp_path / "last.ckpt", former, STATE)
    today = Named(conv1__weight=0, controller__fc1__weight=0, moments__conv1__weight=0,
                  moments__controller__fc1__weight=0)  # fmt: skip
    assert load_checkpoint(tmp_path / "last.ckpt", today) == STATE
    assert [float(v[0]) for v in values(today).values()] == [1, 2, 3, 4]


def test_a_stage_takes_over_all_that_the_one_before_left(tmp_path):
    save_checkpoint(tmp_path / "supernet.ckpt", Named(conv1=5), STATE)
    both = Named(conv1=0, agent=7)
    take_over(tmp_path / "supernet.ckpt", both)
    assert [float(v[0]) for v in values(both).values()] == [5, 7]
    with pytest.raises(UserError, match="1 of its tensors have no place, the first is conv1"):
        take_over(tmp_path / "supernet.ckpt", Named(agent=7))
