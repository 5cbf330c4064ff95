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
"""MobileNetV2: parameters and MACs against published numbers, parts, signs, names, and a block against
NumPy; its public weights on real images."""

import numpy as np
import pytest
from mindspore import Tensor

from src import kernels
from src.config import load_config
from src.data import Loader
from src.methods import build_system
from src.models import BACKBONES, build_backbone
from src.models.geometry import describe
from src.models.mobilenetv2 import scaled
from src.models.network import Network
from src.models.weights import load_float_weights
from src.runtime import Runtime
from src.train.batches import load_split
from src.train.evaluate import evaluate
from tests.layers import reference
from tests.methods.build import method
from tests.models.tiny import NAME

WIDTHS = [
    # The authors' table of published nets: M parameters, M MACs at 224
    (1.4, 6.1, 582),
    (1.0, 3.5, 301),
    (0.75, 2.6, 209),
    (0.5, 2.0, 97),
    (0.35, 1.7, 59),
]


def trainable(backbone) -> int:
    return sum(p.size for p in backbone.parameters().values() if p.requires_grad)


@pytest.mark.parametrize("width, parameters, macs", WIDTHS)
def test_parameters_and_macs_are_the_published_ones(width, parameters, macs):
    backbone = build_backbone("mobilenetv2", 1000, width=width)
    assert round(trainable(backbone) / 1e6, 1) == parameters
    assert round(sum(layer.macs for layer in describe(backbone, 224).layers) / 1e6) == macs


def test_as_many_parameters_as_torchvisions():
    assert trainable(build_backbone("mobilenetv2", 1000)) == 3_504_872


def test_macs_of_a_block_by_hand():
    """The first of the fourth row: 32 -> 192 -> 64 channels, 28 to 14 pixels."""
    rows = {x.name: x for x in describe(build_backbone("mobilenetv2", 10), 224).layers}
    macs = [rows[f"features.7.{name}"].macs for name in ("expand", "depthwise", "project")]
    assert macs == [32 * 192 * 28**2, 9 * 192 * 14**2, 192 * 64 * 14**2]
    assert (rows["features.7.depthwise"].weights, rows["features.7.depthwise"].inputs) == (9 * 192, 192 * 28**2)


@pytest.mark.parametrize(
    "channels, width, expected",
    [(32, 1.0, 32), (24, 0.75, 24), (16, 0.35, 8), (96, 0.35, 32), (24, 0.5, 16), (1280, 1.4, 1792)],
)
def test_channels_are_multiples_of_8(channels, width, expected):
    assert scaled(channels, width) == expected


@pytest.mark.parametrize(
    "name, sides", [("mobilenetv2", (112, 56, 28, 14, 7)), ("mobilenetv2_cifar", (32, 32, 16, 8, 4))]
)
def test_parts_are_what_has_one_resolution(name, sides):
    backbone = build_backbone(name, 10)
    values = describe(backbone, BACKBONES[name].image_size).values
    assert tuple(values[backbone.end_of(part)].side for part in range(5)) == sides


def test_what_reads_a_linear_bottleneck_reads_signed_values():
    layers = describe(build_backbone("mobilenetv2", 10), 224).layers
    signed = [layer.name for layer in layers if layer.signed_input]
    expanding = [f"features.{i}.expand" for i in range(2, 18)]
    assert signed == ["features.0.conv", *expanding, "features.18.conv"]
    assert not any(layer.is_shortcut for layer in layers)


@pytest.mark.usefixtures("pynative", "tiny_mobilenetv2")
def test_a_block_equals_numpy():
    """The last one: expanded, depthwise, projected, added without an activation."""
    rng = np.random.default_rng(0)
    backbone = build_backbone(NAME, 10)
    for parameter in backbone.parameters().values():
        if parameter.ndim == 1:
            parameter.set_data(Tensor(rng.uniform(0.5, 2, parameter.shape).astype(np.float32)))
    names = [node.name for node in backbone.nodes]
    first, last = names.index("features.3.expand"), names.index("features.3.project_bn")
    image = Tensor(rng.normal(size=(2, 3, 8, 8)).astype(np.float32))
    x = Network(backbone, split=first).set_train(False).before(image).asnumpy()
    network = Network(backbone, split=last + 1).set_train(False)

    def layer(h, name, padding, groups):
        h = reference.conv(h, network.cell(f"features.3.{name}").weight.asnumpy(), 1, padding, groups)
        norm = network.cell(f"features.3.{name}_bn")
        mean, variance, gamma, beta = (
            p.asnumpy().astype(np.float64).reshape(1, -1, 1, 1)
            for p in (norm.moving_mean, norm.moving_variance, norm.gamma, norm.beta)
        )
        return gamma * (h - mean) / np.sqrt(variance + 1e-5) + beta

    h = np.clip(layer(x, "expand", 0, 1), 0, 6)
    h = np.clip(layer(h, "depthwise", 1, 16), 0, 6)
    expected = x + layer(h, "project", 0, 1)
    assert (expected < 0).any() and (h == 6).any()
    got = network.before(image).asnumpy()
    np.testing.assert_allclose(got, expected, atol=1e-4 * np.abs(expected).max())


