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

"""DQT: which layers are dynamic, its three loss terms, and the host's draws."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor

from src.errors import UserError
from src.methods.dqt import DqtDraws, ExpectedCost
from src.train.losses import TaskLoss
from src.train.step import Objective
from tests.methods.build import CLASSES, answer, images, method

DQT = ["method.name=dqt", "dqt.pool=2", "dqt.hidden=8"]


def dqt(*overrides):
    return method(*DQT, *overrides)


def outputs(built, x, train, seed=0):
    noise = built.drawn(np.random.default_rng(seed), len(x), train)
    built.network.set_train(train)
    return built.network(*[Tensor(v) for v in (x, *noise)]), noise


def test_all_layers_between_the_ends_are_dynamic():
    built = dqt("quant.first_last=8")
    kinds = {row["name"]: (row["kind"], row["quantizer"]) for row in built.table}
    ends = [kinds.pop("conv1"), kinds.pop("fc")]
    assert ends == [("static", "lsq")] * 2
    assert set(kinds.values()) == {("dynamic", "nested")}
    assert built.widths == (2, 4, 8)
    assert [r["slot"] for r in built.table if r["slot"] is not None] == list(range(6))


@pytest.mark.parametrize("source", ["features", "image"])
def test_evaluation_gives_logits_and_a_hard_plan(source, pynative):
    built, x = dqt(f"dqt.input={source}"), images(4)
    logits, plan = answer(built, x)
    assert logits.shape == (4, CLASSES) and plan.shape == (4, 6, 1, 3)
    assert set(np.unique(plan)) <= {0, 1} and (plan.sum(-1) == 1).all()
    again = answer(built, x)
    np.testing.assert_array_equal(logits, again[0])


def test_training_gives_soft_choices_and_the_static_logits(pynative):
    built, x = dqt("dqt.subset=2"), images(3)
    found, noise = outputs(built, x, True)
    plan, p, others = found["plan"], found["soft"], found["others"]
    np.testing.assert_allclose(p.asnumpy().sum(-1), 1, rtol=1e-5)
    assert plan.shape == p.shape == (3, 6, 1, 3) and len(others) == 2
    static = noise[4]
    assert static.shape == (2, 3) and not np.array_equal(static[0], static[1])


def test_static_logits_are_those_of_a_plan_with_that_width_everywhere(pynative):
    built, x = dqt("dqt.subset=3"), images(3)
    found, noise = outputs(built, x, True)
    others, network = found["others"], built.network
    features = network.before(Tensor(x), network.stem_row)
    for width, logits in enumerate(others):
        assert noise[4][width].argmax() == width  # sorted, all of three
        plan = np.zeros((3, 6, 1, 3), np.float32)
        plan[..., width] = 1
        state = Tensor(plan), Tensor(plan)
        expected, _ = network.after(features, state, Tensor(noise[5][width]))
        np.testing.assert_allclose(logits.asnumpy(), expected.asnumpy(), atol=1e-4)
    assert np.abs(others[0].asnumpy() - others[2].asnumpy()).max() > 1e-3


def test_the_loss_adds_consistency_and_cost(pynative):
    x, label = images(4), np.array([1, 2, 3, 4], np.int32)
    built = dqt("dqt.alpha=0.7", "dqt.beta=0.3", "dqt.subset=1")
    found, noise = outputs(built, x, True)
    logits, plan, p, others = (found[name] for name in ("logits", "plan", "soft", "others"))
    task = TaskLoss()
    by_hand = task(logits, Tensor(label), None) + 0.7 * task(others[0], Tensor(label), None)
    by_hand = by_hand + 0.3 * (p * Tensor(np.float32([2, 4, 8]))).sum(-1).mean()
    objective = Objective(built, task, None).set_train()
    loss, _, bits, bitops, _ = objective(*[Tensor(v) for v in (x, label, *noise)])
    # Statistics moved on between the two calls, but training normalises with the batch's own.
    assert float(loss.asnumpy()) == pytest.approx(float(by_hand.asnumpy()), rel=1e-4)
    widths = (plan.asnumpy()[:, :, 0] * [2, 4, 8]).sum(-1)
    assert float(bits.asnumpy()) == pytest.approx(widths.mean(), rel=1e-5)
    exact = built.cost.of_widths(widths, widths).mean()
    assert float(bitops.asnumpy()) == pytest.approx(exact, rel=1e-4)


@pytest.mark.parametrize("kind", ["bits", "bitops"])
def test_expected_cost_falls_with_narrower_choices(kind, pynative):
    built = dqt()
    cost = ExpectedCost(built.cost, (2, 4, 8), 1.0, kind, 0, 0.0)
    plan = Tensor(np.eye(3, dtype=np.float32)[np.zeros((2, 6, 1), int)])
    wide, narrow = (np.tile(np.float32(p), (2, 6, 1, 1)) for p in ([0, 0, 1], [0.5, 0.5, 0]))
    values = [float(cost(plan, Tensor(p))["penalty"].asnumpy()) for p in (wide, narrow)]
    assert values[0] == pytest.approx(8 if kind == "bits" else 1, rel=1e-5)
    assert values[1] < values[0] and (kind != "bits" or values[1] == pytest.approx(3))


def test_gradients_reach_controller_weights_and_steps():
    built, x = dqt("dqt.beta=0.1"), images(4)
    label = np.array([1, 2, 3, 4], np.int32)
    noise = built.drawn(np.random.default_rng(0), 4, True)
    objective = Objective(built, TaskLoss(), None).set_train()
    parameters = built.network.trainable_params()
    gradient = ms.value_and_grad(objective, None, parameters, has_aux=True)
    _, gradients = gradient(*[Tensor(v) for v in (x, label, *noise)])
    for parameter, g in zip(parameters, gradients, strict=True):
        assert np.isfinite(g.asnumpy()).all() and g.asnumpy().any(), parameter.name


def test_noise_falls_to_none():
    built = dqt()
    largest = [
        np.abs(built.drawn(np.random.default_rng(0), 4, True, p)[0]).max() for p in (0, 0.5, 1)
    ]
    assert largest == pytest.approx([largest[0], largest[0] / 2, 0])


def test_statistics_per_width(pynative):
    """Row 0 is that of mixed widths; the row of each static pass is that of its width."""
    built = dqt("dqt.subset=2")
    mean = built.network.cell("layer1.0.bn1").moving_mean
    assert mean.shape[0] == 4
    _, _, _, row, static, static_rows = built.drawn(np.random.default_rng(0), 4, True)
    np.testing.assert_array_equal(row, [1, 0, 0, 0])
    np.testing.assert_array_equal(static_rows.argmax(1), 1 + static.argmax(1))
    before = mean.asnumpy().copy()
    outputs(built, images(4), True)
    chosen = {0, *static_rows.argmax(1).tolist()}
    moved = {i for i in range(4) if (mean.asnumpy()[i] != before[i]).any()}
    assert moved <= chosen and 0 in moved and len(moved) == 3


def test_shared_statistics_are_those_of_mixed_widths():
    built = dqt("dqt.norm=shared", "dqt.subset=2")
    assert built.network.cell("layer1.0.bn1").moving_mean.shape[0] == 1
    _, _, _, row, _, static_rows = built.drawn(np.random.default_rng(0), 2, True)
    assert row.tolist() == [1] and not static_rows.any()


@pytest.mark.parametrize("norm", ["shared", "per_width"])
@pytest.mark.parametrize("width", range(3))
def test_one_width_can_be_forced(norm, width, pynative):
    built, x = dqt(f"dqt.norm={norm}"), images(3)
    built.forced = width
    noise = built.drawn(np.random.default_rng(0), 3, False)
    assert noise[3].argmax() == (1 + width if norm == "per_width" else 0)
    plan = answer(built, x)[1]
    assert (plan.argmax(-1) == width).all()


def test_each_image_can_be_given_a_plan(pynative):
    """One that is uniform keeps the statistics of mixed widths: others of its batch are not."""
    built, x = dqt(), images(3)
    plans = np.random.default_rng(3).integers(0, 3, (3, 6, 1))
    plans[1] = 0
    draws = built.draws.still(3, plans)
    assert draws[3].argmax() == 0
    logits, plan = built.answer(x, draws)
    np.testing.assert_array_equal(plan.argmax(-1), plans)
    built.forced = plans[2]
    alone, plan = built.answer(x[2:], built.drawn(None, 1, False))
    np.testing.assert_array_equal(plan.argmax(-1), plans[2:])
    np.testing.assert_allclose(alone, logits[2:], rtol=1e-4, atol=1e-5)


def test_only_cost_above_the_target_counts(pynative):
    built = dqt()
    plan = Tensor(np.eye(3, dtype=np.float32)[np.zeros((2, 6, 1), int)])
    p = Tensor(np.tile(np.float32([0, 0.5, 0.5]), (2, 6, 1, 1)))  # 6 bits
    values = [
        float(ExpectedCost(built.cost, (2, 4, 8), 1.0, "bits", t, 0.0)(plan, p)["penalty"].asnumpy())
        for t in (0, 4, 8)
    ]
    assert values == pytest.approx([6, 2, 0])


def test_diversity_adds_to_the_cost(pynative):
    p = Tensor(np.tile(np.float32([0, 1, 0]), (3, 6, 1, 1)))  # one plan for all images, 4 bits
    cost = ExpectedCost(dqt().cost, (2, 4, 8), 2.0, "bits", 3, 0.5)
    assert float(cost(p, p)["penalty"].asnumpy()) == pytest.approx(2.0 * 1 + 0.5)


def test_temperature_falls_geometrically_and_draws_repeat():
    built = dqt("dqt.tau_start=2", "dqt.tau_end=0.5")
    taus = [float(built.drawn(np.random.default_rng(0), 2, True, p)[2][0]) for p in (0, 0.5, 1)]
    assert taus == pytest.approx([2, 1, 0.5])
    one, two = (built.drawn(np.random.default_rng(3), 2, True, 0.2) for _ in range(2))
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a, b)
    assert isinstance(built.draws, DqtDraws)


def test_without_a_subset_there_is_no_consistency(pynative):
    built = dqt("dqt.subset=0")
    assert built.consistency == 0
    assert set(outputs(built, images(2), True)[0]) == {"logits", "embedding", "plan", "soft"}


def test_impossible_options_are_refused():
    with pytest.raises(UserError, match="dqt.candidates"):
        dqt("dqt.candidates=[8, 4]")
    with pytest.raises(UserError, match="dqt.subset=4"):
        dqt("dqt.subset=4")
    with pytest.raises(UserError, match="quant.master=6"):
        dqt("quant.master=6")


def test_p_is_what_the_controller_thinks_of_the_image_alone(pynative):
    built = dqt()
    x = np.repeat(images(1), 8, 0)
    found, _ = outputs(built, x, True, seed=1)
    plan, p = found["plan"].asnumpy(), found["soft"].asnumpy()
    np.testing.assert_allclose(p, np.broadcast_to(p[:1], p.shape), atol=1e-6)
    assert (plan != plan[:1]).any(), "what was drawn differs"
