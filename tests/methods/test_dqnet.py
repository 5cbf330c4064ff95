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

"""DQNet: which layers are dynamic, tied and untied choices, determinism, batch size 1."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor, nn

from src.parameters import assign
from tests.methods.build import answer, images, method, randomise_head, seen


def table(built):
    return {row["name"]: row for row in built.table}


def test_stages_after_the_first_are_dynamic_and_shortcuts_are_not():
    built = method("model.shortcut=B", "dqnet.target=5")
    rows = table(built)
    assert [row["kind"] for row in built.table] == [
        "float", "static", "static", "static", "dynamic", "dynamic", "static", "dynamic", "dynamic",
        "float",
    ]  # fmt: skip
    assert rows["layer1.0.conv1"]["why"] == "first stage, before the controller"
    assert rows["layer1.0.conv1"]["w_bits"] == rows["layer1.0.conv1"]["a_bits"] == 5
    assert rows["layer2.0.downsample.conv"]["why"] == "shortcut"
    assert rows["layer2.0.downsample.conv"]["w_bits"] == 5
    dynamic = [row for row in built.table if row["kind"] == "dynamic"]
    assert [row["slot"] for row in dynamic] == [0, 1, 2, 3]
    assert all(row["w_bits"] == row["a_bits"] == (4, 5, 6) for row in dynamic)
    assert all(row["why"] == "chosen per image" for row in dynamic)
    assert built.widths == (4, 5, 6)
    assert [x.name for x in built.cost.dynamic] == [row["name"] for row in dynamic]


def test_own_candidates_8_bit_ends_and_exceptions():
    built = method(
        "dqnet.candidates=[2, 4, 6, 8]",
        "quant.first_last=8",
        "quant.exceptions={layer2.0.conv2: 7}",
    )
    rows = table(built)
    assert built.widths == (2, 4, 6, 8) and rows["layer3.0.conv1"]["w_bits"] == (2, 4, 6, 8)
    for end in ("conv1", "fc"):
        assert (rows[end]["kind"], rows[end]["quantizer"]) == ("static", "lsq")
        assert rows[end]["w_bits"] == rows[end]["a_bits"] == 8
    assert (rows["layer2.0.conv2"]["kind"], rows["layer2.0.conv2"]["w_bits"]) == ("static", 7)
    dynamic = ("layer2.0.conv1", "layer3.0.conv1", "layer3.0.conv2")
    assert [rows[name]["slot"] for name in dynamic] == [0, 1, 2]


def test_controller_is_priced():
    built = method()
    assert built.cost.controller_bitops() == (16 * 2 * 2 * 8 + 8 * 4 * 3) * 1024
    target = built.targets
    assert target["budget_bits"] == 4
    assert target["budget_bitops"] == built.cost.uniform(4)


@pytest.mark.parametrize("tied,columns", [("true", 1), ("false", 2)])
@pytest.mark.parametrize("train", [False, True])
@pytest.mark.parametrize("count", [1, 3])
def test_plan_is_one_hot_for_every_image(pynative, tied, columns, train, count):
    """Batch size 1 included, in training and in evaluation."""
    built = method(f"dqnet.tied={tied}")
    logits, plan = answer(built, images(count), train)
    assert logits.shape == (count, 10) and np.isfinite(logits).all()
    assert plan.shape == (count, 4, columns, 3)
    np.testing.assert_array_equal(np.sort(plan, -1), np.broadcast_to([0, 0, 1], plan.shape))


def test_untied_choices_differ_between_weights_and_inputs(pynative):
    built = method("dqnet.tied=false")
    randomise_head(built, images(8))
    _, plan = answer(built, images(8))
    assert (plan[:, :, 0] != plan[:, :, 1]).any()


def test_network_scope_gives_all_layers_one_choice(pynative):
    built = method("dqnet.scope=network")
    randomise_head(built, images(16))
    for train in (False, True):
        _, plan = answer(built, images(16), train)
        np.testing.assert_array_equal(plan, np.tile(plan[:, :1], (1, 4, 1, 1)))
        assert len(np.unique(plan[:, 0, 0].argmax(-1))) > 1, "but images differ"


def test_evaluation_repeats_itself_and_sampling_does_not(pynative):
    built = method()
    x = images(16)
    randomise_head(built, x)
    first, second = answer(built, x, seed=0), answer(built, x, seed=1)
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])
    built.sample = True
    drawn, again, other = (answer(built, x, seed=s)[1] for s in (0, 0, 1))
    np.testing.assert_array_equal(drawn, again)
    assert (drawn != other).any() and (drawn != first[1]).any()


def test_sampling_drops_no_units():
    built = method("dqnet.sample=true")
    noise, keep, _ = built.drawn(np.random.default_rng(0), 4, train=False)
    assert noise.any() and (keep == 1).all()
    noise, keep, _ = built.drawn(np.random.default_rng(0), 4, train=True)
    assert (keep == 0).any()


@pytest.mark.parametrize("quantizer,tied", [("dorefa", "true"), ("pact", "false"), ("lsq", "true")])
def test_selected_network_agrees_with_the_mask_weighted_form(pynative, quantizer, tied):
    """Each image at its own widths only: same plan, and the same logits within float noise."""
    answers = []
    for execution in ("mixture", "selected"):
        options = (f"quant.quantizer={quantizer}", f"dqnet.tied={tied}")
        built = method(f"dqnet.execution={execution}", *options)
        randomise_head(built, images(6))
        answers.append(answer(built, images(6)))
    (mixture, plan), (selected, same_plan) = answers
    np.testing.assert_array_equal(plan, same_plan)
    assert len(np.unique(plan.argmax(-1).reshape(6, -1), axis=0)) > 1
    np.testing.assert_allclose(selected, mixture, atol=1e-3 * np.abs(mixture).max())


def test_an_image_does_not_depend_on_its_batch(pynative):
    built = method()
    x = images(4)
    randomise_head(built, x)
    together, plan = answer(built, x)
    for n in range(4):
        alone, alone_plan = answer(built, x[n : n + 1])
        np.testing.assert_array_equal(alone_plan[0], plan[n])
        np.testing.assert_allclose(alone[0], together[n], atol=1e-4 * np.abs(together).max())


def test_task_gradient_reaches_the_controller(pynative):
    """Through the straight-through choice; the budget alone is not all that the head learns."""
    built = method("dqnet.execution=mixture")
    randomise_head(built, images(4))
    x = Tensor(images(4))
    noise = [Tensor(n) for n in built.drawn(np.random.default_rng(0), 4, train=True)]
    built.network.set_train()

    def loss():
        return (built.network(x, *noise)["logits"] ** 2).mean()

    weight = built.controller.fc2.weight
    (gradient,) = ms.grad(loss, None, [weight])()
    assert np.abs(gradient.asnumpy()).max() > 1e-6


def trained_mean_bits(overrides: tuple, steps: int = 20) -> float:
    """Mean width after training the controller alone on the budget, from a centred start."""
    x = images(16)
    built = method(*overrides)
    randomise_head(built, x)
    features = seen(built, x)
    optimizer = nn.SGD(built.controller.trainable_params(), 0.1)

    def loss(noise, keep, tau):
        plan, _ = built.controller.begin(features, noise, keep, tau)
        numbers = built.monitor(plan, plan)
        return numbers["penalty"], numbers["mean_bits"]

    step = ms.value_and_grad(loss, None, optimizer.parameters, has_aux=True)
    rng = np.random.default_rng(0)
    for _ in range(steps):
        _, gradients = step(*(Tensor(n) for n in built.drawn(rng, len(x), train=True)))
        optimizer(gradients)
    return float(loss(*(Tensor(n) for n in built.controller.still(len(x))))[1].asnumpy())


def test_the_controller_may_see_the_image(pynative):
    """Same split of the network, a controller of three channels, and widths that follow the image."""
    built, x = method("dqnet.input=image"), images(6)
    assert built.controller.channels == 3 and built.controller.macs < method().controller.macs
    randomise_head(built, x)
    logits, plan = answer(built, x)
    assert len(np.unique(plan.reshape(6, -1), axis=0)) > 1
    alone = np.concatenate([answer(built, x[i : i + 1])[1] for i in range(6)])
    np.testing.assert_array_equal(plan, alone)


def test_in_training_the_plan_comes_with_its_probabilities(pynative):
    built, x = method(), images(4)
    randomise_head(built, x)
    noise = [Tensor(n) for n in built.drawn(np.random.default_rng(0), 4, train=False)]
    built.network.set_train()
    outputs = built.network(Tensor(x), *noise)
    plan, p = outputs["plan"].asnumpy(), outputs["soft"].asnumpy()
    np.testing.assert_allclose(p.sum(-1), 1, rtol=1e-5)
    np.testing.assert_array_equal(p.argmax(-1), plan.argmax(-1))


def test_a_large_alpha_trains_the_controller_to_the_budget(pynative):
    """Candidates 2, 4, 6 and a budget of 3: the mean falls to the budget and not far below."""
    common = ("dqnet.candidates=[2, 4, 6]", "dqnet.target=3", "dqnet.dropout=0")
    free = trained_mean_bits((*common, "dqnet.alpha_bits=0"))
    bound = trained_mean_bits((*common, "dqnet.alpha_bits=1"))
    assert free > 3.5
    assert 2.2 < bound < 3.3


def thought(built, x, seed):
    """p of the images, and the plan that was drawn."""
    noise = built.drawn(np.random.default_rng(seed), len(x), train=True)
    built.network.set_train(True)
    outputs = built.network(*[Tensor(v) for v in (x, *noise)])
    return outputs["soft"].asnumpy(), outputs["plan"].asnumpy()


@pytest.mark.parametrize("source", ["features", "image"])
def test_p_is_what_the_controller_thinks_of_the_image_alone(source, pynative):
    """Neither dropout nor Gumbel noise is in it, so copies of one image have one p."""
    built = method("dqnet.dropout=0.5", f"dqnet.input={source}")
    x = np.repeat(images(1), 16, 0)
    randomise_head(built, images(8))
    p, plan = thought(built, x, seed=1)
    np.testing.assert_allclose(p, np.broadcast_to(p[:1], p.shape), atol=1e-6)
    assert (plan != plan[:1]).any(), "what was drawn differs"
    np.testing.assert_allclose(thought(built, x, seed=2)[0], p, atol=1e-6)
    np.testing.assert_allclose(p.sum(-1), 1, rtol=1e-5)


def test_copies_of_one_image_are_no_diversity(pynative):
    built = method("dqnet.dropout=0.5", "dqnet.diversity=1", "dqnet.alpha_bits=0")
    randomise_head(built, images(8))
    p, plan = thought(built, np.repeat(images(1), 64, 0), seed=1)
    value = built.monitor(Tensor(plan), Tensor(p))["penalty"]
    assert float(value.asnumpy()) == pytest.approx(1, abs=1e-5)


def test_p_moves_the_hidden_layer_too(pynative):
    """The gradient of a term in p reaches all of the head."""
    built, x = method("dqnet.dropout=0.5"), images(4)
    noise = [Tensor(v) for v in built.drawn(np.random.default_rng(0), 4, train=True)]
    built.network.set_train(True)
    weights = [built.controller.fc1.weight, built.controller.fc2.weight]

    def sure(image):
        return (built.network(image, *noise)["soft"] ** 2).sum()

    gradients = ms.grad(sure, None, weights)(Tensor(x))
    assert all(np.abs(g.asnumpy()).max() > 1e-6 for g in gradients)


def test_the_temperature_scales_the_gradient_of_a_choice(pynative):
    """All logits equal: softmax(logits / tau) has 1 / tau times the slope."""

    def slope(tau):
        built, x = method(f"dqnet.tau={tau}", "dqnet.dropout=0"), images(2)
        head = built.controller
        assign(head.fc2.weight, np.zeros(head.fc2.weight.shape))
        assign(head.fc2.bias, np.zeros(head.fc2.bias.shape))
        noise, keep, _ = (Tensor(v) for v in head.still(2))
        _, _, drawn_at = built.drawn(np.random.default_rng(0), 2, train=True)

        def chosen(image):
            return built.network(image, noise, keep, Tensor(drawn_at))["plan"][..., 0].sum()

        built.network.set_train(False)
        return ms.grad(chosen, None, [head.fc2.bias])(Tensor(x))[0].asnumpy()

    np.testing.assert_allclose(slope(0.25), 4 * slope(1.0), rtol=1e-5)
    assert np.abs(slope(1.0)).max() > 0.1
