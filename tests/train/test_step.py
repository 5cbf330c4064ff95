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

"""One training step: parameter groups, momentum, clipping, the teacher, gradients that overflow."""

from types import SimpleNamespace

import mindspore as ms
import numpy as np
import pytest
from mindspore import Parameter, Tensor, nn

from src import kernels
from src.keys import TrainConfig
from src.runtime import Runtime
from src.train.losses import TaskLoss
from src.train.optimizers import build_optimizer, decay_of
from src.train.step import Objective, build_step
from src.train.update import Update
from tests.methods.build import method
from tests.train.small import SmallNetwork, small_batch, small_method, values


def decays(decay_quantizers: bool) -> dict[str, float]:
    """Weight decay that each parameter gets: what it adds to a step of rate 1."""
    moved = []
    for decay in (0.0, 0.25):
        train = TrainConfig(weight_decay=decay, decay_quantizers=decay_quantizers, momentum=0.0)
        moved.append(stepped(train=train, rate=1.0)[:2])
    (before, plain), (_, decayed) = moved
    return {n: float(((plain[n] - decayed[n]) / before[n]).reshape(-1)[0]) for n in before}


def test_quantiser_parameters_have_no_weight_decay_by_default():
    assert decays(False) == pytest.approx({"hidden": 0.25, "out": 0.25, "clip": 0}, abs=1e-5)


def test_quantiser_parameters_decay_on_request():
    assert decays(True) == pytest.approx({"hidden": 0.25, "out": 0.25, "clip": 0.25}, abs=1e-5)


NATIVE = pytest.mark.parametrize("native", [False, True], ids=["portable", "native"])


def test_normalisation_and_biases_decay_on_request_alone():
    """One-dimensional parameters; the small network has none, so a gradient of zero will do."""
    gain = Parameter(Tensor(np.full(3, 2.0, np.float32)), "gain")
    for asked, expected in ((False, 2.0), (True, 1.5)):
        train = TrainConfig(weight_decay=0.25, decay_norms=asked)
        assert 2.0 - decay_of(gain, train) * 2.0 == expected


def stepped(native=False, scale=1.0, steps=1, teacher=None, train=None, rate=0.1):
    """(parameters before, after, outputs of the last step)."""
    if native and not kernels.available():
        pytest.skip("no compiler for the kernels")
    method = small_method()
    objective = Objective(method, TaskLoss(0.0, 0.5 if teacher else 0.0), teacher).set_train()
    train = train or plain_sgd()
    optimizer = build_optimizer(method.network.trainable_params(), train, [rate] * steps)
    step = build_step(objective, optimizer, train, Runtime("CPU", native=native))
    before = values(method.network)
    images, labels = small_batch()
    for _ in range(steps):
        outputs = step(Tensor(images * np.float32(scale)), Tensor(labels))
    return before, values(method.network), [float(v.asnumpy()) for v in outputs]


def plain_sgd(**options) -> TrainConfig:
    return TrainConfig(**{"weight_decay": 0.0, "momentum": 0.0, **options})


