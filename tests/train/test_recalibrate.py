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
"""Recalibration: running statistics become the plain mean of the batches' own."""

import numpy as np
import pytest
from mindspore import Tensor

from src.data import Loader
from src.data.dataset import ArrayDataset, Facts
from src.errors import UserError
from src.layers.norm import BatchNorm
from src.runtime import Runtime
from src.train.recalibrate import recalibrate
from tests.methods.build import SIDE, answer, images, method

COUNT, BATCH = 24, 6
RUNTIME = Runtime("CPU", graph=True, native=False, rank=0, workers=1)


@pytest.fixture
def loader() -> Loader:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (COUNT, 3, SIDE, SIDE), dtype=np.uint8)
    facts = Facts("noise", tuple("abcdefghij"), np.full(3, 0.5, np.float32),
                  np.full(3, 0.25, np.float32))  # fmt: skip
    dataset = ArrayDataset(facts, pixels, np.arange(COUNT) % 10, lambda x, draws: x, 0)
    return Loader(dataset, BATCH, train=True, seed=0)


def norms(built) -> list[BatchNorm]:
    return [c for _, c in built.network.cells_and_names() if isinstance(c, BatchNorm)]


def statistics(built) -> list[np.ndarray]:
    return [p.asnumpy().copy() for n in norms(built) for p in (n.moving_mean, n.moving_variance)]


def test_the_first_layer_has_the_mean_over_the_batches(loader):
    built = method("method.name=static", "quant.quantizer=lsq")
    recalibrate(built, loader, RUNTIME, 4)
    conv = built.network.cell("conv1")
    outputs = [conv(Tensor(batch.images)).asnumpy() for batch in loader.epoch(0)]
    mean = np.mean([y.mean((0, 2, 3)) for y in outputs], 0)
    unbiased = outputs[0][:, 0].size / (outputs[0][:, 0].size - 1)
    variance = np.mean([y.var((0, 2, 3)) * unbiased for y in outputs], 0)
    found = norms(built)[0]
    np.testing.assert_allclose(found.moving_mean.asnumpy(), mean, atol=1e-5)
    np.testing.assert_allclose(found.moving_variance.asnumpy(), variance, rtol=1e-3)


def test_evaluation_uses_them_and_a_second_time_changes_nothing(loader):
    built, x = method("method.name=static", "quant.quantizer=lsq"), images(3)
    before = answer(built, x)[0]
    recalibrate(built, loader, RUNTIME, 3)
    first, after = statistics(built), answer(built, x)[0]
    assert np.abs(after - before).max() > 1e-3
    recalibrate(built, loader, RUNTIME, 3)
    for a, b in zip(first, statistics(built), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)


def test_every_row_of_a_bank_is_renewed_but_the_stem_has_one(loader):
    built = method("method.name=dqt", "dqt.pool=2", "dqt.hidden=8")
    before = statistics(built)
    recalibrate(built, loader, RUNTIME, 2)
    after = statistics(built)
    assert (after[0][0] != before[0][0]).all() and (after[0][1:] == before[0][1:]).all()
    for old, new in zip(before[2:], after[2:], strict=True):
        assert old.shape[0] == 4
        assert all((old[row] != new[row]).any() for row in range(4))
    assert built.forced is None


ABN = ["method.name=abn", "quant.quantizer=nested", "quant.first_last=8", "abn.candidates=[2,4]"]


def banks(built) -> list[np.ndarray]:
    """Running means that follow a choice, (R, C) each, in the order of the slots."""
    return [norm.moving_mean.asnumpy().copy() for norm in norms(built) if norm.by_choice]


@pytest.mark.usefixtures("pynative")
def test_rows_by_choice_are_those_of_each_width_or_of_a_plan(loader):
    """Of a width, each as if the network had run at it alone; what a plan does not take stays."""
    built, forced = method(*ABN), method(*ABN)
    before = banks(built)
    recalibrate(built, loader, RUNTIME, 1)
    forced.forced = np.arange(forced.controller.slots)[:, None].clip(0, 1)  # 2 bits, then 4
    recalibrate(forced, loader, RUNTIME, 1)
    assert built.forced is None and forced.forced.shape[1] == 1
    every, of_plan = banks(built), banks(forced)
    for old, new in zip(before, every, strict=True):
        assert old.shape[0] == 2 and (old != new).any(1).all()
    np.testing.assert_allclose(of_plan[0][0], every[0][0], rtol=1e-5, atol=1e-6)
    for slot, (old, new) in enumerate(zip(before, of_plan, strict=True)):
        np.testing.assert_array_equal((old != new).any(1), [slot == 0, slot > 0])


@pytest.mark.slow
@pytest.mark.usefixtures("pynative")
def test_pairs_of_weights_and_inputs_all_have_their_rows_renewed(loader):
    built = method(*ABN, "abn.tied=false")
    before = banks(built)
    recalibrate(built, loader, RUNTIME, 1)
    for old, new in zip(before, banks(built), strict=True):
        assert old.shape[0] == 4 and (old != new).any(1).all()


def test_no_batches_are_refused(loader):
    with pytest.raises(UserError, match="--recalibrate 0"):
        recalibrate(method("method.name=float"), loader, RUNTIME, 0)