def theirs(name: str, in_torchvision: bool) -> str:
    """What a file calls a tensor of the tiny network."""
    path, leaf = name.rsplit(".", 1)
    norms = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}
    parts = path.split(".")
    if len(parts) == 1:
        return f"classifier.1.{leaf}" if in_torchvision else name
    is_norm = parts[2].endswith("bn")
    if parts[2] in ("conv", "bn"):
        place = str(int(is_norm))
    else:
        layers = ["depthwise", "project"] if parts[1] == "1" else ["expand", "depthwise", "project"]
        j = layers.index(parts[2].removesuffix("_bn"))
        flat = f"conv.{3 * j + is_norm}"
        grouped = f"conv.{j + is_norm}" if j == len(layers) - 1 else f"conv.{j}.{int(is_norm)}"
        place = grouped if in_torchvision else flat
    return f"{parts[0]}.{parts[1]}.{place}.{norms.get(leaf, leaf)}"


@pytest.mark.usefixtures("tiny_mobilenetv2")
@pytest.mark.parametrize("in_torchvision", [True, False], ids=["torchvision", "numbered one by one"])
def test_both_ways_to_number_layers_are_understood(in_torchvision, tmp_path):
    backbone, rng = build_backbone(NAME, 10), np.random.default_rng(0)
    tensors = {theirs(n, in_torchvision): rng.normal(size=p.shape).astype(np.float32)
               for n, p in backbone.parameters().items()}  # fmt: skip
    assert len(tensors) == len(backbone.parameters())
    np.savez(tmp_path / "w.npz", **tensors)
    load_float_weights(backbone, tmp_path / "w.npz")
    for name, parameter in backbone.parameters().items():
        np.testing.assert_array_equal(parameter.asnumpy(), tensors[theirs(name, in_torchvision)])


def right_of_imagenette(folder, weights, images: int) -> int:
    """How many of the first images of each class of val the float network answers right."""
    overrides = [
        "data.name=image_folder", f"data.path={folder}", "model.name=mobilenetv2", "method.name=float",
        f"model.weights={weights / 'mobilenetv2_imagenet_backbone.npz'}",
        f"model.head_weights={weights / 'mobilenetv2_imagenette_head.npz'}",
    ]  # fmt: skip
    config = load_config(None, overrides)
    test_set = load_split(config, "test")
    some = np.concatenate([np.flatnonzero(test_set.labels == k)[:images] for k in range(10)])
    system, _ = build_system(
        config, test_set.num_classes, test_set.image_size, kernels.available(), class_names=test_set.classes
    )
    answers = evaluate(system, Loader(test_set.take(some), 50, train=False), Runtime("CPU"))
    return int((answers.predicted == answers.label).sum())


@pytest.mark.slow
def test_public_weights_are_right_987_times(imagenette_path, weights_path):
    """98.7 % of the 1000 images of a small Imagenette's val (100 of each class, 224 pixels)."""
    assert right_of_imagenette(imagenette_path, weights_path, 100) == 987


def test_public_weights_on_a_tenth_of_them(imagenette_path, weights_path):
    assert right_of_imagenette(imagenette_path, weights_path, 10) == 98


def test_a_layer_that_chooses_keeps_its_normalisation_beside_it():
    """Where blocks have no residual one value passes between the two, and so the network could be cut."""
    network = method("method.name=abn", "quant.quantizer=lsq", f"model.name={NAME}").network
    starts = [first for first, _ in network.links]
    by_choice = [i for i, node in enumerate(network.nodes) if getattr(node.cell, "by_choice", False)]
    assert len(by_choice) == 9 and not set(by_choice) & set(starts)
