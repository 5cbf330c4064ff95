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
"""A few seconds of the fuzzer, and that it would see what it looks for."""

import random
import time

import pytest

from src import kernels
from src.engine import artefact, check, structure
from src.engine.artefact import parse_artefact
from src.engine.native import Native
from src.errors import UserError
from tests.fuzz import target
from tests.fuzz.fuzz_artefact import plain
from tests.fuzz.mutate import mutated


def test_the_seeds_run():
    assert {target.outcome(content) for content in target.seeds()} == {"ran"}


def test_damaged_artefacts_are_refused_or_run():
    counts = plain(5, seed=0)
    assert counts["executions"] > 50
    assert counts["refused"] and counts["ran"], counts


@pytest.mark.skipif(not kernels.available(), reason="no C++ compiler")
def test_both_loaders_take_and_refuse_the_same(monkeypatch, tmp_path):
    """But for the notes, which the C++ side does not read."""
    monkeypatch.setattr(artefact, "_notes", lambda content: {})
    path, rng, pool = tmp_path / "model.safetensors", random.Random(2), target.seeds()
    taken, refused, end = 0, 0, time.monotonic() + 4
    while time.monotonic() < end:
        content = mutated(rng.choice(pool), rng)
        path.write_bytes(content)
        says = refusal(parse_artefact, content), refusal(Native, path)
        assert all(says) or not any(says), says
        refused += bool(says[0])
        taken += not says[0]
    assert min(taken, refused) > 20


def refusal(load, given) -> str:
    """Why a loader does not take what it is given; empty: it does."""
    try:
        load(given)
    except (ValueError, UserError) as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    "module, name, replacement",
    [
        (structure, "_check_array", lambda name, array, declared, sizes: None),
        (check, "_convolved", lambda op, x: (op.c_out, *check._windows(op, x))),
        (artefact, "_notes", lambda content: {}[content]),
    ],
)
def test_a_missing_rule_is_found(monkeypatch, module, name, replacement):
    monkeypatch.setattr(module, name, replacement)
    with pytest.raises(Exception) as caught:
        plain(60, seed=1)
    assert isinstance(caught.value.content, bytes)
