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

"""Float and static networks: layer tables, costs, and what the networks compute."""

import numpy as np
import pytest
from mindspore import Tensor

from src.config import load_config
from src.layers.static import StaticConv2d, StaticDense
from src.methods import build_system
from src.models import build_backbone
from src.models.network import Network
from src.runtime import Runtime
from src.train.calibrate import calibrate
from tests.methods.build import answer, images, method

# conv1 16, then stages of 16, 32, 64 channels on 8, 4, 2 pixels, fc 64 x 10
INNER_MACS = 9 * (2 * 16 * 16 * 64 + (16 + 32) * 32 * 16 + (32 + 64) * 64 * 4)
END_MACS = (27 * 16 * 64, 640)


def test_float_network_is_the_model(pynative):
    built = method("method.name=float")
    x = images(2)
    logits, _ = answer(built, x)
    network = Network(build_backbone("resnet8", 10, seed=1)).set_train(False)
    np.testing.assert_array_equal(logits, network(Tensor(x))["logits"].asnumpy())
    assert built.monitor is None and built.controller is None and built.widths == ()
    assert {row["kind"] for row in built.table} == {"float"}
    assert built.cost.float_macs() == INNER_MACS + sum(END_MACS)
    assert built.cost.fixed() == 0


def test_static_table_and_cost():
    built = method("method.name=static", "quant.w_bits=3", "quant.a_bits=5")
    kinds = [row["kind"] for row in built.table]
    assert kinds == ["float"] + ["static"] * 6 + ["float"]
    assert all((r["w_bits"], r["a_bits"]) == (3, 5) for r in built.table[1:-1])
    assert built.table[2]["why"] == "quant.w_bits, quant.a_bits"
    assert built.cost.fixed() == INNER_MACS * 15
    assert built.cost.float_macs() == sum(END_MACS)
    assert built.cost.uniform(4) == INNER_MACS * 16


def test_8_bit_ends():
    built = method("method.name=static", "quant.first_last=8")
    first, last = built.network.cell("conv1"), built.network.cell("fc")
    assert type(first) is StaticConv2d and type(last) is StaticDense
    assert first.input_quantizer.signed and not last.input_quantizer.signed
    assert built.cost.fixed() == INNER_MACS * 16 + sum(END_MACS) * 64
    assert built.cost.float_macs() == 0


def test_exceptions_change_one_layer():
    name = "layer2.0.conv1"
    built = method("method.name=static", f"quant.exceptions={{{name}: 8}}")
    widths = {row["name"]: row["w_bits"] for row in built.table}
    assert widths[name] == 8 and widths["layer2.0.conv2"] == 4
    assert built.cost.fixed() == INNER_MACS * 16 + 9 * 16 * 32 * 16 * (64 - 16)


def test_with_every_layer_an_exception_the_network_is_the_float_one(pynative):
    rows = method("method.name=float").table
    exceptions = ", ".join(f"{row['name']}: float" for row in rows)
    built = method("method.name=static", f"quant.exceptions={{{exceptions}}}")
    x = images(2)
    expected, _ = answer(method("method.name=float"), x)
    np.testing.assert_array_equal(answer(built, x)[0], expected)


def relative_error(bits: int) -> float:
    """Of the first training step's logits against the float network's, with LSQ on every layer."""
    x = images(4)
    expected, _ = answer(method("method.name=float"), x, train=True)
    built = method(
        "method.name=static", "quant.quantizer=lsq", "quant.first_last=8",
        f"quant.w_bits={bits}", f"quant.a_bits={bits}",
    )  # fmt: skip
    calibrate(built.network, (x,), Runtime("CPU", graph=False))
    got, _ = answer(built, x, train=True)
    return float(np.linalg.norm(got - expected) / np.linalg.norm(expected))


def test_more_bits_are_closer_to_float(pynative):
    errors = [relative_error(bits) for bits in (2, 4, 8)]
    assert errors[0] > 1.5 * errors[1] > 3 * errors[2]
    assert errors[2] < 0.15


@pytest.mark.parametrize("bits,bitops", [(3, 22_845_587_456), (4, 34_714_419_200)])
def test_published_bitops_of_a_static_network(bits, bitops):
    """The anchor of the cost model, through the rules: ends at 8 bits, shortcuts included."""
    overrides = [
        "method.name=static", "model.name=resnet18", "quant.first_last=8", "quant.quantizer=lsq",
        f"quant.w_bits={bits}", f"quant.a_bits={bits}",
    ]  # fmt: skip
    built, _ = build_system(load_config(None, overrides), 1000, 224, native=False)
    assert built.cost.fixed() == bitops
