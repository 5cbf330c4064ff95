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
"""One-shot heads that learn each image's loss at each width."""

import numpy as np
import pytest
from mindspore import Tensor, ops

from src.config import load_config
from src.methods import METHODS, build_system
from src.methods.counterfactual import Counterfactual, ForcedAndFree
from tests.methods.build import answer, images, method, randomise_head, seen

LABELS = np.array([1, 2, 3, 4], np.int32)


def system(name):
    built = method(f"method.name={name}", f"{name}.pool=2", f"{name}.hidden=8")
    randomise_head(built, images(4))
    # Centred logits would make the mean loss the same whatever width is the best of all images.
    bias = built.controller.fc2.bias
    bias.set_data(Tensor(bias.asnumpy() + np.tile(np.float32([0.4, -0.7, 0.0]), bias.size // 3)))
    return built


@pytest.mark.parametrize("name, price", [("dqt", 0.0), ("dqnet", 100.0)])
def test_the_loss_points_at_each_images_best_width(name, price, pynative):
    built, x = system(name), images(4)
    losses = []
    for built.forced in range(3):
        logits, _ = answer(built, x)
        losses.append(ops.cross_entropy(Tensor(logits), Tensor(LABELS), reduction="none").asnumpy())
    built.forced = None
    costs = np.array([built.cost.uniform(bits) for bits in built.widths], float)
    best = (np.stack(losses, 1) + price * costs / costs[-1]).argmin(1)
    if price:
        assert (best == 0).all()
    _, plan = answer(built, x)
    head = built.controller
    soft = ops.softmax(head.from_units(head.units(seen(built, x))), -1).asnumpy()
    by_hand = -np.log(soft[np.arange(4), :, :, best]).mean()
    cell = Counterfactual(built, price)
    draws = ForcedAndFree(built.draws, 3).draw(np.random.default_rng(0), 4, 0.0)
    cell.set_train()
    loss, _, bits, *_ = cell(Tensor(x), Tensor(LABELS), *map(Tensor, draws))
    assert float(loss.asnumpy()) == pytest.approx(by_hand, rel=1e-3)
    assert float(bits.asnumpy()) == pytest.approx((plan * built.widths).sum(-1).mean(), rel=1e-4)


def test_it_is_a_stage_behind_the_published_ones_by_option():
    config = load_config(None, ["method.name=dqt"])
    assert [s.name for s in METHODS["dqt"].stages(config)] == ["dqt"]
    config = load_config(None, ["method.name=dqt", "dqt.counterfactual_epochs=2", "data.val_split=0.2"])
    first, last = METHODS["dqt"].stages(config)
    assert first.leaves and last.name == "counterfactual" and last.epochs == 2
    assert last.learns("controller.fc1.weight") and not last.learns("layer1.0.conv1.weight")
    assert last.images == "held_out" and last.keeps_statistics


def test_only_its_training_takes_draws_of_its_own():
    """What it leaves is evaluated like any network, also where evaluation draws the widths."""
    keys = ["dqnet.pool=2", "dqnet.hidden=8", "dqnet.sample=true", "dqnet.counterfactual_epochs=1"]
    config = load_config(None, ["model.name=resnet8", "device.native=off", "data.val_split=0.2", *keys])
    stage = METHODS["dqnet"].stages(config)[-1]
    built, _ = build_system(config, 10, 8, False, stage.builds, stage.build)
    noise, keep, tau = built.drawn(np.random.default_rng(0), 4, train=False)
    expected = built.controller.draw(np.random.default_rng(0), 4, 0.0)[0]
    np.testing.assert_array_equal(noise, expected)
    draws = stage.draws(built)
    passes = draws.passes(draws.draw(np.random.default_rng(0), 4, 0.0))
    for way, own in zip((0, 1, 2, None), passes, strict=True):
        for array, wanted in zip(own, built.draws.still(4, way), strict=True):
            np.testing.assert_array_equal(array, wanted)
