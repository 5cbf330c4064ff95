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
"""ABN: the plans of a step, and a super-network that is the stand-alone network at any fixed plan."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor

from src.errors import UserError
from src.methods.abn import AbnOptions, Plans
from src.train.losses import TaskLoss
from src.train.step import Objective
from tests.methods.build import CLASSES, answer, images, method

ABN = ["method.name=abn", "quant.quantizer=lsq"]
WIDTHS = (2, 3, 4)


def abn(*overrides):
    return method(*ABN, *overrides)


def randomised(built, seed=3):
    """Weights of its own for every row and width, so that none can stand for another."""
    rng = np.random.default_rng(seed)
    for parameter in built.network.get_parameters():
        leaf, shape = parameter.name.rsplit(".", 1)[1], parameter.shape
        if leaf in ("gamma", "moving_variance", "step"):
            old = parameter.asnumpy()
            parameter.set_data(Tensor((old * rng.uniform(0.7, 1.4, shape)).astype(np.float32)))
        elif leaf in ("beta", "moving_mean"):
            parameter.set_data(Tensor(rng.normal(0, 0.1, shape).astype(np.float32)))
    return built


def run(built, x, plan):
    """Logits of a plan (N, slots, columns) of candidates, in evaluation."""
    built.network.set_train(False)
    one_hot = built.controller.one_hot(plan)
    return built.network(Tensor(x), Tensor(one_hot[None]))["logits"].asnumpy()


def stand_alone(built, choices):
    """A static network with the same parameters: layer i at the width of `choices[i]`."""
    rows = [row for row in built.table if row["slot"] is not None]
    widths = {row["name"]: WIDTHS[c] for row, c in zip(rows, choices, strict=True)}
    listed = ", ".join(f"{name}: {bits}" for name, bits in widths.items())
    static = method(
        "method.name=static", "quant.quantizer=lsq", f"quant.exceptions={{{listed}}}"
    )
    own = dict(built.network.parameters_and_names())
    for path, parameter in static.network.parameters_and_names():
        value = own[path].asnumpy()
        if value.ndim > parameter.ndim or value.shape[0] != parameter.shape[0]:
            layer = path.replace(".bn", ".conv").rsplit(".", 1)[0]
            slot = next(i for i, row in enumerate(rows) if layer.startswith(row["name"]))
            value = value[choices[slot]].reshape(parameter.shape)
        parameter.set_data(Tensor(value))
    return static


@pytest.mark.parametrize("choices", [[0] * 6, [2] * 6, [0, 2, 1, 1, 0, 2]])
def test_a_fixed_plan_is_the_stand_alone_network(choices, pynative):
    built, x = randomised(abn()), images(3)
    plan = np.tile(np.array(choices)[None, :, None], (3, 1, 1))
    expected, _ = answer(stand_alone(built, choices), x)
    np.testing.assert_allclose(run(built, x, plan), expected, atol=1e-4)


def test_images_of_a_batch_do_not_see_each_others_plans(pynative):
    built, x = randomised(abn()), images(4)
    plan = np.random.default_rng(1).integers(0, 3, (4, 6, 1))
    together = run(built, x, plan)
    for n in range(4):
        alone = run(built, x[n : n + 1], plan[n : n + 1])
        np.testing.assert_allclose(together[n : n + 1], alone, atol=1e-4)


def test_training_updates_only_the_rows_of_the_widths_that_ran(pynative):
    built, x = abn("abn.passes=[largest]"), images(4)
    norm = built.network.cell("layer2.0.bn1")
    before = norm.moving_mean.asnumpy().copy()
    draws = built.drawn(np.random.default_rng(0), 4, train=True)
    built.network.set_train(True)
    built.network(Tensor(x), *[Tensor(d) for d in draws])
    changed = (norm.moving_mean.asnumpy() != before).any(1)
    assert changed.tolist() == [False, False, True]


@pytest.mark.parametrize("tied, rows", [("true", 3), ("false", 9)])
def test_a_row_for_each_choice_of_a_layer(tied, rows, pynative):
    built = abn(f"abn.tied={tied}")
    cell = built.network.cell("layer1.0.bn2")
    assert cell.gamma.shape == cell.moving_mean.shape == (rows, 16)
    assert built.network.cell("bn1").gamma.shape == (16,)
    logits, plan = answer(built, images(2))
    assert logits.shape == (2, CLASSES) and plan[..., -1].all()


def test_the_loss_is_that_of_all_plans(pynative):
    built, x, label = abn("abn.others=0.5", "abn.in_place=0.25"), images(4), Tensor([1, 2, 3, 4], ms.int32)
    draws = [Tensor(d) for d in built.drawn(np.random.default_rng(0), 4, train=True)]
    built.network.set_train(True)
    outputs = built.network(Tensor(x), *draws)
    task, first = TaskLoss(), outputs["logits"]
    assert len(outputs["others"]) == 2
    by_hand = task(first, label)
    for other in outputs["others"]:
        by_hand += 0.5 * (0.75 * task(other, label) + 0.25 * task.distance(other, first))
    loss = Objective(built, task, None).set_train()(Tensor(x), label, *draws)[0]
    assert float(loss.asnumpy()) == pytest.approx(float(by_hand.asnumpy()), rel=1e-4)


def plans(passes, joins=None, done=0.0, images_=8):
    options = AbnOptions(passes=list(passes), joins=joins)
    built = method(*ABN, "abn.norm=shared")
    drawn = Plans(built.controller, options).draw(np.random.default_rng(0), images_, done)[0]
    assert (drawn.sum(-1) == 1).all()
    return drawn.argmax(-1)[..., 0]  # (P, N, slots)


def test_the_plans_of_a_step():
    largest, smallest, uniform, random, each = plans(["largest", "smallest", "uniform", "random", "images"])
    assert (largest == 2).all() and (smallest == 0).all()
    assert len(np.unique(uniform)) == 1
    assert len(np.unique(random)) > 1 and (random == random[:1]).all()
    assert (each != each[:1]).any()


def test_a_rising_plan_is_narrow_up_to_a_layer_and_wider_from_there_on():
    drawn = plans(["rising"] * 40)
    assert (drawn == drawn[:, :1]).all() and (np.diff(drawn) >= 0).all()
    assert all(len(np.unique(plan)) <= 2 for plan in drawn)
    assert {(plan[0, 0], plan[0, -1]) for plan in drawn} >= {(0, 1), (0, 2), (1, 2)}
    assert len({tuple(plan[0]) for plan in drawn}) > 10


def test_a_pass_may_be_a_width():
    wide, narrow, middle = plans([4, "smallest", 3])
    assert (wide == 2).all() and (narrow == 0).all() and (middle == 1).all()
    assert (plans([2, 3], [0.5, 0.2, 0], 0.3) == 1).all()  # stands in for what has not joined


def test_narrow_widths_join_later():
    joins = [0.5, 0.2, 0]
    assert (plans(["smallest", "random"], joins, 0.1) == 2).all()
    assert set(np.unique(plans(["random", "smallest"], joins, 0.3))) == {1, 2}
    assert (plans(["smallest"], joins, 0.5) == 0).all()


def test_epochs_are_judged_at_the_smallest_and_at_the_largest_width():
    assert abn().judged_at == (0, 2)
    assert abn("abn.candidates=[2, 4]", "abn.joins=[0.4, 0]").judged_at == (0, 1)


@pytest.mark.parametrize(
    "passes, at", [("[4, 3]", (1, 2)), ("[largest]", (2, 2)), ("[smallest, 3]", (0, 1)), ("[largest, uniform]", (0, 2))]
)
def test_and_not_at_a_width_that_no_pass_trains(passes, at):
    assert abn(f"abn.passes={passes}").judged_at == at


@pytest.mark.parametrize("override, message", [
    ("abn.candidates=[4]", "abn.candidates"),
    ("abn.passes=[]", "abn.passes"),
    ("abn.passes=[biggest]", "abn.passes"),
    ("abn.passes=[5]", "or widths of abn.candidates"),
    ("abn.passes=[images]", "abn.norm=shared"),
    ("abn.joins=[0, 0]", "abn.joins"),
    ("abn.joins=[0, 0.1, 0]", "abn.joins"),
])  # fmt: skip
def test_impossible_options_are_refused(override, message):
    with pytest.raises(UserError, match=message.replace(".", r"\.")):
        abn(override)
