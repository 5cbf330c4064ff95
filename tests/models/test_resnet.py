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

"""ResNets: parameter counts and MACs against published numbers, shapes, shortcuts, and a forward
pass against NumPy."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor

from src.layers.shortcut import ShortcutA
from src.models import build_backbone
from src.models.backbone import Backbone
from src.models.geometry import describe
from src.models.network import Network
from tests.layers import reference


def trainable(backbone: Backbone) -> int:
    return sum(p.size for p in backbone.parameters().values() if p.requires_grad)


@pytest.mark.parametrize(
    "name,parameters,macs",
    [
        # torchvision's counts; MACs of convolutions and classifier at 224
        ("resnet18", 11_689_512, 1_814_073_344),
        ("resnet34", 21_797_672, 3_663_761_408),
        ("resnet50", 25_557_032, 4_089_184_256),
    ],
)
def test_imagenet_networks(name, parameters, macs):
    model = build_backbone(name, 1000)
    assert trainable(model) == parameters
    assert sum(layer.macs for layer in describe(model, 224).layers) == macs


def cifar_parameters(n: int, option_b: bool) -> int:
    """6n + 2 layers by hand: convolutions, two numbers per channel of each normalisation, fc."""
    total = 3 * 16 * 9 + 2 * 16 + 64 * 10 + 10
    c_in = 16
    for c in (16, 32, 64):
        for block in range(n):
            total += 9 * (c_in if block == 0 else c) * c + 9 * c * c + 4 * c
            if option_b and block == 0 and c != c_in:
                total += c_in * c + 2 * c
        c_in = c
    return total


@pytest.mark.parametrize(
    "name,n,expected",
    [("resnet20", 3, 269_722), ("resnet32", 5, 464_154), ("resnet56", 9, 853_018)],
)
def test_cifar_networks(name, n, expected):
    """Option A: 0.27 M, 0.46 M and 0.85 M parameters, as in the paper's table 6."""
    assert cifar_parameters(n, False) == expected
    assert trainable(build_backbone(name, 10)) == expected
    assert trainable(build_backbone(name, 10, shortcut="B")) == cifar_parameters(n, True)


def test_macs_of_resnet20_by_hand():
    stem = 27 * 16 * 32**2
    first = 6 * 9 * 16 * 16 * 32**2
    second = 9 * 32 * (16 + 5 * 32) * 16**2
    third = 9 * 64 * (32 + 5 * 64) * 8**2
    layers = describe(build_backbone("resnet20", 10), 32).layers
    assert sum(layer.macs for layer in layers) == stem + first + second + third + 640 == 40_551_040
    extra = describe(build_backbone("resnet20", 10, shortcut="B"), 32).layers
    assert sum(x.macs for x in extra if x.is_shortcut) == 16 * 32 * 16**2 + 32 * 64 * 8**2


def test_layers_are_listed_in_order_with_their_sizes():
    layers = describe(build_backbone("resnet18", 7), 64).layers
    rows = {x.name: x for x in layers}
    assert [x.name for x in layers][:3] == ["conv1", "layer1.0.conv1", "layer1.0.conv2"]
    assert (rows["conv1"].part, rows["layer3.1.conv2"].part, rows["fc"].part) == (0, 3, -1)
    assert [x.name for x in layers if x.signed_input] == ["conv1"]
    assert [x.name for x in layers if x.is_shortcut] == [
        f"layer{stage}.0.downsample.conv" for stage in (2, 3, 4)
    ]
    conv = rows["layer2.0.conv1"]
    assert (conv.weights, conv.inputs) == (64 * 128 * 9, 64 * 16 * 16)
    assert conv.macs == conv.weights * 8 * 8
    assert (rows["fc"].macs, rows["fc"].inputs) == (512 * 7, 512)


@pytest.fixture
def pynative():
    ms.set_context(mode=ms.PYNATIVE_MODE)
    yield
    ms.set_context(mode=ms.GRAPH_MODE)


