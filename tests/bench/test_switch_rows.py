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
"""Rows of `bench.py switch` and their differences, by hand."""

import numpy as np

from src.bench.switch_rows import as_rows, format_rows
from src.engine.count import cost_of
from tests.engine.programs import nested


def test_rows_by_hand():
    cost = cost_of(nested())
    times = {
        2: [1.0, 3.0, 1.0], 4: [2.0, 2.0, 2.0], 8: [3.0, 4.0, 3.0],
        "changing": [4.0, 6.0, 4.0], "kept": [2.0, 6.0, 3.2],
    }  # fmt: skip
    plans = np.array([[[2], [2], [2]], [[0], [2], [1]]])
    rows = as_rows({"bench": "switch"}, times, cost, plans)
    assert [(r["kind"], r.get("bits")) for r in rows] == [
        ("constant", 2), ("constant", 4), ("constant", 8), ("changing", None), ("kept", None),
    ]  # fmt: skip
    by_slot = [layer.weights + layer.inputs for layer in cost.dynamic]
    changing = rows[3]
    assert changing["shifts"] == (by_slot[0] + by_slot[2]) / 2
    assert changing["pair_macs"] == 2 * changing["shifts"]
    assert [r["shifts"] for r in rows[:3]] == [sum(by_slot), sum(by_slot), 0]
    assert changing["bitops"] == cost.of_plan(plans).mean()
    assert changing["vs_kept"] == 4 / 3.2 - 1
    assert changing["vs_constant"] == 4 / 2 - 1  # medians of the constants: 1, 2, 3
    text = format_rows(rows)
    assert "+25.0% of an inference" in text and "+100.0% against" in text
