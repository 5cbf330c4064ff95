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

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from src import kernels
from src.engine import bounds
from src.engine.artefact import save_artefact
from src.engine.check import check
from src.engine.native import Native
from src.engine.oracle import Oracle
from src.engine.program import Program
from src.errors import UserError
from tests.engine import programs
from tests.engine.builder import BASE, BUDGET, RANGE, Builder
from tests.project.files import ROOT

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
        if engine.plan_shape:
            plan = np.random.default_rng(n).integers(0, engine.plan_shape[2], engine.plan_shape[:2])
            same_registers(program, engine, image, plan)


@pytest.mark.parametrize("seed", range(12))
def test_random_programs_agree_in_every_register(seed, isa, tmp_path):
    program = programs.random_program(seed)
    same_registers(program, opened(program, tmp_path), programs.pixels(program, 1, seed)[0])


@pytest.mark.parametrize("signed", [0, 1])
def test_codes_narrower_than_the_master_keep_their_own_ends(signed, isa, tmp_path):
    """A quantiser's candidates are of 8 and 4 bits, the layer behind it takes both for codes of 8."""
    b = Builder()
    x = b.conv(b.image(6, bits=8), 4, w_bits=(8,), a_bits=(8,))
    b.controller(x, 1, widths=(8, 4))
    q = b.quantise(x, (8, 4), signed, slot=0)
    b.operations[q].arrays["multiplier"][1] = b.operations[q].arrays["multiplier"][0]
    program = b.logits(b.conv(q, 4, w_bits=(8, 8), a_bits=(8, 5), slot=0, master=8))
    engine, images = opened(program, tmp_path), programs.pixels(program, 2)
    assert Oracle(program).trace(images[0], np.array([[1]]))[q].max() == (7 if signed else 15)
    for choice in (0, 1):
        plan = np.full((2, 1, 1), choice)
        np.testing.assert_array_equal(engine.run(images, plan)[0], Oracle(program).run(images, plan)[0])
        same_registers(program, engine, images[0], plan[0])


def large() -> Program:
    """Registers that threads share the rows of, of every kind that they do."""
    b = Builder(11)
    x = b.affine(b.wide(b.image(190, 191), 8, 3, 1, 1), relu=1)
    q = b.quantise(x, (4,))
    y = b.conv(q, 8, groups=2, a_bits=(4,))
    y = b.max_pool(b.add(y, x), 3, 1, 1)
    return b.logits(b.conv(b.quantise(y, (8,)), 8, 3, 2, 1, w_bits=(5,), a_bits=(6,), master=8))


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_that_share_an_image_leave_no_row_out(threads, isa, tmp_path):
    program = large()
    engine, image = opened(program, tmp_path), programs.pixels(program, 1)[0]
    before = kernels.threads()
    kernels.set_threads(threads)
    try:
        for _ in range(2):  # rows that were left out would keep the values of the call before
            same_registers(program, engine, image)
            image = 255 - image
    finally:
        kernels.set_threads(before)


@pytest.mark.parametrize("relu", [0, 1])
def test_sums_that_leave_int32_stop_at_its_ends(relu, isa, tmp_path):
    b = Builder(12)
    x = b.image(6)
    table = b.operations[x].arrays["table"]
    table[...] = b.rng.integers(-(2**31), 2**31, table.shape)
    program = b.logits(b.add(x, x, relu))
    same_registers(program, opened(program, tmp_path), programs.pixels(program, 1)[0])
    values = Oracle(program).trace(programs.pixels(program, 1)[0])[1]
    assert values.max() == 2**31 - 1 and values.min() == (0 if relu else -(2**31))


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
    plans = np.random.default_rng(0).integers(0, engine.plan_shape[2], (4, *engine.plan_shape[:2]))
    np.testing.assert_array_equal(engine.run(images, plans)[0], Oracle(program).run(images, plans)[0])


