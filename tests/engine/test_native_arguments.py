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
"""What the native engine is handed: arguments out of range are refused in one sentence, from C and from Python."""

import os
import subprocess
import sys

import numpy as np
import pytest

from src import kernels
from src.engine.artefact import save_artefact
from tests.engine import programs
from tests.engine.test_native import opened

pytestmark = pytest.mark.skipif(not kernels.available(), reason="no C++ compiler")


def test_arguments_that_do_not_fit_are_refused(tmp_path):
    engine = opened(programs.candidates(), tmp_path)
    images = programs.pixels(programs.candidates(), 2)
    plan = np.zeros((2, *engine.plan_shape[:2]), np.int64)
    with pytest.raises(ValueError, match="images"):
        engine.run(images.astype(np.float32))
    with pytest.raises(ValueError, match="images"):
        engine.run(images[:, :, 1:])
    with pytest.raises(ValueError, match="plan"):
        engine.run(images, plan[:1])
    with pytest.raises(ValueError, match="out of range"):
        engine.run(images, plan + engine.plan_shape[2])
    for plans, row in ((plan - 1, 0), (plan, -1), (plan, 7), (None, -1), (None, 7)):
        with pytest.raises(ValueError, match="out of range"):
            engine.run(images, plans, row)
        with pytest.raises(ValueError, match="out of range"):
            engine.trace(images[0], None if plans is None else plans[0], row)
    np.testing.assert_array_equal(engine.run(images, row=np.int64(0))[0], engine.run(images)[0])
    for row in (-1, 1, 2**32):
        with pytest.raises(ValueError, match=f"row {row} is out of range; the statistics have 0..0"):
            engine.run(images, row=row)
        with pytest.raises(ValueError, match="row"):
            engine.trace(images[0], row=row)
        with pytest.raises(ValueError, match="row"):
            engine.times(images[0], row=row)
        with pytest.raises(ValueError, match="row"):
            engine.kernels(plan[0], row)
    engine.close()
    engine.close()
    with pytest.raises(ValueError, match="closed"):
        engine.run(images)


@pytest.mark.parametrize(
    ("name", "budget"),
    [("minding", -2), ("minding", -1), ("minding", 2**48 + 1), ("minding", 2**64), ("nested", 10), ("nested", -1)],
)
def test_a_budget_that_cannot_be_minded_is_refused(name, budget, tmp_path):
    program = programs.NAMED[name]()
    with pytest.raises(ValueError, match="out of range"):
        opened(program, tmp_path).run(programs.pixels(program, 1), budget=budget)


def test_a_plan_for_a_program_without_one_is_refused(tmp_path):
    engine = opened(programs.static(), tmp_path)
    images = programs.pixels(programs.static(), 1)
    with pytest.raises(ValueError, match="plan"):
        engine.run(images, np.zeros((1, 1, 1), np.int64))


def test_an_instruction_set_that_is_not_there_is_told_before_a_file_is_read(tmp_path):
    """The first layer is a Wide of the image, which is packed for it."""
    save_artefact(programs.real(), tmp_path / "model.safetensors")
    code = """
import ctypes, sys
library, file = ctypes.CDLL(sys.argv[1]), open(sys.argv[2], "rb").read()
program, text = ctypes.c_int64(5), ctypes.create_string_buffer(99)
code = library.dq_program_open(file, ctypes.c_int64(len(file)), ctypes.byref(program), text, 99)
print(code, program.value, text.value.decode())
"""
    command = [sys.executable, "-c", code, kernels.library_path(), tmp_path / "model.safetensors"]
    done = subprocess.run(
        command, env={**os.environ, "DYNQUANT_ISA": "avx9"}, capture_output=True, text=True, check=True, timeout=60
    )  # fmt: skip
    assert done.stdout == "22 0 DYNQUANT_ISA names an instruction set that this machine lacks\n"
