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

"""The rules that all methods share: ends, exceptions, and which quantiser they get."""

import pytest

from src.config import load_config
from src.errors import UserError
from src.keys import QuantConfig
from src.layers.spec import FLOAT, STATIC
from src.methods.rules import layer_costs, shared_specs, static_spec
from src.models import build_backbone
from src.models.geometry import describe
from tests.methods.build import method


@pytest.fixture(scope="module")
def layers():
    return describe(build_backbone("resnet8", 10), 8).layers


def test_ends_are_float_by_default(layers):
    specs = shared_specs(layers, QuantConfig())
    assert {name: spec.kind for name, spec in specs.items()} == {"conv1": FLOAT, "fc": FLOAT}
    assert specs["conv1"].why == "first layer (quant.first_last)"
    assert specs["fc"].why == "last layer (quant.first_last)"


@pytest.mark.parametrize("quantizer", ["dorefa", "pact", "lsq"])
def test_8_bit_ends_are_always_lsq(layers, quantizer):
    specs = shared_specs(layers, QuantConfig(quantizer=quantizer, first_last="8"))
    for name in ("conv1", "fc"):
        spec = specs[name]
        assert (spec.kind, spec.quantizer, spec.w_bits, spec.a_bits) == (STATIC, "lsq", (8,), (8,))


def test_exceptions_win(layers):
    exceptions = {"layer1.0.conv1": "float", "layer2.0.conv2": 6, "conv1": 5, "fc": 3}
    specs = shared_specs(layers, QuantConfig(quantizer="pact", exceptions=exceptions))
    assert len(specs) == 4
    assert all(spec.why == "quant.exceptions" for spec in specs.values())
    assert specs["layer1.0.conv1"].kind == FLOAT
    assert specs["layer2.0.conv2"].w_bits == specs["layer2.0.conv2"].a_bits == (6,)
    assert specs["layer2.0.conv2"].quantizer == "pact"
    assert specs["conv1"].quantizer == "lsq", "an image has no fixed range"
    assert specs["fc"].quantizer == "lsq", "nor have pooled features"


@pytest.mark.parametrize(
    ("name", "quantizer", "expected"),
    [("static", "pact", "pact"), ("dqnet", "lsq", "lsq"), ("dqt", "dorefa", "nested"), ("ddq", "dorefa", "dorefa")],
)
def test_an_exception_has_the_methods_quantiser(name, quantizer, expected):
    exceptions = "quant.exceptions={layer1.0.conv1: 6, fc: 8}"
    table = method(f"method.name={name}", f"quant.quantizer={quantizer}", "dqt.pool=2", exceptions).table
    found = {row["name"]: (row["quantizer"], row["w_bits"], row["a_bits"]) for row in table}
    assert found["layer1.0.conv1"] == (expected, 6, 6)
    assert found["fc"] == ("lsq", 8, 8)


def test_an_exception_may_tell_weights_and_inputs_apart(layers):
    specs = shared_specs(layers, QuantConfig(exceptions={"layer2.0.conv2": [3, 5]}))
    assert (specs["layer2.0.conv2"].w_bits, specs["layer2.0.conv2"].a_bits) == ((3,), (5,))


def test_a_plan_file_becomes_widths_that_the_run_keeps(tmp_path):
    path = tmp_path / "plan.json"
    path.write_text('{"layer1.0.conv1": 2, "layer2.0.conv1": [3, 5], "fc": 4, "*": [6, 7]}')
    quant = load_config(None, [f"quant.plan={path}", "quant.exceptions={fc: float}"]).quant
    assert quant.exceptions == {"layer1.0.conv1": 2, "layer2.0.conv1": [3, 5], "fc": "float"}
    assert (quant.w_bits, quant.a_bits, quant.plan) == (6, 7, None)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "No such file"), ("{", "cannot be read as JSON"), ("[4]", "holds [4]"),
        ('{"fc": "4"}', "or [weights, inputs]"), ('{"fc": [4]}', '"*" for all other layers'),
        ('{"*": 9}', "widths 2..8"),
    ],
)  # fmt: skip
def test_a_file_that_holds_no_plan(tmp_path, content, expected):
    path = tmp_path / "plan.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError, match=r"quant\.") as error:
        load_config(None, [f"quant.plan={path}"])
    assert expected in str(error.value)


def test_exception_for_an_unknown_layer(layers):
    with pytest.raises(UserError) as error:
        shared_specs(layers, QuantConfig(exceptions={"layer2.0.cnv1": 8}))
    assert "no layer layer2.0.cnv1; did you mean layer2.0.conv1?" in str(error.value)
    assert "layer3.0.conv2" in str(error.value), "what is allowed is listed"


def test_costs_take_macs_and_widths_over(layers):
    specs = {layer.name: static_spec("lsq", 3, 5, "test") for layer in layers}
    costs = layer_costs(layers, specs)
    assert [c.name for c in costs] == [layer.name for layer in layers]
    assert costs[1].macs == 16 * 16 * 9 * 8 * 8
    assert (costs[1].weights, costs[1].inputs) == (16 * 16 * 9, 16 * 8 * 8)
    assert (costs[1].w_bits, costs[1].a_bits, costs[1].slot) == ((3,), (5,), None)