def numpy_gradients(parameters, images, labels):
    """Loss, right answers, and the gradients of the small network in float64."""
    w, v, clip = (parameters[n].astype(np.float64) for n in ("hidden", "out", "clip"))
    z = images.astype(np.float64) @ w
    h = np.minimum(z, clip)
    y = h @ v
    p = np.exp(y - y.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    n = np.arange(len(labels))
    dy = (p - np.eye(3)[labels]) / len(labels)
    dh = dy @ v.T
    gradients = {"out": h.T @ dy, "hidden": images.T @ (dh * (z < clip))}
    gradients["clip"] = np.array([(dh * (z >= clip)).sum()])
    return -np.log(p[n, labels]).mean(), (y.argmax(1) == labels).sum(), gradients


@NATIVE
def test_plain_step_equals_numpy(native):
    before, after, outputs = stepped(native)
    loss, right, gradients = numpy_gradients(before, *small_batch())
    assert outputs[0] == pytest.approx(loss, rel=1e-5)
    assert outputs[1] == right
    assert outputs[2:5] == [0, 0, 0]
    norm = np.sqrt(sum((g**2).sum() for g in gradients.values()))
    assert outputs[5] == pytest.approx(norm, rel=1e-5)
    for name, gradient in gradients.items():
        np.testing.assert_allclose(after[name], before[name] - 0.1 * gradient, atol=1e-6)


@NATIVE
def test_adamw_decays_weights_apart_from_their_gradients(native):
    train = plain_sgd(optimizer="adamw", momentum=0.9, weight_decay=0.2)
    before, after, _ = stepped(native, train=train)
    _, _, gradients = numpy_gradients(before, *small_batch())
    for name, g in gradients.items():
        moved = 0.1 * g / (np.sqrt(0.001 * g**2) + 1e-6)
        decay = 0.2 if name != "clip" else 0.0
        expected = before[name] - 0.1 * (moved + decay * before[name])
        np.testing.assert_allclose(after[name], expected, atol=1e-5)


@NATIVE
def test_momentum_and_nesterov_over_two_steps(native):
    for nesterov in (False, True):
        before, after, _ = stepped(native, steps=2, train=plain_sgd(momentum=0.9, nesterov=nesterov))
        images, labels = small_batch()
        now = {n: v.astype(np.float64) for n, v in before.items()}
        speed = dict.fromkeys(now, 0.0)
        for _ in range(2):
            _, _, gradients = numpy_gradients(now, images, labels)
            for name, gradient in gradients.items():
                speed[name] = 0.9 * speed[name] + gradient
                move = gradient + 0.9 * speed[name] if nesterov else speed[name]
                now[name] = now[name] - 0.1 * move
        for name in now:
            np.testing.assert_allclose(after[name], now[name], atol=1e-5)


@NATIVE
def test_clipping_bounds_the_global_norm(native):
    before, after, _ = stepped(native)
    _, _, gradients = numpy_gradients(before, *small_batch())
    norm = np.sqrt(sum((g**2).sum() for g in gradients.values()))
    for bound in (norm / 3, norm * 3):
        _, bounded, _ = stepped(native, train=plain_sgd(clip_norm=float(bound)))
        factor = min(1.0, bound / norm)
        for name, gradient in gradients.items():
            expected = before[name] - 0.1 * factor * gradient
            np.testing.assert_allclose(bounded[name], expected, atol=1e-5)


@NATIVE
@pytest.mark.parametrize("clip_norm", [0.0, 1.0])
def test_a_gradient_that_is_not_finite_changes_nothing(clip_norm, native):
    train = plain_sgd(clip_norm=clip_norm)
    before, after, outputs = stepped(native, scale=np.inf, train=train)
    assert not np.isfinite(outputs[0])
    for name in before:
        np.testing.assert_array_equal(after[name], before[name])


def test_distillation_teaches_the_student_and_leaves_the_teacher():
    teacher = SmallNetwork(seed=7)
    first = list(values(teacher).values())
    before, after, outputs = stepped(teacher=teacher)
    plain = stepped()[2][0]
    assert outputs[0] != plain, "the teacher's answers entered the loss"
    assert (after["out"] != before["out"]).any()
    for value, expected in zip(values(teacher).values(), first, strict=True):
        np.testing.assert_array_equal(value, expected)


def test_what_the_classifier_reads_is_learned_from_the_teacher():
    images, labels = small_batch()

    def loss(weight):
        objective = Objective(small_method(), TaskLoss(0.0, 0.5), SmallNetwork(seed=7), weight)
        return float(objective(Tensor(images), Tensor(labels))[0].asnumpy())

    ours, theirs = (
        np.minimum(images @ net.hidden.asnumpy(), net.clip.asnumpy()) for net in (SmallNetwork(), SmallNetwork(seed=7))
    )
    apart = ((ours - theirs) ** 2).sum(1) / (theirs**2).sum(1)
    assert loss(2.0) - loss(0.0) == pytest.approx(2 * apart.mean(), rel=1e-4)


@pytest.mark.parametrize("likeness", [0.0, 1.0])
def test_no_gradient_flows_to_the_teacher(likeness):
    method, teacher = small_method(), SmallNetwork(seed=7)
    objective = Objective(method, TaskLoss(0.0, 0.5), teacher, likeness)
    images, labels = small_batch()
    parameters = list(teacher.get_parameters())
    gradients = ms.grad(objective, None, parameters, has_aux=True)
    got, _ = gradients(Tensor(images), Tensor(labels))
    assert all(not g.asnumpy().any() for g in got)


def test_the_teacher_stays_in_evaluation_mode():
    objective = Objective(small_method(), TaskLoss(), SmallNetwork(seed=7)).set_train()
    assert objective.network.training and not objective.teacher.training


def ones_like(parameters):
    return tuple(Tensor(np.ones(p.shape, np.float32)) for p in parameters)


@NATIVE
def test_a_parameter_may_learn_at_a_rate_of_its_own(native):
    """`lr_scale`, which a controller's parameters carry, is a factor on every step's rate."""
    method = small_method()
    method.network.out.lr_scale = 0.25
    rates = [0.1, 0.2]
    optimizer = build_optimizer(method.network.trainable_params(), plain_sgd(), rates)
    update, before = Update(optimizer, plain_sgd(), native), values(method.network)
    for _ in rates:
        update(ones_like(optimizer.parameters))
    moved = {name: before[name] - value for name, value in values(method.network).items()}
    np.testing.assert_allclose(moved["hidden"], sum(rates), rtol=1e-5)
    np.testing.assert_allclose(moved["out"], sum(rates) / 4, rtol=1e-5)


@pytest.mark.skipif(not kernels.available(), reason="no compiler for the kernels")
@pytest.mark.parametrize(
    "options", [{"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}, {"optimizer": "adamw", "momentum": 0.9}],
    ids=str,
)
def test_the_optimizers_state_is_the_same_with_kernels_and_without(options):
    """So a run that began on one machine goes on at another."""
    train, after = plain_sgd(weight_decay=0.1, **options), []
    for forms in ((False, False), (True, True), (True, False), (False, True)):
        network = small_method().network
        optimizer = build_optimizer(network.trainable_params(), train, [0.1, 0.2])
        for native in forms:
            Update(optimizer, train, native)(ones_like(optimizer.parameters))
        after.append(values(network))
    for other in after[1:]:
        for name, value in other.items():
            np.testing.assert_allclose(value, after[0][name], rtol=1e-5, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("name", ["dqnet", "dqt"])
def test_head_lr_is_the_controllers(name):
    built = method(f"method.name={name}", f"{name}.head_lr=0.125", f"{name}.pool=2")
    scales = {p.name: getattr(p, "lr_scale", 1.0) for p in built.network.trainable_params()}
    assert {s for n, s in scales.items() if n.startswith("controller.")} == {0.125}
    assert {s for n, s in scales.items() if not n.startswith("controller.")} == {1.0}


class Weighed(nn.Cell):
    """Half of the sum of the logits: a term that needs no controller."""

    def construct(self, outputs):
        return outputs["logits"].sum() / 2


def test_a_loss_term_needs_no_controller():
    system = small_method()
    images, labels = (Tensor(v) for v in small_batch())
    plain = Objective(system, TaskLoss(), None)(images, labels)[0]
    system.penalty = Weighed()
    loss = Objective(system, TaskLoss(), None)(images, labels)[0]
    logits = system.answer(images.asnumpy(), ())[0]
    assert float(loss) - float(plain) == pytest.approx(float(logits.sum() / 2), rel=1e-4)


class TwoPlans(nn.Cell):
    """image -> logits of two plans, which are parameters."""

    def __init__(self):
        super().__init__()
        rng = np.random.default_rng(0)
        self.first, self.second = (
            Parameter(Tensor(rng.normal(size=(4, 3)).astype(np.float32)), name) for name in ("first", "second")
        )

    def construct(self, image):
        return {"logits": self.first * image, "others": (self.second * image,)}


def softmax(x):
    powers = np.exp(x - x.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def test_the_first_plan_teaches_the_others_and_learns_nothing_from_them(pynative):
    """By hand: cross-entropy of the first plan; of the other the distance from it, as far as `in_place` says."""
    network, temperature, share = TwoPlans(), 4.0, 0.75
    system = SimpleNamespace(
        network=network, monitor=None, penalty=None, learned=None, consistency=2.0, in_place=share
    )
    objective = Objective(system, TaskLoss(temperature=temperature), None)
    parameters = network.trainable_params()
    label = np.array([0, 2, 1, 1], np.int32)
    image = Tensor(np.ones((4, 1), np.float32))
    _, (d_first, d_second) = ms.value_and_grad(objective, None, parameters, has_aux=True)(image, Tensor(label))
    first, second = (p.asnumpy().astype(np.float64) for p in parameters)
    of_label = [(softmax(x) - np.eye(3)[label]) / 4 for x in (first, second)]
    of_teacher = temperature * (softmax(second / temperature) - softmax(first / temperature)) / 4
    np.testing.assert_allclose(d_first.asnumpy(), of_label[0], atol=1e-5)
    expected = 2.0 * ((1 - share) * of_label[1] + share * of_teacher)
    np.testing.assert_allclose(d_second.asnumpy(), expected, atol=1e-5)
