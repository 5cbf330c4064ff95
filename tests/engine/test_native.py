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
"""The native engine gives the oracle's integers, in every register, on every instruction set here."""

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from src import kernels
from src.engine.artefact import save_artefact
from src.engine.native import Native
from src.engine.oracle import Oracle
from src.engine.program import Program
from src.errors import UserError
from tests.engine import programs

pytestmark = pytest.mark.skipif(not kernels.available(), reason="no C++ compiler")


def opened(program: Program, folder) -> Native:
    path = folder / "model.safetensors"
    save_artefact(program, path)
    return Native(path)


def same_registers(program: Program, engine: Native, image, plan=None, row=0) -> None:
    expected = Oracle(program).trace(image, plan, row)
    found = engine.trace(image, plan, row)
    for i, (a, b) in enumerate(zip(expected, found, strict=True)):
        what = f"register {i}, {type(program.operations[i]).__name__}"
        assert (a is None) == (b is None), what
        if a is not None:
            np.testing.assert_array_equal(b, a, err_msg=what)


@pytest.mark.parametrize("name", programs.NAMED)
def test_named_programs_agree_in_every_register(name, isa, tmp_path):
    program = programs.NAMED[name]()
    engine = opened(program, tmp_path)
    for n, image in enumerate(programs.pixels(program, 2)):
        for row in range(program.rows):
            same_registers(program, engine, image, None, row)
        if engine.choices:
            plan = np.random.default_rng(n).integers(0, engine.choices, engine.plan_shape)
            same_registers(program, engine, image, plan)


@pytest.mark.parametrize("seed", range(12))
def test_random_programs_agree_in_every_register(seed, isa, tmp_path):
    program = programs.random_program(seed)
    same_registers(program, opened(program, tmp_path), programs.pixels(program, 1, seed)[0])


@pytest.mark.parametrize("threads", [1, 2])
def test_a_batch_gives_what_its_images_give_alone(threads, tmp_path):
    program = programs.untied()
    engine, images = opened(program, tmp_path), programs.pixels(program, 5)
    before = kernels.threads()
    kernels.set_threads(threads)
    try:
        logits, plan = engine.run(images)
        for n in range(5):
            alone = engine.run(images[n : n + 1])
            np.testing.assert_array_equal(logits[n], alone[0][0])
            np.testing.assert_array_equal(plan[n], alone[1][0])
        expected = Oracle(program).run(images)
        np.testing.assert_array_equal(logits, expected[0])
        np.testing.assert_array_equal(plan, expected[1])
    finally:
        kernels.set_threads(before)


def test_each_image_of_a_batch_may_bring_its_own_plan(tmp_path):
    program = programs.nested_untied()
    engine, images = opened(program, tmp_path), programs.pixels(program, 4)
    plans = np.random.default_rng(0).integers(0, engine.choices, (4, *engine.plan_shape))
    np.testing.assert_array_equal(engine.run(images, plans)[0], Oracle(program).run(images, plans)[0])


def test_arguments_that_do_not_fit_are_refused(tmp_path):
    engine = opened(programs.candidates(), tmp_path)
    images = programs.pixels(programs.candidates(), 2)
    plan = np.zeros((2, *engine.plan_shape), np.int64)
    with pytest.raises(ValueError, match="images"):
        engine.run(images.astype(np.float32))
    with pytest.raises(ValueError, match="images"):
        engine.run(images[:, :, 1:])
    with pytest.raises(ValueError, match="plan"):
        engine.run(images, plan[:1])
    with pytest.raises(ValueError, match="out of range"):
        engine.run(images, plan + engine.choices)
    with pytest.raises(ValueError, match="out of range"):
        engine.run(images, plan, row=7)
    engine.close()
    engine.close()
    with pytest.raises(ValueError, match="closed"):
        engine.run(images)


def test_a_plan_for_a_program_without_one_is_refused(tmp_path):
    engine = opened(programs.static(), tmp_path)
    images = programs.pixels(programs.static(), 1)
    with pytest.raises(ValueError, match="plan"):
        engine.run(images, np.zeros((1, 1, 1), np.int64))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match="nothing.safetensors"):
        Native(tmp_path / "nothing.safetensors")


@pytest.mark.parametrize("name", programs.NAMED)
def test_the_loader_refuses_damaged_files(name, tmp_path):
    path = tmp_path / "model.safetensors"
    save_artefact(programs.NAMED[name](), path)
    content = path.read_bytes()
    for cut in (0, 4, 9, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:cut])
        with pytest.raises(UserError, match="damaged"):
            Native(path)
    path.write_bytes(content + b"\0")
    with pytest.raises(UserError, match="bytes behind"):
        Native(path)
    path.write_bytes(content.replace(b'"I32"', b'"F32"', 1))
    with pytest.raises(UserError, match="integers only"):
        Native(path)


def test_another_version_is_refused_by_its_number(tmp_path):
    path = tmp_path / "model.safetensors"
    program = programs.static()
    save_artefact(program, path)
    tensors = load_file(path)
    tensors["format"][0] = 9
    save_file(tensors, path)
    with pytest.raises(UserError, match="version 9"):
        Native(path)
