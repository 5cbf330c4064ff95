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
"""Which kernel a convolution takes, and that it is remembered."""

import argparse

import numpy as np
import pytest

from src import kernels
from src.bench import tune
from src.bench.tune import USUAL, format_rows, run_tune
from src.engine import kernel_choice
from src.engine.artefact import save_artefact
from src.engine.native import Native
from src.errors import UserError
from tests.engine.programs import nested


def row(*found) -> dict:
    return tune._row("key", list(found))


def test_a_kernel_is_taken_where_it_saves_more_than_noise():
    assert row(("conv", "a", {"a": 2.0, "b": 1.0, "c": 1.5}))["chosen"] == "b"
    assert row(("conv", "a", {"a": 1.0, "b": 0.96}))["chosen"] == USUAL
    assert row(("conv", "a", {"a": 1.0}))["chosen"] == USUAL


def test_layers_of_one_kind_are_chosen_for_together():
    """Where one of them cannot run on the kernel, it goes on with the usual one."""
    both = row(("one", "a", {"a": 4.0, "b": 1.0}), ("two", "a", {"a": 4.0}), ("one", "a", {"a": 4.0, "b": 2.0}))
    assert (both["chosen"], both["ms"], both["chosen_ms"]) == ("b", 12.0, 7.0)
    assert both["layers"] == ["one", "two"] and "one" in format_rows([both]) and "7.0000" in format_rows([both])


def test_the_shortest_time_of_a_kernel_counts():
    assert tune._least([("a", 3.0), ("b", 2.0), ("a", 1.0)]) == {"a": 1.0, "b": 2.0}


def options(**others) -> argparse.Namespace:
    return argparse.Namespace(**{"model": None, "runs": 1, "threads": 1, "forget": False} | others)


@pytest.mark.skipif(not kernels.available(), reason="no compiler")
@pytest.mark.parametrize("is_faster", [True, False])
def test_a_choice_is_kept_if_the_network_is_faster_by_it(is_faster, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("DYNQUANT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(tune, "LEAST", -100.0)  # the fastest, be it the usual one
    monkeypatch.setattr(tune, "_is_faster", lambda *_: is_faster)
    path = tmp_path / "model.safetensors"
    save_artefact(nested(), path)
    result = run_tune(options(model=path))
    keys = {key for k in range(3) for key in Native(path).choice_keys(plan(path, k)) if key}
    assert {row["key"] for row in result["rows"]} == keys
    assert set(result["choice"]) == (keys if is_faster else set())
    assert kernel_choice.remembered() == result["choice"]
    assert ("will be used" in capsys.readouterr().out) != is_faster
    run_tune(options(forget=True))
    assert kernel_choice.remembered() == {}


def plan(path, k):
    layers, columns, _ = Native(path).plan_shape
    return np.full((layers, columns), k)


def test_a_missing_artefact_is_asked_for():
    with pytest.raises(UserError, match="--model is missing"):
        run_tune(options())