@pytest.mark.parametrize(
    "name,shortcut,sides,classes",
    [
        ("resnet8", "A", (8, 13, 32), 3),
        ("resnet20", "B", (32, 17), 10),
        ("resnet18_cifar", "A", (16,), 5),
        ("resnet18", "A", (33, 64), 2),
        ("resnet50", "A", (32,), 4),
    ],
)
def test_shapes(pynative, name, shortcut, sides, classes):
    """Any size, odd ones too, and what `describe` says of the features is true."""
    backbone = build_backbone(name, classes, shortcut=shortcut)
    end = backbone.end_of(1)
    network = Network(backbone, split=end + 1).set_train(False)
    for side in sides:
        features = network.before(Tensor(np.ones((1, 3, side, side), np.float32)))
        said = describe(backbone, side).values[end]
        assert features.shape == (1, said.channels, said.side, said.side)
        assert not said.signed
        assert network.after(features, ())[0].shape == (1, classes)


@pytest.mark.parametrize("side", [6, 7])
def test_option_a_takes_every_second_pixel_and_pads_channels(mode, side):
    x = np.random.default_rng(0).normal(size=(2, 4, side, side)).astype(np.float32)
    cell = ShortcutA(4, 8, 2)
    expected = np.zeros((2, 8, (side + 1) // 2, (side + 1) // 2), np.float32)
    expected[:, 2:6] = x[:, :, ::2, ::2]
    np.testing.assert_array_equal(cell(Tensor(x)).asnumpy(), expected)
    up = np.random.default_rng(1).normal(size=expected.shape).astype(np.float32)

    def loss(x):
        return (cell(x) * Tensor(up)).sum()

    back = np.zeros_like(x)
    back[:, :, ::2, ::2] = up[:, 2:6]
    np.testing.assert_array_equal(ms.grad(loss)(Tensor(x)).asnumpy(), back)


def normalised(x, bn):
    mean, variance, gamma, beta = (
        p.asnumpy().astype(np.float64).reshape(1, -1, 1, 1)
        for p in (bn.moving_mean, bn.moving_variance, bn.gamma, bn.beta)
    )
    return gamma * (x - mean) / np.sqrt(variance + 1e-5) + beta


@pytest.mark.parametrize("shortcut", ["A", "B"])
def test_basic_block_equals_numpy(pynative, shortcut):
    """The first of the second group: strided, with a shortcut that is not the identity."""
    rng = np.random.default_rng(0)
    backbone = build_backbone("resnet8", 10, shortcut=shortcut)
    for parameter in backbone.parameters().values():
        if parameter.ndim == 1:
            parameter.set_data(Tensor(rng.uniform(0.5, 2, parameter.shape).astype(np.float32)))
    first, last = backbone.end_of(1) + 1, backbone.end_of(2)
    network = Network(backbone, split=last + 1).set_train(False)
    image = rng.normal(size=(2, 3, 6, 6)).astype(np.float32)
    x = Network(backbone, split=first).set_train(False).before(Tensor(image)).asnumpy()

    def cell(name):
        return network.cell(f"layer2.0.{name}")

    h = reference.conv(x, cell("conv1").weight.asnumpy(), 2, 1)
    h = np.maximum(normalised(h, cell("bn1")), 0)
    h = normalised(reference.conv(h, cell("conv2").weight.asnumpy(), 1, 1), cell("bn2"))
    if shortcut == "A":
        beside = np.pad(x[:, :, ::2, ::2], ((0, 0), (8, 8), (0, 0), (0, 0)))
    else:
        beside = reference.conv(x, cell("downsample.conv").weight.asnumpy(), 2)
        beside = normalised(beside, cell("downsample.bn"))
    got = network.before(Tensor(image)).asnumpy()
    expected = np.maximum(h + beside, 0)
    np.testing.assert_allclose(got, expected, atol=1e-4 * np.abs(expected).max())


def test_stride_of_a_bottleneck_sits_in_its_3x3():
    layers = build_backbone("resnet50", 10).layers
    assert [layers[f"layer2.0.conv{i}"].cell.stride for i in (1, 2, 3)] == [1, 2, 1]


def test_names_are_torchvisions():
    names = [p.name for p in build_backbone("resnet18", 10).parameters().values()]
    assert {"conv1.weight", "layer2.0.downsample.conv.weight", "fc.bias"} <= set(names)
    assert len(names) == len(set(names)) == 102


def test_seed_decides_the_weights_and_only_the_seed():
    one, two, three = (build_backbone("resnet8", 10, seed=s) for s in (1, 1, 2))
    for name, parameter in one.parameters().items():
        np.testing.assert_array_equal(parameter.asnumpy(), two.parameters()[name].asnumpy())
    weights = [net.node("conv1").cell.weight.asnumpy() for net in (one, three)]
    assert (weights[0] != weights[1]).any()
