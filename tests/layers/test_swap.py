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

"""The swap pass: which cell each spec gives, with which quantisers, and that names stay."""

from types import SimpleNamespace

import numpy as np
import pytest
from mindspore import Tensor, nn

from src import kernels
from src.config import QuantConfig
from src.errors import UserError
from src.layers.conv import Conv2d, Dense
from src.layers.dynamic import DynamicConv2d
from src.layers.spec import DYNAMIC, FLOAT, STATIC, LayerSpec
from src.layers.static import StaticConv2d, StaticDense
from src.layers.swap import swap_layers
from src.layers.use_kernels import use_native
from src.quantizers import ACTIVATION, WEIGHT
from src.quantizers.base import WeightQuantizer, constant
from src.quantizers.dorefa import DorefaActivation, DorefaWeight
from src.quantizers.lsq import LsqActivation, LsqWeight
from src.quantizers.pact import PactActivation
from src.quantizers.rounding import round_half_up


def tiny() -> dict[str, SimpleNamespace]:
    """Layers by name, as a backbone lists them."""
    rng = np.random.default_rng(0)
    cells = {
        "conv1": Conv2d(3, 4, 3, rng=rng),
        "blocks.0": Conv2d(4, 4, 3, rng=rng),
        "blocks.1": Conv2d(4, 4, 1, rng=rng),
        "fc": Dense(4, 2, rng=rng),
    }
    return {name: SimpleNamespace(cell=cell) for name, cell in cells.items()}


def parameters(layers) -> dict:
    """Path -> parameter."""
    return {
        f"{name}.{path}": parameter
        for name, node in layers.items()
        for path, parameter in node.cell.parameters_and_names()
    }


def spec(kind, quantizer="dorefa", w_bits=(4,), a_bits=(4,), slot=None):
    return LayerSpec(kind, "test", quantizer, w_bits, a_bits, slot)


def test_each_spec_gives_its_cell():
    layers = tiny()
    first = layers["blocks.0"].cell.weight
    swap_layers(
        layers,
        {
            "conv1": LayerSpec(FLOAT, "test"),
            "blocks.0": spec(STATIC, "pact", (3,), (5,)),
            "blocks.1": spec(DYNAMIC, "lsq", (2, 4), (2, 4), 7),
            "fc": spec(STATIC, "lsq", (8,), (8,)),
        },
        QuantConfig(per_channel=True, pact_alpha=3.5),
        signed_inputs={"fc"},
        tied=False,
        execution="mixture",
    )
    assert type(layers["conv1"].cell) is Conv2d
    static, dynamic = layers["blocks.0"].cell, layers["blocks.1"].cell
    assert type(static) is StaticConv2d and static.weight is first
    assert type(static.weight_quantizer) is DorefaWeight
    assert static.weight_quantizer.widths == (3,)
    assert type(static.input_quantizer) is PactActivation
    assert static.input_quantizer.widths == (5,)
    assert static.input_quantizer.alpha.asnumpy() == pytest.approx(3.5)
    assert type(dynamic) is DynamicConv2d
    assert (dynamic.slot, dynamic.tied, dynamic.execution) == (7, False, "mixture")
    assert type(dynamic.weight_quantizer) is LsqWeight
    assert dynamic.weight_quantizer.step.shape == (2, 4), "one step per width and channel"
    assert dynamic.input_quantizer.signed is False
    assert type(layers["fc"].cell) is StaticDense
    assert type(layers["fc"].cell.input_quantizer) is LsqActivation and layers["fc"].cell.input_quantizer.signed


@pytest.mark.parametrize("truncate", [False, True])
def test_nested_layers_take_their_options(truncate):
    """By what comes out: codes of a master of 6 bits, with a lower width's top bits cut or rounded."""
    layers = tiny()
    weight = layers["blocks.0"].cell.weight.asnumpy().copy()
    specs = {"blocks.0": spec(STATIC, "nested", (3,), (3,))}
    swap_layers(layers, specs, QuantConfig(per_channel=True, master=6, truncate=truncate))
    layer = layers["blocks.0"].cell
    step = layer.weight_quantizer.step.asnumpy()[0].reshape(4, 1, 1, 1)
    values, _ = layer.weight_quantizer(layer.weight, 0)
    master = np.clip(np.floor(weight / step + 0.5), -32, 31)
    half = 0 if truncate else 0.5
    codes = np.clip(np.floor(master / 8 + half), -4, 3)
    np.testing.assert_allclose(values.asnumpy(), codes * 8 * step, rtol=1e-5)
    layer.input_quantizer.step.set_data(Tensor(np.float32([[1]])))
    seen = layer.input_quantizer(Tensor(np.arange(64, dtype=np.float32)), 0).asnumpy()
    expected = np.minimum(np.floor(np.arange(64) / 8 + half), 7) * 8
    np.testing.assert_array_equal(seen, expected)


