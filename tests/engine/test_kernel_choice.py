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
"""Whichever kernel a convolution runs on, the integers stay; what was measured is found again on this machine alone."""

import numpy as np
import pytest

from src import kernels
from src.engine import kernel_choice
from src.engine.artefact import save_artefact
from src.engine.native import Native
from src.errors import UserError
from tests.engine import programs
from tests.engine.test_native import opened, same_registers

pytestmark = pytest.mark.skipif(not kernels.available(), reason="no C++ compiler")


@pytest.fixture(autouse=True)
def usual():
    """What a test chose is gone behind it."""
    kernel_choice.use_remembered()
    kernel_choice.use({})
    yield
    kernel_choice.use({})


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty folder that things are kept in."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("DYNQUANT_CACHE_DIR", str(folder))
    return folder


def test_every_kernel_that_can_gives_the_same_registers(isa, tmp_path):
    """Also where a max pool or a sum follows in the same step, and at narrow and wide codes."""
    ran = set()
    for name in kernel_choice.names():
        for seed in range(6):
            program = programs.random_program(seed)
            kernel_choice.use({kernel_choice.ANY: name})
            engine = opened(program, tmp_path)
            same_registers(program, engine, programs.pixels(program, 1, seed)[0])
            ran |= set(engine.kernels(None if engine.plan_shape is None else plan_of(engine)))
    assert {"direct", "direct16"} <= ran, ran


@pytest.mark.parametrize("name", programs.NAMED)
def test_named_programs_by_their_last_kernels(name, isa, tmp_path):
    """The last one can do all that have no kernel to themselves, if slowly."""
    program = programs.NAMED[name]()
    kernel_choice.use({kernel_choice.ANY: kernel_choice.names()[-1]})
    engine = opened(program, tmp_path)
    plan = None if engine.plan_shape is None else plan_of(engine)
    assert set(engine.kernels(plan)) <= {"", "image", "depthwise", kernel_choice.names()[-1]}
    same_registers(program, engine, programs.pixels(program, 1)[0], plan)


def plan_of(engine: Native):
    """Every layer at its first candidate."""
    return np.zeros(engine.plan_shape[:2], np.int64)


def test_a_line_is_for_the_convolutions_of_its_key_alone(tmp_path):
    program = programs.static()
    keys = opened(program, tmp_path).choice_keys()
    usual_ones = opened(program, tmp_path).kernels()
    chosen = next(key for key, name in zip(keys, usual_ones, strict=True) if name in ("direct", "direct chunks"))
    kernel_choice.use({chosen: "direct16"})
    found = opened(program, tmp_path).kernels()
    for key, before, after in zip(keys, usual_ones, found, strict=True):
        assert after == ("direct16" if key == chosen else before), key


def test_what_cannot_be_is_passed_over(tmp_path):
    program = programs.static()
    before = opened(program, tmp_path).kernels()
    kernel_choice.use({kernel_choice.ANY: "depthwise", "no key": "direct", "3": "\n\n"})
    assert opened(program, tmp_path).kernels() == before
    kernel_choice.use({kernel_choice.ANY: "no kernel"})
    assert opened(program, tmp_path).kernels() == before


def test_widths_have_keys_of_their_own(tmp_path):
    program = programs.nested()
    save_artefact(program, tmp_path / "model.safetensors")
    engine = Native(tmp_path / "model.safetensors")
    by_choice = [engine.choice_keys(plan_of(engine) + k) for k in range(engine.plan_shape[2])]
    dynamic = [i for i, op in enumerate(program.operations) if getattr(op, "slot", -1) >= 0 and by_choice[0][i]]
    assert dynamic
    for i in dynamic:
        assert len({keys[i] for keys in by_choice}) == engine.plan_shape[2]


def test_what_is_remembered_is_used_once_a_process_asks_for_it(cache, tmp_path):
    program = programs.static()
    path = kernel_choice.remember({kernel_choice.ANY: "direct16"}, [])
    assert path.parent == cache
    kernel_choice.use_remembered.cache_clear()
    assert "direct16" in opened(program, tmp_path).kernels()
    kernel_choice.remember({"a": "b"}, ["a", "c"])
    assert kernel_choice.remembered() == {kernel_choice.ANY: "direct16", "a": "b"}
    kernel_choice.remember({"c": "d"}, ["a", "c"])  # "a" runs on the usual one again
    assert kernel_choice.remembered() == {kernel_choice.ANY: "direct16", "c": "d"}
    kernel_choice.forget()
    assert kernel_choice.remembered() == {} and not path.exists()


def test_what_is_kept_may_be_damaged(cache):
    path = kernel_choice.remember({"a": "b"}, [])
    path.write_bytes(b"\xff\xfe")
    assert kernel_choice.remembered() == {}
    path.write_text("no tab\na\tb\nc\td\te\n")
    assert kernel_choice.remembered() == {"a": "b"}


def test_a_folder_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("DYNQUANT_CACHE_DIR", str(tmp_path / "file" / "cache"))
    with pytest.raises(UserError, match="cannot be kept.*file"):
        kernel_choice.remember({"a": "b"}, [])
    assert kernel_choice.remembered() == {}
