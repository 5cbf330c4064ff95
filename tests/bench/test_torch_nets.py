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

"""The PyTorch networks: the same designs as ours, and quantisers held to their closed forms."""

import numpy as np
import pytest

from src.bench import torch_quant
from src.bench.case import side_of
from src.bench.torch_layers import Net
from src.bench.torch_nets import DESIGNS, Design
from src.methods import build_system
from src.models import BACKBONES
from src.models.resnet import DESIGNS as OURS


def test_designs_are_ours():
    assert {
        name: (d.blocks, d.channels[: len(d.blocks)], d.bottleneck, d.imagenet_stem, d.option_a)
        for name, d in OURS.items()
    } == {
        name: (d.blocks, d.channels, d.deep, d.large, d.option_a)
        for name, d in DESIGNS.items()
        if isinstance(d, Design)
    }
    assert set(DESIGNS) == set(BACKBONES)
    for name, design in BACKBONES.items():
        assert side_of(name, None) == design.image_size


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="the peer is not installed")


@pytest.mark.parametrize("low, high", [(0, 15), (-8, 7)])
def test_lsq_has_the_closed_form(torch, low, high):
    rng = np.random.default_rng(0)
    x = rng.normal(0, 1, 4000)
    dy = rng.normal(0, 1, 4000)
    step = 0.1
    x_t = torch.tensor(x, requires_grad=True)
    step_t = torch.tensor([step], dtype=torch.float64, requires_grad=True)
    y = torch_quant.lsq(x_t, step_t, low, high, shared=500)
    y.backward(torch.tensor(dy))

    v = x / step
    codes = np.round(np.clip(v, low, high))
    inside = (v > low) & (v < high)
    np.testing.assert_allclose(y.detach().numpy(), codes * step, rtol=1e-12)
    np.testing.assert_allclose(x_t.grad.numpy(), dy * inside, rtol=1e-12)
    expected = (dy * (codes - v * inside)).sum() / np.sqrt(500 * high)
    assert step_t.grad.item() == pytest.approx(expected, rel=1e-9)


def test_dorefa_lies_on_its_grid_with_the_straight_through_gradient(torch):
    x = torch.linspace(-0.5, 1.5, 101, dtype=torch.float64, requires_grad=True)
    y = torch_quant.dorefa_input(x, 3)
    y.sum().backward()
    values = np.clip(x.detach().numpy(), 0, 1)
    np.testing.assert_allclose(y.detach().numpy(), np.round(values * 7) / 7, atol=1e-12)
    inside = (x.detach().numpy() > 0) & (x.detach().numpy() < 1)
    np.testing.assert_array_equal(x.grad.numpy()[inside], 1)
    assert x.grad.numpy()[[0, -1]].tolist() == [0, 0]

    weight = torch.randn(50, dtype=torch.float64)
    codes = torch_quant.dorefa_weight(weight, 3).numpy() * 7
    np.testing.assert_allclose(codes, np.round(codes), atol=1e-9)
    assert np.abs(codes).max() == pytest.approx(7) and set(np.abs(np.round(codes)) % 2) == {1}


def test_a_dynamic_layer_is_the_chosen_branch_and_its_mask_gets_inner_products(torch):
    torch.manual_seed(0)
    net = Net(DESIGNS["resnet8"], "dynamic", 4, 10)
    conv = net.stages[1][0].convs[1]
    x, dy = torch.rand(3, 32, 6, 6), torch.rand(3, 32, 6, 6)
    plan = torch.zeros(3, net.slots, 3)
    for image, choice in enumerate((2, 0, 1)):
        plan[image, :, choice] = 1
    plan.requires_grad_()
    y = conv(x, plan)
    y.backward(dy)
    for image, choice in enumerate((2, 0, 1)):
        for k, bits in enumerate((3, 4, 5)):
            weight = torch_quant.dorefa_weight(conv.weight, bits)
            branch = conv.multiply(torch_quant.dorefa_input(x[image : image + 1], bits), weight)[0]
            if k == choice:
                torch.testing.assert_close(y[image], branch)
            product = (branch * dy[image]).sum()
            torch.testing.assert_close(plan.grad[image, conv.slot, k], product, rtol=1e-4, atol=0)


@pytest.mark.parametrize("kind, method", [("float", "float"), ("dynamic", "dqnet")])
@pytest.mark.parametrize("model", ["resnet20", "resnet18_cifar", "resnet50", "mobilenetv2"])
def test_as_many_parameters_as_ours(torch, kind, method, model):
    from src.bench.case import Case, has_imagenet_stem
    from src.bench.cases import overrides
    from src.config import load_config

    large = has_imagenet_stem(model)
    assert large == DESIGNS[model].large
    config = load_config(overrides=overrides(Case(kind, "portable", model, 2, 32, 4, 1)))
    ours, _ = build_system(config, 10, 64 if large else 32, native=False)
    assert ours.name == method
    theirs = Net(DESIGNS[model], kind, 4, 10)
    assert sum(p.numel() for p in theirs.parameters) == sum(
        p.size for p in ours.network.trainable_params()
    )
    assert theirs.slots == sum(row["kind"] == "dynamic" for row in ours.table)


@pytest.mark.parametrize("model", ["resnet8", "mobilenetv2_cifar"])
@pytest.mark.parametrize("kind", ["float", "static", "dynamic"])
def test_every_parameter_gets_a_gradient_in_both_layouts(torch, kind, model):
    from src.bench.torch_peer import loss

    torch.manual_seed(0)
    net = Net(DESIGNS[model], kind, 4, 10)
    image, label = torch.randn(4, 3, 32, 32), torch.randint(0, 10, (4,))
    for layout in (torch.contiguous_format, torch.channels_last):
        loss(net, image.contiguous(memory_format=layout), label).backward()
    gradients = [parameter.grad for parameter in net.parameters]
    assert all(g is not None and torch.isfinite(g).all() for g in gradients)
    assert sum(float(g.abs().max()) > 0 for g in gradients) == len(gradients)