def test_names_of_weights_do_not_change():
    layers = tiny()
    before = {name: id(p) for name, p in parameters(layers).items()}
    swap_layers(
        layers,
        {
            "conv1": spec(STATIC, "lsq", (8,), (8,)),
            "blocks.0": spec(STATIC),
            "blocks.1": spec(DYNAMIC, "pact", (2, 3), (2, 3), 0),
            "fc": spec(STATIC, "lsq", (8,), (8,)),
        },
        QuantConfig(),
    )
    after = parameters(layers)
    assert {name: id(after[name]) for name in before} == before
    assert sorted(set(after) - set(before)) == [
        "blocks.1.input_quantizer.alpha",
        "conv1.input_quantizer.step",
        "conv1.weight_quantizer.step",
        "fc.input_quantizer.step",
        "fc.weight_quantizer.step",
    ]
    assert all(after[name].is_quantizer for name in set(after) - set(before))


def test_dorefa_has_nothing_to_learn():
    layers = tiny()
    swap_layers(layers, {"conv1": spec(STATIC)}, QuantConfig())
    assert type(layers["conv1"].cell.input_quantizer) is DorefaActivation
    assert len(list(layers["conv1"].cell.get_parameters())) == 1


def test_unknown_layer_is_named():
    with pytest.raises(UserError, match="no layer blocks.9 in the model"):
        swap_layers(tiny(), {"blocks.9": spec(STATIC)}, QuantConfig())


@pytest.mark.parametrize("name", ACTIVATION)
def test_inputs_that_may_be_negative_get_signed_codes(name):
    layers = tiny()
    swap_layers(layers, {"conv1": spec(STATIC, name)}, QuantConfig(), signed_inputs={"conv1"})
    assert layers["conv1"].cell.input_quantizer.signed


def test_a_quantiser_without_signed_codes_refuses_them(monkeypatch):
    unsigned = type("Unsigned", (DorefaActivation,), {"takes_signed": False})
    monkeypatch.setitem(ACTIVATION, "dorefa", unsigned)
    message = "layer conv1: its input may be negative, and dorefa .* one of pact, lsq, nested"
    with pytest.raises(UserError, match=message):
        swap_layers(tiny(), {"conv1": spec(STATIC)}, QuantConfig(), signed_inputs={"conv1"})


class Halves(WeightQuantizer):
    """A quantiser that nobody foresaw, with an option of its own."""

    options = ("grain",)

    def __init__(self, widths, weight, grain):
        super().__init__(widths)
        self.scale = constant(grain)

    def construct(self, weight, slot):
        return round_half_up(weight / self.scale) * self.scale, self.scale


def test_a_new_quantiser_is_a_line_in_the_table(monkeypatch):
    monkeypatch.setitem(WEIGHT, "halves", Halves)
    monkeypatch.setitem(ACTIVATION, "halves", DorefaActivation)
    layers = tiny()
    swap_layers(layers, {"blocks.0": spec(STATIC, "halves")}, SimpleNamespace(grain=0.5))
    layer = layers["blocks.0"].cell
    if kernels.available():
        use_native(nn.CellList([node.cell for node in layers.values()]))  # none fits
    form = layer.weight_quantizer.integer_form(layer.weight)
    expected = np.floor(layer.weight.asnumpy() * 2 + 0.5)
    np.testing.assert_array_equal(form.codes[0], expected)
    assert form.scales[0] == [0.5] and form.bits == (4,) and len(np.unique(expected)) > 2


def test_a_dense_layer_has_one_width():
    with pytest.raises(UserError, match="layer fc: only convolutions choose their width"):
        swap_layers(tiny(), {"fc": spec(DYNAMIC, "lsq", (2, 4), (2, 4), 0)}, QuantConfig())
