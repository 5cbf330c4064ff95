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

"""Frozen layers give the answers of the trained ones, whatever the quantiser and the activation."""

import numpy as np
import pytest
from mindspore import Tensor, nn

from src.deploy.frozen import (
    FrozenInputs,
    FrozenNorm,
    FrozenNormByChoice,
    FrozenWeights,
    freeze,
)
from src.layers.activation import NONE, RELU, RELU6
from src.layers.norm import BatchNorm, keep_rows, keep_rows_by_choice
from src.layers.static import StaticConv2d
from src.models.backbone import CONV, IMAGE, NORM, Backbone
from src.models.network import Network
from src.quantizers import ACTIVATION, WEIGHT
from tests.layers.cells import images, tiny_conv

WIDTHS = (2, 4, 8)
KINDS = [(name, False) for name in ACTIVATION] + [("lsq", True), ("nested", True)]
pytestmark = pytest.mark.usefixtures("pynative")


def pair(name, signed, x, **options):
    """The two quantisers of a small convolution."""
    conv = tiny_conv()
    inputs = ACTIVATION[name](WIDTHS, **({"signed": True} if signed else {}), **options)
    if inputs.learns_from_data:
        inputs.init_from(x)
    return conv, WEIGHT[name](WIDTHS, conv.weight.asnumpy(), **options), inputs


@pytest.mark.parametrize("name, signed", KINDS)
def test_values_at_every_width(name, signed):
    x = images(2)
    conv, weights, inputs = pair(name, signed, x)
    frozen_weights, frozen_inputs = FrozenWeights(weights, conv.weight), FrozenInputs(inputs)
    assert not any(p.requires_grad for p in frozen_weights.get_parameters())
    assert not list(frozen_inputs.get_parameters())
    for slot in range(len(WIDTHS)):
        values = frozen_inputs(Tensor(x), slot).asnumpy()
        np.testing.assert_array_equal(values, inputs(Tensor(x), slot).asnumpy())
        assert (values < 0).any() == signed
        got, _ = frozen_weights(None, slot)
        np.testing.assert_array_equal(got.asnumpy(), weights(conv.weight, slot)[0].asnumpy())


def test_truncated_children_stay_truncated():
    x = images(2)
    inputs = pair("nested", False, x, truncate=True)[2]
    rounded = pair("nested", False, x)[2]
    got = FrozenInputs(inputs)(Tensor(x), 0).asnumpy()
    np.testing.assert_array_equal(got, inputs(Tensor(x), 0).asnumpy())
    assert (got != rounded(Tensor(x), 0).asnumpy()).any()


@pytest.mark.parametrize("rows", [0, 3])
@pytest.mark.parametrize("activation", [NONE, RELU, RELU6], ids=lambda a: a.name)
def test_normalisation(activation, rows):
    """Of a bank, the first row counts."""
    rng = np.random.default_rng(0)
    x, residual = (Tensor(3 * images(3, channels=3) + i) for i in (0, 1))
    norm = BatchNorm(3, activation).set_train(False)
    for parameter in (norm.gamma, norm.beta, norm.moving_mean):
        parameter.set_data(Tensor(rng.normal(1, 1, 3).astype(np.float32)))
    expected = norm(x, residual).asnumpy()
    if rows:
        keep_rows(nn.SequentialCell(norm), rows)
        banked = norm.moving_mean.asnumpy().copy()
        banked[1:] += 5
        norm.moving_mean.set_data(Tensor(banked))
    got = FrozenNorm(norm)(x, residual).asnumpy()
    np.testing.assert_allclose(got, expected, atol=1e-5)
    if activation.high is not None:
        assert got.max() == activation.high


def test_normalisation_that_follows_a_choice():
    """Each image has its own row; held at one, all have that."""
    rng, x = np.random.default_rng(1), Tensor(images(3, channels=3))
    norm = BatchNorm(3, RELU).set_train(False)
    keep_rows_by_choice(norm, 3)
    for parameter in (norm.gamma, norm.beta, norm.moving_mean):
        parameter.set_data(Tensor(rng.normal(1, 1, (3, 3)).astype(np.float32)))
    row = Tensor(np.eye(3, dtype=np.float32)[[2, 0, 2]])
    frozen = FrozenNormByChoice(norm)
    for residual in (None, x):
        expected = norm(x, residual, row).asnumpy()
        np.testing.assert_allclose(frozen(x, residual, row).asnumpy(), expected, atol=1e-5)
        held = FrozenNorm(frozen, 2)(x, residual).asnumpy()
        np.testing.assert_allclose(held[[0, 2]], expected[[0, 2]], atol=1e-5)
        assert np.abs(held[1] - expected[1]).max() > 0.1


def test_a_frozen_network_has_no_quantisers_left():
    x = images(2)
    conv, weights, inputs = pair("lsq", False, x)
    backbone = Backbone()
    y = backbone.add("layer", CONV, StaticConv2d(conv, weights, inputs), IMAGE, part=1)
    backbone.add("norm", NORM, BatchNorm(6, RELU), y, part=1)
    network = Network(backbone).set_train(False)
    expected = network.cell("layer")(Tensor(x)).asnumpy()
    freeze(network)
    np.testing.assert_array_equal(network.cell("layer")(Tensor(x)).asnumpy(), expected)
    assert isinstance(network.cell("norm"), FrozenNorm) and not network.trainable_params()[1:]
    assert len({p.name for p in network.get_parameters()}) == len(list(network.get_parameters()))
