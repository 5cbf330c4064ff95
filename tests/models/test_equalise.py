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
"""Even channels: the same float function from weights that one grid serves; what a method quantises has them."""

import numpy as np
import pytest
from mindspore import Tensor

from src.layers.norm import BatchNorm
from src.models import build_backbone
from src.models.equalise import equalise
from src.models.network import Network
from src.parameters import assign
from tests.methods.build import method

pytestmark = pytest.mark.usefixtures("pynative")


def uneven(name: str, **options):
    """A network whose channels differ a thousandfold, with statistics of its own; one filter is zero."""
    rng = np.random.default_rng(0)
    backbone = build_backbone(name, 10, **options)
    for node in backbone.nodes:
        if isinstance(node.cell, BatchNorm):
            channels = node.cell.gamma.shape
            for parameter in (node.cell.gamma, node.cell.moving_variance):
                assign(parameter, rng.uniform(0.5, 2, channels))
            for parameter in (node.cell.beta, node.cell.moving_mean):
                assign(parameter, rng.normal(size=channels) / 2)
        elif node.kind == "conv":
            w = node.cell.weight.asnumpy()
            w *= 10 ** rng.uniform(-3, 0, len(w)).reshape(-1, 1, 1, 1).astype(np.float32)
            w[1] = 0
            assign(node.cell.weight, w)
    return backbone


def answer(backbone, x: np.ndarray) -> np.ndarray:
    network = Network(backbone)
    network.set_train(False)
    return network(Tensor(x))["logits"].asnumpy()


@pytest.mark.parametrize("name, options", [("resnet20", {}), ("mobilenetv2", {"width": 0.35})])
def test_the_same_function_of_even_channels(name, options):
    backbone = uneven(name, **options)
    x = np.random.default_rng(1).normal(size=(3, 3, 32, 32)).astype(np.float32)
    before = answer(backbone, x)
    done = equalise(backbone)
    assert done == [node.name for node in backbone.nodes if node.kind == "conv"]
    np.testing.assert_allclose(answer(backbone, x), before, rtol=1e-3, atol=1e-3 * np.abs(before).max())
    for name in done:
        peaks = np.abs(backbone.node(name).cell.weight.asnumpy()).max((1, 2, 3))
        assert peaks[1] == 0
        np.testing.assert_allclose(np.delete(peaks, 1), peaks[0], rtol=1e-5)


def test_a_channel_that_all_but_vanished_stays_small():
    backbone = uneven("resnet20")
    weight = backbone.nodes[0].cell.weight
    w = weight.asnumpy().copy()
    w[2] *= 1e-9
    assign(weight, w)
    equalise(backbone)
    after = weight.asnumpy()
    np.testing.assert_allclose(after[2], 1000 * w[2], rtol=1e-5)
    assert all(np.isfinite(p.asnumpy()).all() for p in backbone.parameters().values())


def test_a_layer_without_weights_is_left_as_it_is():
    backbone = uneven("resnet20")
    first = backbone.nodes[0].cell.weight
    assign(first, np.zeros(first.shape))
    gamma = backbone.nodes[1].cell.gamma.asnumpy().copy()
    equalise(backbone)
    np.testing.assert_array_equal(backbone.nodes[1].cell.gamma.asnumpy(), gamma)


@pytest.mark.parametrize("name, even", [("float", False), ("static", True)])
def test_quantised_networks_begin_with_them(name, even):
    built = method(f"method.name={name}", "model.name=resnet20", "quant.equalise=true")
    weight = next(node.cell.weight for node in built.network.backbone.nodes if node.name == "layer1.0.conv1")
    peaks = np.abs(weight.asnumpy()).max((1, 2, 3))
    assert (np.ptp(peaks) < 1e-6) == even
