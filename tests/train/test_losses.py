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

"""Task losses and their gradients against NumPy float64."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor

from src.train.losses import TaskLoss, relative_error

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(6, 5)).astype(np.float32) * 2
TEACHER = RNG.normal(size=(6, 5)).astype(np.float32) * 2
LABELS = np.array([0, 4, 2, 2, 1, 3], np.int32)


def softmax(z):
    e = np.exp(np.asarray(z, np.float64) - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def smoothed(share):
    return (1 - share) * np.eye(5)[LABELS] + share / 5


def value_and_gradient(loss, *extra):
    both = ms.value_and_grad(loss, 0)
    value, gradient = both(Tensor(LOGITS), Tensor(LABELS), *extra)
    return float(value.asnumpy()), gradient.asnumpy()


@pytest.mark.parametrize("share", [0.0, 0.1])
def test_cross_entropy_with_label_smoothing(share):
    value, gradient = value_and_gradient(TaskLoss(label_smoothing=share))
    p = softmax(LOGITS)
    assert value == pytest.approx(-(smoothed(share) * np.log(p)).sum(1).mean(), rel=1e-5)
    np.testing.assert_allclose(gradient, (p - smoothed(share)) / 6, atol=1e-6)


@pytest.mark.parametrize("weight,t", [(0.3, 4.0), (1.0, 1.0)])
def test_distillation(weight, t):
    value, gradient = value_and_gradient(TaskLoss(0.0, weight, t), Tensor(TEACHER))
    p, q = softmax(LOGITS / t), softmax(TEACHER / t)
    hard = -np.log(softmax(LOGITS)[np.arange(6), LABELS]).mean()
    soft = (q * (np.log(q) - np.log(p))).sum(1).mean()
    assert value == pytest.approx((1 - weight) * hard + weight * t * t * soft, rel=1e-5)
    expected = (1 - weight) * (softmax(LOGITS) - smoothed(0)) + weight * t * (p - q)
    np.testing.assert_allclose(gradient, expected / 6, atol=1e-6)


def test_a_student_that_equals_its_teacher_has_no_distillation_loss():
    loss = TaskLoss(0.0, 1.0, 4.0)(Tensor(LOGITS), Tensor(LABELS), Tensor(LOGITS))
    assert float(loss.asnumpy()) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("shape", [(3, 7), (3, 2, 2, 2)])
def test_features_are_compared_by_their_relative_error(shape):
    found, wanted = RNG.normal(size=(2, *shape)).astype(np.float32)
    value, gradient = ms.value_and_grad(relative_error, 0)(Tensor(found), Tensor(wanted))
    axes = tuple(range(1, len(shape)))
    size = (wanted.astype(np.float64) ** 2).sum(axes, keepdims=True)
    assert float(value.asnumpy()) == pytest.approx((((found - wanted) ** 2).sum(axes, keepdims=True) / size).mean())
    np.testing.assert_allclose(gradient.asnumpy(), 2 * (found - wanted) / size / 3, rtol=1e-4)


def test_features_that_are_all_zero_are_no_division_by_zero():
    nothing = Tensor(np.zeros((2, 4), np.float32))
    assert float(relative_error(nothing, nothing).asnumpy()) == 0