@pytest.mark.parametrize("name", ["minding", "minding_apart"])
def test_a_run_may_have_a_budget_of_its_own(name, tmp_path):
    """Below the cheapest plan, between, far above the dearest; the stored one where none is given."""
    program, plans = programs.NAMED[name](), []
    engine, images = opened(program, tmp_path), programs.pixels(program, 12)
    assert engine.budget == program.budget == BUDGET
    for budget in (0, BASE + RANGE // 3, 2**48):
        logits, plan = Oracle(program).run(images, budget=budget)
        found = engine.run(images, budget=budget)
        np.testing.assert_array_equal(found[0], logits)
        np.testing.assert_array_equal(found[1], plan)
        plans.append(plan)
    assert (plans[-1] != plans[0]).any()
    np.testing.assert_array_equal(engine.run(images)[1], engine.run(images, budget=BUDGET)[1])
    for a, b in zip(Oracle(program).trace(images[0], budget=0), engine.trace(images[0], budget=0), strict=True):
        np.testing.assert_array_equal(a, b)


def heavy(images: int) -> tuple[Program, np.ndarray]:
    """About half a second for each image, on one thread."""
    b = Builder()
    x = b.wide(b.image(64), 64)
    program = b.logits(b.wide(x, 64, 15, 1, 7))
    return program, programs.pixels(program, images)


def test_threads_share_an_engine(tmp_path):
    program = programs.nested_untied()
    engine, images = opened(program, tmp_path), programs.pixels(program, 6)
    expected, wrong = Oracle(program).run(images)[0], []

    def call(count: int) -> None:
        for _ in range(30):
            if not np.array_equal(engine.run(images[:count])[0], expected[:count]):
                wrong.append(count)

    callers = [threading.Thread(target=call, args=(count,)) for count in (1, 2, 6, 6)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert not wrong


def test_an_engine_may_be_closed_while_other_threads_run_it(tmp_path):
    """In a process of its own: a freed program would end it."""
    program = programs.nested()
    save_artefact(program, tmp_path / "model.safetensors")
    code = f"""
import threading, numpy as np
from src.engine.native import Native
path = {str(tmp_path / "model.safetensors")!r}
images = np.zeros((64, 3, 8, 8), np.uint8)
expected = Native(path).run(images)[0]
ends = []
def call(engine):
    try:
        while True:
            assert np.array_equal(engine.run(images)[0], expected)
    except ValueError as error:
        ends.append(str(error))
for _ in range(20):
    engine = Native(path)
    callers = [threading.Thread(target=call, args=(engine,)) for _ in range(3)]
    for caller in callers:
        caller.start()
    engine.run(images)
    engine.close()
    other = Native(path)  # may get the memory that was freed
    for caller in callers:
        caller.join()
    assert np.array_equal(other.run(images)[0], expected)
assert len(ends) == 60 and all("has been closed" in end for end in ends), ends
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)


def test_a_forked_child_runs_the_engine(tmp_path):
    program = programs.candidates()
    engine, images = opened(program, tmp_path), programs.pixels(program, 3)
    expected = engine.run(images)[0]
    child = os.fork()
    if child == 0:
        os._exit(0 if np.array_equal(engine.run(images)[0], expected) else 1)
    end = time.monotonic() + 20
    ended, status = os.waitpid(child, os.WNOHANG)
    while not ended and time.monotonic() < end:
        time.sleep(0.01)
        ended, status = os.waitpid(child, os.WNOHANG)
    if not ended:
        os.kill(child, signal.SIGKILL)
    assert ended and os.waitstatus_to_exitcode(status) == 0


def test_a_signal_ends_a_long_batch(tmp_path):
    """Long before its end: the first call of those that it is cut into is the last."""
    program, images = heavy(64)
    engine = opened(program, tmp_path)
    start = time.monotonic()
    engine.run(images[:1])
    alone = time.monotonic() - start

    class Ended(Exception):
        pass

    def handler(*_):
        raise Ended

    before = signal.signal(signal.SIGALRM, handler)
    start = time.monotonic()
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        with pytest.raises(Ended):
            engine.run(images)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert time.monotonic() - start < max(8, 16 * alone)


def test_a_batch_that_is_cut_into_calls_keeps_order_and_plans(tmp_path, monkeypatch):
    program = programs.nested_untied()
    engine, images = opened(program, tmp_path), programs.pixels(program, 7)
    monkeypatch.setattr(engine._library, "dq_program_batch", lambda handle: 3)
    plans = np.random.default_rng(0).integers(0, engine.plan_shape[2], (7, *engine.plan_shape[:2]))
    for plan in (None, plans):
        logits, chosen = engine.run(images, plan)
        expected = Oracle(program).run(images, plan)
        np.testing.assert_array_equal(logits, expected[0])
        np.testing.assert_array_equal(chosen, expected[1])
    assert engine.run(images[:0])[0].shape == (0, engine.classes)


def test_the_two_checkers_count_the_same(tmp_path):
    made = [make() for make in programs.NAMED.values()]
    for program in [*made, *map(programs.random_program, range(60))]:
        engine, registers = opened(program, tmp_path), check(program)
        shapes = [register.shape for register in registers]
        work = sum(
            bounds.work(op, shape, [shapes[r] for r in op.reads])
            for op, shape in zip(program.operations, shapes, strict=True)
        )
        packed = sum(bounds.packed(op, program.rows) for op in program.operations)
        memory = bounds.memory(program, shapes)[0]
        assert (engine.memory, engine.work, engine.packed) == (memory, work, packed)


def test_registers_that_are_done_with_are_given_back(tmp_path):
    """Large registers come and go, and a small one that is made after each stays to the end."""
    b = Builder()
    x, small = b.image(256), []
    for _ in range(12):
        small.append(b.pool(b.affine(b.wide(x, 64, 1, 1, 0)), 2))
    total = small[0]
    for other in small[1:]:
        total = b.add(total, other)
    program = b.logits(total)
    save_artefact(program, tmp_path / "model.safetensors")
    code = f"""
import re, numpy as np
from pathlib import Path
from src.engine.native import Native
def most() -> int:
    return int(re.search("VmHWM: *\\t *(\\d+) kB", Path("/proc/self/status").read_text())[1]) << 10
engine = Native({str(tmp_path / "model.safetensors")!r})
before = most()
engine.run(np.zeros((1, 3, 256, 256), np.uint8))
grown = most() - before
assert grown < 2 * engine.memory + (8 << 20), (grown, engine.memory)
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)


def test_what_is_no_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match="is not a file"):
        Native(tmp_path / "pipe")


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
