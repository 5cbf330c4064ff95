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
"""Prices in nanoseconds, from a table of a machine's layers."""

import json

import numpy as np
import pytest

from src.cost.bitops import LayerCost
from src.cost.latency import LatencyCost, LatencyTable, LayerMs, read_table
from src.errors import UserError


def layer(slot: int, macs: int, bits=(2, 4), column: int = -1) -> LayerCost:
    return LayerCost(f"l{slot}", macs, 10, 10, bits, bits, slot, 0, column)


TIED = LatencyTable(
    "m", "avx2", 1, 0.1, 0.04,
    (LayerMs("l0", 100, {"2x2": 0.01, "4x4": 0.03}), LayerMs("l1", 200, {"2x2": 0.02, "4x4": 0.02})),
)  # fmt: skip
LAYERS = [layer(0, 100), layer(1, 200)]


def test_a_plan_costs_the_sum_of_its_layers():
    cost = LatencyCost(TIED, LAYERS)
    assert (cost.fixed(), cost.kept) == (100_000, 40_000)
    plans = np.array([[[0], [0]], [[1], [0]], [[1], [1]]])
    assert cost.of_plan(plans).tolist() == [130_000, 150_000, 150_000]
    assert cost.prices(0, 1).tolist() == [10_000, 30_000]
    assert [cost.with_dynamic_at(b) for b in (2, 3, 4)] == [130_000, 140_000, 150_000]


def test_weights_and_inputs_of_their_own():
    ms = {"2x2": 0.01, "2x4": 0.02, "4x2": 0.04, "4x4": 0.08}
    cost = LatencyCost(LatencyTable("m", "", 1, 0.0, 0.0, (LayerMs("l0", 5, ms),)), [layer(0, 5)], 2)
    assert cost.prices(0, 2).tolist() == [[10_000, 20_000], [40_000, 80_000]]
    assert cost.of_plan(np.array([[[0, 1]], [[1, 0]]])).tolist() == [20_000, 40_000]


def test_layers_of_one_slot_are_priced_together():
    times = {"2x2": 0.01, "4x4": 0.03}
    table = LatencyTable("m", "", 1, 0.0, 0.0, (LayerMs("a", 1, times), LayerMs("b", 2, times)))
    assert LatencyCost(table, [layer(0, 1), layer(0, 2)]).prices(0, 1).tolist() == [20_000, 60_000]


@pytest.mark.parametrize(
    "layers, words",
    [
        ([layer(0, 100)], "another network: it has 2 layers"),
        ([layer(0, 100), layer(1, 300)], "another network"),
        ([layer(0, 100), layer(1, 200, (2, 8))], "without 8 x 8 bits of layer l1"),
    ],
)
def test_a_table_of_another_network(layers, words):
    with pytest.raises(UserError, match=words):
        LatencyCost(TIED, layers)


def test_a_table_of_shared_choices_cannot_price_others():
    with pytest.raises(UserError, match="without 2 x 4 bits of layer l0"):
        LatencyCost(TIED, LAYERS, 2)


def test_a_table_comes_back(tmp_path):
    file = tmp_path / "t.json"
    file.write_text(json.dumps({"rows": [], "table": TIED.as_dict()}))
    assert read_table(file) == TIED


def changed(**values) -> dict:
    return {"table": {**TIED.as_dict(), **values}}


@pytest.mark.parametrize(
    "content",
    [
        {}, [], {"table": 3}, changed(fixed_ms=-1.0), changed(kept_ms="1"), changed(more=1),
        changed(layers=[{"name": "x", "macs": 1, "ms": {"4": 1.0}}]),
        changed(layers=[{"name": "x", "macs": 1, "ms": {"9x4": 1.0}}]),
        changed(layers=[{"name": "x", "macs": 1, "ms": {"4x4": float("nan")}}]),
        changed(layers=[{"name": "x", "macs": 1, "ms": {"4x4": 10**40}}]), changed(fixed_ms=float("inf")),
        changed(layers=[{"name": "x", "macs": "", "ms": {"4x4": 1.0}}]), changed(threads="2"), changed(machine=None),
        changed(layers=[{"name": 3, "macs": 1, "ms": {"4x4": 1.0}}]),
        changed(layers=[{"name": "x", "macs": 10**400, "ms": {"4x4": 1.0}}]),
    ],
)  # fmt: skip
def test_what_is_no_table(tmp_path, content):
    file = tmp_path / "t.json"
    file.write_text(json.dumps(content))
    with pytest.raises(UserError, match=f"table of latencies {file}: .*bench.py layers"):
        read_table(file)
    with pytest.raises(UserError, match="nowhere.json: No such file"):
        read_table(tmp_path / "nowhere.json")
