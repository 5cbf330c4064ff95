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
"""ONNX files in ONNX Runtime."""

import json
import sys

import numpy as np
import pytest
from mindspore import Tensor

from src.cost.ladder import Ladder
from src.deploy.compare import network_answers, rung_answers
from src.deploy.onnx.export import export_onnx, export_rungs, run_onnx
from src.errors import UserError
from tests.deploy.ladders import at_several_widths, ladder_for
from tests.methods.build import method, randomise_head, randomise_levels
from tests.models.tiny import NAME

STATIC = ["method.name=static", "quant.quantizer=lsq"]
DDQ = ["method.name=ddq", "ddq.w_bits=3", "ddq.a_bits=3", "quant.first_last=8"]
DQT = ["method.name=dqt", "quant.quantizer=nested", "dqt.pool=2", "dqt.hidden=8"]


@pytest.mark.parametrize(
    "overrides",
    [
        STATIC,
        pytest.param([*STATIC, f"model.name={NAME}"], marks=pytest.mark.slow),
        pytest.param(["method.name=float"], marks=pytest.mark.slow),
        pytest.param(["method.name=dqnet"], marks=pytest.mark.slow),
        pytest.param(DDQ, marks=pytest.mark.slow),
        pytest.param(DQT, marks=pytest.mark.slow),
    ],
    ids=["lsq", "mobilenetv2", "float", "dqnet", "ddq", "dqt"],
)  # fmt: skip
def test_simulated_graph(overrides, digits, picture, tmp_path):
    built, images = method(*overrides), digits.batch(np.arange(8))
    if built.controller is not None:
        randomise_head(built, images)
    if overrides is DDQ:
        randomise_levels(built)
    expected, plan = network_answers(built, images)
    row = export_onnx(built, picture, digits, tmp_path / "made" / "net.onnx", False)
    assert row["top1_equal"] == 1.0 and row["largest_difference"] < 1e-4
    outputs = run_onnx(tmp_path / "made" / "net.onnx", images)
    np.testing.assert_allclose(outputs[0], expected, atol=1e-4 * np.abs(expected).max())
    if plan is not None:
        np.testing.assert_array_equal(outputs[1].argmax(-1), plan)


@pytest.mark.slow
def test_a_graph_for_each_width(digits, tmp_path):
    system, images = at_several_widths("dqt"), digits.batch(np.arange(8))
    expected, ladder = rung_answers(system, images, system.widths), ladder_for(system, images)
    row = export_rungs(system, ladder, digits, tmp_path / "onnx")
    names = sorted(path.name for path in (tmp_path / "onnx").iterdir())
    assert names == ["2bit.onnx", "4bit.onnx", "ladder.json"]
    text = (tmp_path / "onnx" / "ladder.json").read_text()
    assert Ladder.from_dict(json.loads(text)) == ladder and list(row["rungs"]) == [2, 4]
    for bits, logits in zip(ladder.bits, expected, strict=True):
        (got,) = run_onnx(tmp_path / "onnx" / f"{bits}bit.onnx", images)
        np.testing.assert_allclose(got, logits, atol=1e-4 * np.abs(expected).max())


@pytest.mark.slow
def test_one_width(digits, picture, tmp_path):
    system, images = at_several_widths("dqt"), digits.batch(np.arange(8))
    expected = rung_answers(system, images, system.widths)
    system.forced = 1
    export_onnx(system, picture, digits, tmp_path / "net_4bit.onnx", False)
    (got,) = run_onnx(tmp_path / "net_4bit.onnx", images)
    np.testing.assert_allclose(got, expected[1], atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize(
    "overrides",
    [[], ["quant.first_last=8"], ["quant.per_channel=true"], ["quant.quantizer=dorefa"],
     ["model.shortcut=B", "quant.w_bits=3"], ["quant.first_last=8", f"model.name={NAME}"]],
    ids=["float ends", "8-bit ends", "per channel", "dorefa", "projections", "mobilenetv2"],
)  # fmt: skip
def test_quantise_pairs(overrides, digits, picture, tmp_path):
    import onnx

    path = tmp_path / "net.onnx"
    row = export_onnx(method(*STATIC, *overrides), picture, digits, path, True)
    assert row["top1_equal"] == 1.0 and row["largest_difference"] < 0.02
    model = onnx.load(path)
    assert sum(node.op_type == "QuantizeLinear" for node in model.graph.node) >= 6
    stored = [
        t
        for t in model.graph.initializer
        if t.data_type == onnx.TensorProto.INT8 and len(t.dims) == 4
    ]
    assert len(stored) >= 6


def test_a_session_as_it_comes_is_exact_below_8_bits(digits, picture, tmp_path):
    """ONNX Runtime rounds biases of quantised convolutions, coarsely at few bits."""
    built, rng = method(*STATIC), np.random.default_rng(0)
    for parameter in built.network.get_parameters():
        if parameter.name.endswith(".beta"):
            parameter.set_data(Tensor(rng.normal(size=parameter.shape).astype(np.float32)))
    row = export_onnx(built, picture, digits, tmp_path / "net.onnx", True)
    assert row["top1_equal"] == 1.0 and row["median_difference"] < 1e-5


def test_pairs_of_more_outputs_than_classes(digits, picture, tmp_path):
    import onnx

    built, path = method(*STATIC, "model.num_classes=12"), tmp_path / "net.onnx"
    export_onnx(built, picture, digits, path, True)
    output = onnx.load(path).graph.output[0].type.tensor_type.shape
    assert [dim.dim_value for dim in output.dim] == [1, 12]


@pytest.mark.parametrize(
    ("overrides", "what"),
    [(["method.name=float"], "no layer of this one has a width"), (["method.name=dqnet"], "controller")],
)
def test_no_pairs_for_what_has_no_fixed_widths(overrides, what, digits, picture, tmp_path):
    with pytest.raises(UserError, match=what):
        export_onnx(method(*overrides), picture, digits, tmp_path / "net.onnx", True)


def test_missing_package_is_named(digits, picture, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(UserError, match=r"requirements-onnx\.txt"):
        export_onnx(method("method.name=float"), picture, digits, tmp_path / "net.onnx", False)
