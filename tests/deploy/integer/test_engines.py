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
"""Networks with random weights and random plans: all engines give the same integers, everywhere.

One case per shipped backbone and method; on small images, since the oracle is slow.
"""

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor

from src import kernels
from src.deploy.integer.lower import Picture, lower
from src.engine.artefact import load_artefact, save_artefact
from src.engine.mindspore_graph import MindSporeGraph
from src.engine.native import Native
from src.engine.oracle import Oracle
from src.engine.program import Program
from src.models import BACKBONES as DESIGNS
from tests.methods.build import method, randomise_levels
from tests.models.tiny import NAME

STATIC = ["method.name=static", "quant.quantizer=lsq"]
CASES = {
    "static lsq": STATIC,
    "static 8-bit ends": [*STATIC, "quant.first_last=8", "quant.per_channel=true"],
    "static dorefa": ["method.name=static", "quant.quantizer=dorefa"],
    "ddq": ["method.name=ddq", "ddq.w_bits=2", "quant.first_last=8"],
    "dqnet lsq": ["method.name=dqnet", "quant.quantizer=lsq", "quant.first_last=8"],
    "dqt": ["method.name=dqt", "dqt.pool=2", "quant.first_last=8", "quant.per_channel=true"],
}
SMALL = ("resnet8", NAME)
slow = pytest.mark.slow
BACKBONES = [pytest.param(n, marks=() if n in SMALL else slow) for n in (*DESIGNS, NAME)]
pytestmark = pytest.mark.skipif(not kernels.available(), reason="no C++ compiler")


def random_network(case: str, backbone: str, side: int):
    """A method's network whose weights, statistics and controller are random."""
    built = method(*CASES[case], f"model.name={backbone}", side=side)
    rng = np.random.default_rng(3)
    spread = {"moving_mean": (0, 0.1), "gamma": (1, 0.3), "beta": (0, 0.3)}
    for parameter in built.network.get_parameters():
        leaf, values = parameter.name.rsplit(".", 1)[1], None
        if leaf in spread:
            values = rng.normal(*spread[leaf], parameter.shape)
        elif leaf == "moving_variance":
            values = rng.uniform(0.5, 2, parameter.shape)
        elif parameter.name.endswith("controller.fc2.weight"):
            values = rng.normal(0, 1, parameter.shape)
        if values is not None:
            parameter.set_data(Tensor(values.astype(np.float32)))
    if case == "ddq":
        randomise_levels(built)
    return built


def lowered(case: str, backbone: str, side: int) -> Program:
    """The program of a random network, in PyNative mode: its hundreds of small results compile nothing."""
    pixel = (np.arange(256, dtype=np.float32) / 255 - 0.45) / 0.22
    before = ms.get_context("mode")
    ms.set_context(mode=ms.PYNATIVE_MODE)
    try:
        return lower(random_network(case, backbone, side), Picture(side, np.stack([pixel] * 3)), {})
    finally:
        ms.set_context(mode=before)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("backbone", BACKBONES)
def test_engines_agree_on_every_register(backbone, case, isa, tmp_path):
    side = 8 if backbone in SMALL else 32
    program = lowered(case, backbone, side)
    path = tmp_path / "model.safetensors"
    save_artefact(program, path)
    engine, program = Native(path), load_artefact(path)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (2, 3, side, side), dtype=np.uint8)
    plans = [None]
    if engine.plan_shape:
        plans.append(rng.integers(0, engine.plan_shape[2], (2, *engine.plan_shape[:2])))
    for plan in plans:
        for n, image in enumerate(images):
            one = None if plan is None else plan[n]
            pairs = zip(Oracle(program).trace(image, one), engine.trace(image, one), strict=True)
            for i, (expected, found) in enumerate(pairs):
                assert (expected is None) == (found is None)
                if expected is not None:
                    np.testing.assert_array_equal(found, expected, err_msg=f"register {i}")


ON_RESNET = ("static 8-bit ends", "ddq", "dqnet lsq", "dqt")
GRAPHS = [*((case, "resnet8") for case in ON_RESNET), ("static 8-bit ends", NAME)]


@pytest.mark.parametrize("case, backbone", GRAPHS)
@pytest.mark.parametrize("mode", [ms.GRAPH_MODE, ms.PYNATIVE_MODE], ids=["graph", "pynative"])
def test_the_mindspore_graph_agrees(case, backbone, mode):
    program = lowered(case, backbone, 8)
    images = np.random.default_rng(0).integers(0, 256, (3, 3, 8, 8), dtype=np.uint8)
    before = ms.get_context("mode")
    ms.set_context(mode=mode)
    try:
        outputs = MindSporeGraph(program)(Tensor(images))
    finally:
        ms.set_context(mode=before)
    logits, plan = Oracle(program).run(images)
    found = outputs if plan is None else outputs[0]
    np.testing.assert_array_equal(found.asnumpy(), logits)
    if plan is not None:
        np.testing.assert_array_equal(outputs[1].asnumpy(), plan)
