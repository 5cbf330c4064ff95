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
"""A lowered network gives the logits and the plans of the network that it was made from."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor

from src.data.dataset import normalise
from src.deploy.integer.lower import HEADROOM, Picture, lower
from src.engine.artefact import load_artefact, save_artefact
from src.engine.check import check
from src.engine.operations import Conv, Input, MaxPool
from src.engine.oracle import Oracle
from src.engine.program import Program
from src.errors import UserError
from src.methods.base import System
from src.quantizers.lsq import LsqActivation
from tests.methods.build import SIDE, method, randomise_head, randomise_levels
from tests.models.tiny import NAME

MEAN, STD = np.float32([0.5, 0.4, 0.45]), np.float32([0.25, 0.2, 0.22])
IMAGES = 8
STATIC, DQNET = ["method.name=static"], ["method.name=dqnet"]
DQT = ["method.name=dqt", "dqt.pool=2", "dqt.hidden=8", "quant.first_last=8"]
CASES = {
    "static lsq": [*STATIC, "quant.quantizer=lsq"],
    "8-bit ends": [
        *STATIC, "quant.quantizer=lsq", "quant.first_last=8", "quant.per_channel=true",
        "model.shortcut=B",
    ],
    "static dorefa": [*STATIC, "quant.quantizer=dorefa"],
    "static dorefa of 1 bit": [*STATIC, "quant.quantizer=dorefa", "quant.w_bits=1"],
    "static pact": [*STATIC, "quant.quantizer=pact", "quant.w_bits=2", "quant.a_bits=3"],
    "static nested": [
        *STATIC, "quant.quantizer=nested", "quant.first_last=8", "quant.w_bits=3",
    ],
    "dqnet lsq": [*DQNET, "quant.quantizer=lsq", "dqnet.head_relu=true"],
    "dqnet untied": [*DQNET, "quant.quantizer=lsq", "dqnet.tied=false", "quant.first_last=8"],
    "dqnet dorefa": [*DQNET, "quant.quantizer=dorefa", "dqnet.scope=network"],
    "ddq": ["method.name=ddq", "ddq.w_bits=3", "quant.first_last=8"],
    "dqt": DQT,
    "dqt on the image": [*DQT, "dqt.input=image", "dqt.tied=false"],
    "dqt with one row": ["method.name=dqt", "dqt.norm=shared", "quant.per_channel=true"],
}  # fmt: skip
# Signed inputs, depthwise layers, a clip at 6, sums without an activation.
MOBILE = {
    "mobilenetv2 lsq": [*STATIC, "quant.quantizer=lsq", "quant.first_last=8"],
    "mobilenetv2 dorefa": [*STATIC, "quant.quantizer=dorefa"],
    "mobilenetv2 pact": [*STATIC, "quant.quantizer=pact", "quant.pact_alpha=3"],
    "mobilenetv2 dqnet": [*DQNET, "quant.quantizer=lsq", "dqnet.tied=false"],
    "mobilenetv2 dqt": DQT,
}  # fmt: skip
CASES |= {name: [*case, f"model.name={NAME}"] for name, case in MOBILE.items()}
LARGE = {
    "imagenet stem": [*STATIC, "quant.quantizer=lsq", "model.name=resnet18"],
    "bottleneck": [*DQT, "model.name=resnet50"],
}
# One value in fifty layers between two codes moves all that follow: every fourth image, by 12 %.
FLIPS = {"imagenet stem": (0, 2e-6), "bottleneck": (1, 0.15)}


def trained(*overrides: str, side: int = SIDE) -> System:
    """A network with statistics and a controller that are not those of the start."""
    built, rng = method(*overrides, side=side), np.random.default_rng(0)
    ranges = {
        "moving_mean": lambda shape: rng.normal(0, 0.1, shape),
        "moving_variance": lambda shape: rng.uniform(0.5, 2, shape),
        "gamma": lambda shape: rng.normal(1, 0.3, shape),
        "beta": lambda shape: rng.normal(0, 0.3, shape),
        "controller.fc1.weight": lambda shape: rng.normal(0, 2 / shape[1] ** 0.5, shape),
        "controller.fc2.weight": lambda shape: rng.normal(0, 1, shape),
        "bias": lambda shape: rng.normal(0, 0.1, shape),
    }
    for parameter in built.network.get_parameters():
        for name, draw in ranges.items():
            if parameter.name.endswith(name):
                parameter.set_data(Tensor(draw(parameter.shape).astype(np.float32)))
    if built.name == "dqnet":
        randomise_head(built, normalise(pixels(side), MEAN, STD))
    if built.name == "ddq":
        randomise_levels(built)
    built.network.set_train(False)
    return built


def pixels(side: int = SIDE, count: int = IMAGES) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (count, 3, side, side), dtype=np.uint8)


def lowered(built: System, side: int = SIDE) -> Program:
    ramp = np.tile(np.arange(256, dtype=np.uint8), (1, 3, 1, 1))
    values = normalise(np.ascontiguousarray(ramp.reshape(1, 3, 1, 256)), MEAN, STD)[0, :, 0]
    return lower(built, Picture(side, values), {"made by": "tests"})


def network(built: System, images: np.ndarray, draws: tuple = None):
    """(logits, plan or None) of the training graph."""
    if draws is None:
        draws = built.drawn(np.random.default_rng(0), len(images), False)
    logits, plan = built.answer(normalise(images, MEAN, STD), draws)
    return logits, None if plan is None else plan.argmax(-1)


def real(program: Program, logits: np.ndarray) -> np.ndarray:
    return logits * 2.0 ** -program.notes["exponent"]


def assert_close(
    got: np.ndarray, expected: np.ndarray, flips: int = 1, largest: float = 0.03
) -> None:
    """Equal but for what float32 loses: 5e-7 of the largest logit.

    Where a value lies between two codes, closer than float32 tells, the network and the program may
    take different ones. Of 512 images of each case five differed at most, by 2 % at most, so that one
    of eight may do so here, `flips` of them by `largest` in deep networks.
    """
    error = np.abs(got - expected).max(1) / np.abs(expected).max()
    assert (error > 2e-6).sum() <= flips and error.max() < largest, error


@pytest.fixture(autouse=True)
def _pynative():
    """Nothing is compiled: networks run once."""
    ms.set_context(mode=ms.PYNATIVE_MODE)
    yield
    ms.set_context(mode=ms.GRAPH_MODE)


@pytest.mark.parametrize("case", CASES)
def test_the_program_gives_the_networks_answers(case, tmp_path):
    built, images = trained(*CASES[case]), pixels()
    program = lowered(built)
    check(program)
    save_artefact(program, tmp_path / "model.safetensors")
    program = load_artefact(tmp_path / "model.safetensors")
    logits, plan = Oracle(program).run(images)
    expected, choices = network(built, images)
    assert_close(real(program, logits), expected)
    assert np.ptp(expected, axis=0).max() > 1e-2  # the images do differ
    if choices is not None:
        np.testing.assert_array_equal(plan, choices)
        assert len(np.unique(plan)) > 1
    else:
        assert plan is None


@pytest.mark.slow
@pytest.mark.parametrize("case", LARGE)
def test_larger_backbones(case):
    built, images = trained(*LARGE[case], side=32), pixels(32, 2)
    program = lowered(built, 32)
    assert any(isinstance(op, MaxPool) for op in program.operations)
    logits, plan = Oracle(program).run(images)
    expected, choices = network(built, images)
    assert_close(real(program, logits), expected, *FLIPS[case])
    assert plan is None or np.array_equal(plan, choices)


@pytest.mark.parametrize("width", range(3))
def test_a_width_everywhere_has_a_row_of_its_own(width):
    built, images = trained(*DQT), pixels()
    program = lowered(built)
    assert program.rows == 4  # mixed widths, then each of three by itself
    expected, choices = network(built, images, built.draws.still(IMAGES, width))
    assert (choices == width).all()
    logits, _ = Oracle(program).run(images, choices, 1 + width)
    assert_close(real(program, logits), expected)
    others, _ = Oracle(program).run(images, choices, 0)
    assert np.abs(others - logits).max() > 1e-2 * 2.0 ** program.notes["exponent"]


@pytest.mark.parametrize("case, rows", [("dqt", [1, 2, 3]), ("dqt with one row", [0, 0, 0]), ("dqnet lsq", [0, 0, 0])])
def test_notes_tell_the_row_of_each_width(case, rows):
    assert lowered(trained(*CASES[case])).notes["rows_of_choices"] == rows


def test_sums_may_exceed_the_largest_value_by_the_headroom_and_no_bit_is_wasted():
    built = trained(*CASES["8-bit ends"])
    quantisers = [getattr(cell, "input_quantizer", None) for _, cell in built.network.cells_and_names()]
    of_pixels = (np.maximum(MEAN, 1 - MEAN) / STD).max()
    largest = max(of_pixels, *(q.integer_form().largest for q in quantisers if q is not None))
    assert 2**29 < HEADROOM * largest * 2.0 ** lowered(built).notes["exponent"] <= 2**30


def test_notes_name_the_operations():
    program = lowered(trained(*DQT))
    notes = program.notes
    assert notes["made by"] == "tests" and notes["widths"] == [2, 4, 8]
    names = {int(i): name for i, name in notes["layers"].items()}
    assert sorted(names) == list(range(len(program.operations)))
    assert names[0] == "image" and names[len(names) - 1] == "fc"
    assert names[program.choosers[0]] == "controller.choice"
    convs = [names[i] for i, op in enumerate(program.operations) if isinstance(op, Conv)]
    assert convs[0] == "conv1" and convs[-1] == "fc" and set(convs) == set(notes["scales"])


def test_slots_come_in_the_order_of_the_layers():
    built = trained(*DQT)
    program = lowered(built)
    expected = {row["slot"]: row["name"] for row in built.table if row["slot"] is not None}
    names = program.notes["layers"]
    for i, op in enumerate(program.operations):
        if isinstance(op, Conv) and op.slot >= 0:
            assert names[i] == expected.pop(op.slot)
    assert not expected


def test_nested_layers_store_one_master_and_others_a_weight_for_each_width():
    nested = [op for op in lowered(trained(*DQT)).operations if isinstance(op, Conv)]
    masters = [op.master for op in nested]
    assert masters == [0, *[8] * 6, 0]  # the ends are 8 bits throughout
    stored = [sum(name.startswith("weight.") for name in op.arrays) for op in nested]
    assert stored == [1] * 8
    program = lowered(trained(*CASES["dqnet lsq"]))
    for op in program.slots.values():
        assert {"weight.0", "weight.1", "weight.2"} < set(op.arrays)


def test_pixels_are_codes_where_the_stem_is_quantised():
    first = lowered(trained(*CASES["8-bit ends"])).operations[0]
    assert isinstance(first, Input) and first.bits == 8
    assert lowered(trained(*CASES["static lsq"])).operations[0].bits == 0


def test_masters_of_weights_and_inputs_must_agree():
    built = trained(*CASES["static nested"])
    layer = built.network.cell("layer1.0.conv1")
    layer.input_quantizer = LsqActivation((4,))
    with pytest.raises(UserError, match=r"layer layer1.0.conv1: .* 8 bits and inputs with one of 0"):
        lowered(built)


@pytest.mark.parametrize("case", ["static nested", "dqt"])
def test_truncated_codes_are_refused(case):
    built = trained(*CASES[case], "quant.truncate=true")
    with pytest.raises(UserError, match="quant.truncate=true"):
        lowered(built)
