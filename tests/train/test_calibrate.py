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

"""First activation steps: from the batch, layer by layer, on inputs that are already quantised."""

from types import SimpleNamespace

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor, nn

from src.config import QuantConfig
from src.layers.activation import RELU
from src.layers.conv import Conv2d
from src.layers.dynamic import DynamicConv2d
from src.layers.norm import BatchNorm
from src.layers.spec import DYNAMIC, STATIC, LayerSpec
from src.layers.swap import swap_layers
from src.quantizers import ACTIVATION
from src.runtime import Runtime
from src.train.calibrate import calibrate
from tests.layers import reference


class Two(nn.Cell):
    """Two convolutions; the second sees negative values, which its unsigned codes clip."""

    def __init__(self, norm=None):
        super().__init__()
        rng = np.random.default_rng(0)
        self.one, self.two = Conv2d(2, 3, 1, rng=rng), Conv2d(3, 2, 1, rng=rng)
        self.norm = norm

    def construct(self, x, choice):
        y = self.one(x)
        y = y if self.norm is None else self.norm(y)
        return self.two(y, choice) if isinstance(self.two, DynamicConv2d) else self.two(y)


def network(kind=STATIC, quantizer="lsq", widths=(4,), norm=None):
    cell = Two(norm)
    slot = 0 if kind == DYNAMIC else None
    specs = {
        "one": LayerSpec(STATIC, "", quantizer, (3,), (3,)),
        "two": LayerSpec(kind, "", quantizer, widths, widths, slot),
    }
    signed = {"one"} if ACTIVATION[quantizer].takes_signed else set()
    layers = {name: SimpleNamespace(cell=getattr(cell, name)) for name in specs}
    swap_layers(layers, specs, QuantConfig(), signed_inputs=signed)
    cell.one, cell.two = layers["one"].cell, layers["two"].cell
    return cell


def batch(count=4):
    return np.random.default_rng(1).normal(size=(count, 2, 5, 5)).astype(np.float32)


def test_steps_follow_the_formula_on_the_real_inputs():
    cell, x = network(), batch()
    assert calibrate(cell, (x, np.zeros(1, np.float32)), Runtime("CPU")) == 2
    first = 2 * np.abs(x).mean() / np.sqrt(3)
    assert cell.one.input_quantizer.step.asnumpy()[0, 0] == pytest.approx(first, rel=1e-5)
    w = cell.one.weight.asnumpy()
    w_q, _ = reference.lsq(True, {3: 2 * np.abs(w).mean() / np.sqrt(3)}, 1)(w, 3)
    x_q, _ = reference.lsq(True, {3: first}, 1)(x, 3)
    seen = reference.conv(x_q, w_q)
    second = 2 * np.abs(seen).mean() / np.sqrt(15)
    assert cell.two.input_quantizer.step.asnumpy()[0, 0] == pytest.approx(second, rel=1e-4)
    unquantised = 2 * np.abs(reference.conv(x, w)).mean() / np.sqrt(15)
    assert abs(second / unquantised - 1) > 1e-2, "the two are told apart"


def test_each_width_of_a_dynamic_layer_gets_its_step():
    cell, x = network(DYNAMIC, widths=(2, 4, 8)), batch()
    choice = np.zeros((4, 1, 3), np.float32)
    choice[..., 1] = 1
    assert calibrate(cell, (x, choice), Runtime("CPU")) == 2
    steps = cell.two.input_quantizer.step.asnumpy()[:, 0]
    np.testing.assert_allclose(steps[0] / steps, np.sqrt([3 / 3, 15 / 3, 255 / 3]), rtol=1e-5)


@pytest.mark.parametrize("quantizer", ["lsq", "nested", "pact"])
def test_a_search_sets_every_range_to_less_error(quantizer):
    x, errors = batch(), {}
    for search in (False, True):
        cell = network(quantizer=quantizer, widths=(3,))
        calibrate(cell, (x, np.zeros(1, np.float32)), Runtime("CPU"), search)
        seen = cell.one.input_quantizer(Tensor(x), 0).asnumpy()
        weight = cell.one.weight.asnumpy()
        values = cell.one.weight_quantizer(cell.one.weight, 0)[0].asnumpy()
        errors[search] = np.square(seen - x).sum(), np.square(values - weight).sum()
    assert errors[True][0] < errors[False][0]
    assert errors[True][1] < errors[False][1] or quantizer == "pact", "its weights are DoReFa's"


def test_layers_see_what_the_batch_normalises():
    """Running statistics, a thousand times too small here, have no say in the first steps."""
    steps = []
    for variance in (1.0, 1e-3):
        norm = BatchNorm(3, RELU)
        norm.moving_variance.set_data(Tensor(np.full(3, variance, np.float32)))
        cell = network(norm=norm)
        calibrate(cell, (batch(), np.zeros(1, np.float32)), Runtime("CPU"))
        assert not any(c.training for _, c in cell.cells_and_names())
        steps.append(cell.two.input_quantizer.step.asnumpy())
    np.testing.assert_array_equal(*steps)


def test_mode_and_hooks_are_put_back():
    cell, x = network(), batch()
    calibrate(cell, (x, np.zeros(1, np.float32)), Runtime("CPU"))
    assert ms.get_context("mode") == ms.GRAPH_MODE
    before = cell.one.input_quantizer.step.asnumpy().copy()
    ms.set_context(mode=ms.PYNATIVE_MODE)
    cell(Tensor(10 * x), Tensor(np.zeros(1, np.float32)))
    ms.set_context(mode=ms.GRAPH_MODE)
    np.testing.assert_array_equal(cell.one.input_quantizer.step.asnumpy(), before)


def test_nothing_to_learn_nothing_run():
    cell = network(quantizer="dorefa")
    assert calibrate(cell, ("never touched",), Runtime("CPU")) == 0
