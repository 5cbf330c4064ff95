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
"""The compiled plan against the oracle: what it fuses shows in the logits, the rest in the registers."""

import numpy as np
import pytest

from src import kernels
from src.engine.artefact import save_artefact
from src.engine.native import Native
from src.engine.oracle import Oracle
from src.engine.program import Program
from src.engine.rungs import Rungs
from tests.engine import programs
from tests.engine.builder import Builder
from tests.engine.networks import random_network

pytestmark = pytest.mark.skipif(not kernels.available(), reason="no C++ compiler")
IMAGES = 3


def same_answers(program: Program, folder, seed: int) -> None:
    """Logits and plans of a batch, by the controller and given, all registers, and escalation."""
    save_artefact(program, folder / "model.safetensors")
    engine, oracle = Native(folder / "model.safetensors"), Oracle(program)
    images, rng = programs.pixels(program, IMAGES, seed), np.random.default_rng(seed)
    row = int(rng.integers(program.rows))
    for found, expected in zip(
        engine.run(images, row=row), oracle.run(images, row=row), strict=True
    ):
        np.testing.assert_array_equal(found, expected)
    plan = None
    if engine.plan_shape:
        plan = rng.integers(0, engine.plan_shape[2], (IMAGES, *engine.plan_shape[:2]))
        np.testing.assert_array_equal(
            engine.run(images, plan, row)[0], oracle.run(images, plan, row)[0]
        )
        rows, thresholds = rng.integers(0, program.rows, IMAGES), np.array([2**40, 2**18])
        rungs = Rungs((2, 3, 4), plan, rows, thresholds, np.zeros(IMAGES))
        for found, expected in zip(
            engine.climb(images, rungs), oracle.climb(images, rungs), strict=True
        ):
            np.testing.assert_array_equal(found, expected)
    given = None if plan is None else plan[0]
    expected = oracle.trace(images[0], given, row)
    for i, (a, b) in enumerate(zip(expected, engine.trace(images[0], given, row), strict=True)):
        what = f"register {i}, {type(program.operations[i]).__name__}"
        assert (a is None) == (b is None), what
        if a is not None:
            np.testing.assert_array_equal(b, a, err_msg=what)


@pytest.fixture
def threads():
    """A function that sets how many there are, for the length of the test."""
    before = kernels.threads()
    yield kernels.set_threads
    kernels.set_threads(before)


@pytest.mark.parametrize("seed", range(24))
def test_random_networks(seed, isa, threads, tmp_path):
    threads(1 + 2 * (seed % 2))
    same_answers(random_network(seed), tmp_path, seed)


@pytest.mark.parametrize("bits", [8, 3])
def test_inverted_residuals(bits, isa, tmp_path):
    """As MobileNetV2 has them, on an image of more than a vector's pixels."""
    b = Builder(bits)
    x = b.conv(b.image(9, 71, bits=8), 32, stride=2, w_bits=(8,), a_bits=(8,), relu=6)
    for depthwise, stride, c_out in ((32, 1, 24), (96, 2, 24), (144, 1, 24)):
        if depthwise != b.shapes[x][0]:
            x = b.conv(
                b.quantise(x, (bits,), signed=1), depthwise, 1, 1, 0, **of_bits(bits), relu=6
            )
        x = b.conv(
            b.quantise(x, (bits,)), depthwise, 3, stride, 1, depthwise, **of_bits(bits), relu=6
        )
        x = b.conv(b.quantise(x, (bits,)), c_out, 1, 1, 0, **of_bits(bits))
    same_answers(b.logits(x), tmp_path, bits)


def of_bits(bits: int) -> dict:
    return {"w_bits": (bits,), "a_bits": (bits,)}


@pytest.mark.slow
@pytest.mark.parametrize("first", range(1000, 2000, 25))
def test_many_random_networks(first, isa, threads, tmp_path):
    for seed in range(first, first + 25):
        threads(1 + seed % 3)
        same_answers(random_network(seed), tmp_path, seed)
