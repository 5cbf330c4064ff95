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
"""The walk: what each part is worth on small networks, for every quantiser and shape of layer."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor

from src.config import load_config
from src.layers.norm import MOMENTUM, BatchNorm, normalise_by_batch
from src.parameters import assign
from src.ptq.quantise import quantise_network
from tests.methods.build import SIDE, answer, method
from tests.models.tiny import NAME

pytestmark = pytest.mark.usefixtures("pynative")
STATIC = ["method.name=static", "quant.quantizer=lsq", "quant.first_last=8", "quant.per_channel=true"]
PARTS = {"quant.start": "first_batch", "quant.ptq_codes": "nearest", "quant.ptq_statistics": "kept"}


def pictures(count: int, seed: int) -> np.ndarray:
    """Smooth ones, so that neighbouring pixels are alike as in photographs."""
    rough = np.random.default_rng(seed).normal(size=(count, 3, SIDE + 4, SIDE + 4))
    for axis in (2, 3):
        rough = np.cumsum(rough, axis)
        rough = np.take(rough, range(4, SIDE + 4), axis) - np.take(rough, range(SIDE), axis)
    return (rough / 4).astype(np.float32)


def settle_statistics(built, x: np.ndarray) -> None:
    """Running statistics that fit the images, as training leaves them."""
    norms = [c for _, c in built.network.cells_and_names() if isinstance(c, BatchNorm)]
    statistics = [p for norm in norms for p in (norm.moving_mean, norm.moving_variance)]
    for parameter in statistics:
        assign(parameter, np.zeros(parameter.shape))
    normalise_by_batch(built.network)
    built.network(Tensor(x))
    built.network.set_train(False)
    for parameter in statistics:
        assign(parameter, parameter.asnumpy() / (1 - MOMENTUM))


def float_net(model: str):
    built = method("method.name=float", f"model.name={model}")
    ms.set_context(mode=ms.PYNATIVE_MODE)
    settle_statistics(built, pictures(64, seed=9))
    ms.set_context(mode=ms.GRAPH_MODE)
    return built


def quantised(own, model: str, *overrides: str, seed: int = 1):
    """A static network after the walk."""
    overrides = [*STATIC, f"model.name={model}", *overrides]
    built = method(*overrides)
    values = {p.name: p for p in own.network.get_parameters()}
    for parameter in built.network.get_parameters():
        if parameter.name in values:
            parameter.set_data(values[parameter.name].value().copy())
    quant = load_config(None, [o for o in overrides if not o.startswith("model.")]).quant
    images = pictures(32, seed=2)
    quantise_network(own.network, built.network, [images[:16], images[16:]], quant, seed)
    return built


def distance(own, built) -> float:
    """Share of the logits' spread over images that is lost, on images not seen before."""
    x = pictures(32, seed=3)
    expected, got = answer(own, x)[0], answer(built, x)[0]
    spread = expected - expected.mean(0)
    return float(((got - expected) ** 2).sum() / (spread**2).sum())


@pytest.fixture(scope="module")
def resnet():
    return float_net("resnet8")


@pytest.fixture(scope="module")
def tiny():
    """Depthwise layers, and inputs that may be negative."""
    return float_net(NAME)


def at(bits: int) -> list[str]:
    return [f"quant.w_bits={bits}", f"quant.a_bits={bits}"]


def test_eight_bits_are_as_good_as_float(resnet):
    built, x = quantised(resnet, "resnet8", *at(8)), pictures(32, seed=3)
    assert distance(resnet, built) < 0.01
    same = answer(resnet, x)[0].argmax(1) == answer(built, x)[0].argmax(1)
    assert same.mean() >= 0.98


def test_every_part_helps_a_resnet(resnet):
    whole = distance(resnet, quantised(resnet, "resnet8", *at(4)))
    for key, value in PARTS.items():
        assert whole < distance(resnet, quantised(resnet, "resnet8", *at(4), f"{key}={value}")), key


@pytest.mark.parametrize("quantizer", ["lsq", "nested", "pact"])
def test_statistics_help_depthwise_layers_and_signed_inputs(tiny, quantizer):
    kind = f"quant.quantizer={quantizer}"
    moved, kept = (
        distance(tiny, quantised(tiny, NAME, *at(4), kind, f"quant.ptq_statistics={s}"))
        for s in ("moved", "kept")
    )
    assert moved < kept


def test_fewer_bits_lose_more(tiny):
    lost = [distance(tiny, quantised(tiny, NAME, *at(bits))) for bits in (8, 3)]
    assert lost == sorted(lost)


def test_dorefa_has_its_statistics_alone_corrected(tiny):
    built = quantised(tiny, NAME, "quant.quantizer=dorefa", *at(4))
    before, after = (b.network.parameters_dict() for b in (tiny, built))
    inner = [n for n in before if n.endswith(".weight")][1:-1]
    assert inner and all(np.array_equal(before[n].asnumpy(), after[n].asnumpy()) for n in inner)
    moved = [n for n in before if n.endswith("moving_mean")][1:]
    assert all((before[n].asnumpy() != after[n].asnumpy()).any() for n in moved)


def test_the_same_seed_gives_the_same_bits_and_the_float_network_stays(tiny):
    before = {n: p.asnumpy().copy() for n, p in tiny.network.parameters_dict().items()}
    first, second = (quantised(tiny, NAME, *at(4)).network.parameters_dict() for _ in range(2))
    assert all(np.array_equal(first[n].asnumpy(), second[n].asnumpy()) for n in first)
    after = tiny.network.parameters_dict()
    assert all(np.array_equal(before[n], after[n].asnumpy()) for n in before)
