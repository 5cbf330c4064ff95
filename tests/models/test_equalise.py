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

"""Filters of one size compute what they computed, in evaluation and, nearly, by a batch's statistics."""

import numpy as np
import pytest
from mindspore import Tensor

from src.config import load_config
from src.layers.activation import NONE
from src.layers.conv import Conv2d
from src.layers.norm import BatchNorm
from src.methods import build_system
from src.models.backbone import CONV, HEAD, IMAGE, MEAN, NORM, STEM, Backbone
from src.models.equalise import LEAST, equalise_filters
from src.parameters import assign
from tests.methods.build import CLASSES, SIDE, answer, images, method

DEAD, ZERO, TINY_BUT_ALIVE = 1, 2, 3  # filters of the first layer


def pair(read_twice: bool = False) -> Backbone:
    """A convolution of 3 to 6 channels and its normalisation; or one that a sum reads, too."""
    net, rng = Backbone(), np.random.default_rng(0)
    x = net.add("conv", CONV, Conv2d(3, 6, 3, 1, 1, rng=rng), IMAGE, part=STEM)
    y = net.add("norm", NORM, BatchNorm(6, NONE), x, *([x] if read_twice else []), part=STEM)
    net.add("mean", MEAN, None, y, part=HEAD)
    conv, norm = net.nodes[0].cell, net.nodes[1].cell
    size = 10.0 ** rng.uniform(-2, 1, (6, 1, 1, 1))
    size[DEAD], size[ZERO], size[TINY_BUT_ALIVE] = 1e-12, 0.0, 1e-3
    assign(conv.weight, conv.weight.asnumpy() * size)
    for parameter, low, high in ((norm.gamma, 0.5, 2), (norm.beta, -1, 1), (norm.moving_mean, -0.1, 0.1)):
        assign(parameter, rng.uniform(low, high, 6))
    assign(norm.moving_variance, rng.uniform(0.5, 2, 6) * size.reshape(-1) ** 2)
    return net


def run(net: Backbone, x: np.ndarray, train: bool = False) -> np.ndarray:
    conv, norm = net.nodes[0].cell, net.nodes[1].cell
    norm.set_train(train)
    return norm(conv(Tensor(x))).asnumpy().copy()


@pytest.mark.parametrize("train", [False, True])
def test_the_function_stays(train):
    net, x = pair(), np.random.default_rng(1).normal(size=(4, 3, 7, 7)).astype(np.float32)
    # The running statistics are those of the batch, as of a trained network.
    rows = net.nodes[0].cell(Tensor(x)).asnumpy()
    assign(net.nodes[1].cell.moving_mean, rows.mean((0, 2, 3)))
    assign(net.nodes[1].cell.moving_variance, rows.var((0, 2, 3)))
    before = run(net, x, train=False)
    equalise_filters(net)
    np.testing.assert_allclose(run(net, x, train), before, rtol=1e-3, atol=1e-3)


def test_filters_have_one_size_and_dead_ones_stay_small():
    net = pair()
    filters = net.nodes[0].cell.weight
    whole = np.sqrt((filters.asnumpy() ** 2).mean())
    equalise_filters(net)
    size = np.sqrt((filters.asnumpy() ** 2).mean((1, 2, 3)))
    alive = np.arange(6) != DEAD
    alive[ZERO] = False
    np.testing.assert_allclose(size[alive], whole, rtol=1e-4)
    assert size[ZERO] == 0 and 0 < size[DEAD] < 1e-10 / LEAST
    norm = net.nodes[1].cell
    assert all(np.isfinite(p.asnumpy()).all() for p in norm.get_parameters())
    # Quantised, a dead filter is noise: its channel must not wake up.
    assert abs(norm.gamma.asnumpy()[[DEAD, ZERO]]).max() < 1e-3


def test_what_others_read_too_stays():
    net = pair(read_twice=True)
    before = net.nodes[0].cell.weight.asnumpy().copy()
    equalise_filters(net)
    np.testing.assert_array_equal(net.nodes[0].cell.weight.asnumpy(), before)


@pytest.mark.parametrize("model", ["resnet8", "tiny_mobilenetv2"])
def test_a_network_answers_as_before_and_a_float_one_is_left_alone(model):
    plain = [f"model.name={model}", "method.name=static", "quant.quantizer=lsq", "quant.w_bits=8", "quant.a_bits=8"]
    x = images(4)
    float_net = [f"model.name={model}", "method.name=float"]
    np.testing.assert_array_equal(*(answer(method(*float_net, *more), x)[0] for more in ([], ["quant.equalise=true"])))
    before, after = (method(*plain, *more).network for more in ([], ["quant.equalise=true"]))
    sizes = []
    for network in (before, after):
        layers = [n.cell for n in network.nodes if n.kind == CONV]
        sizes.append([np.std(np.sqrt((c.weight.asnumpy() ** 2).mean((1, 2, 3)))) for c in layers])
    assert max(sizes[1]) < 1e-6 < min(sizes[0])


def test_the_float_network_of_a_quantised_run_has_the_same_filters():
    """Post-training quantisation compares the two layer by layer."""
    config = load_config(None, ["model.name=resnet8", "method.name=static", "quant.equalise=true"])
    quantised, float_net = (build_system(config, CLASSES, SIDE, False, name)[0].network for name in ("static", "float"))
    for ours, theirs in zip(quantised.nodes, float_net.nodes, strict=True):
        if ours.kind in (CONV, NORM):
            for name in ("weight",) if ours.kind == CONV else ("gamma", "moving_mean", "moving_variance"):
                np.testing.assert_array_equal(*(getattr(n.cell, name).asnumpy() for n in (ours, theirs)))
