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
"""A machine's milliseconds of each layer, and the table made of them."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from src import kernels
from src.bench.layers import as_table, format_rows, layer_of_operation, measure
from src.cost.latency import LatencyCost, read_table
from src.engine.artefact import save_artefact
from src.engine.classifier import Classifier
from src.engine.count import cost_of
from src.engine.native import Native
from src.engine.operations import Conv
from src.engine.wish import Wish
from src.errors import UserError
from tests.engine.programs import nested, pixels, static, untied

ROOT = Path(__file__).resolve().parent.parent.parent
native = pytest.mark.skipif(not kernels.available(), reason="no compiler")


class Clock:
    """Stands for an engine: operation i takes 1 + i ms, times 10 at the last candidate of weights, 100 of inputs."""

    def __init__(self, program):
        self.program, self.rows = program, []

    def times(self, image, plan, row, runs):
        self.rows.append(row)
        seconds = 1e-3 * (1 + np.arange(len(self.program.operations), dtype=float))
        if plan is not None:
            last = self.program.plan_shape[2] - 1
            seconds *= (10.0 if plan[0, 0] == last else 1) * (100.0 if plan[0, -1] == last else 1)
        return np.tile(seconds, (runs, 1))


@pytest.mark.parametrize("make", [nested, untied])
def test_a_layer_is_its_convolution_and_its_own_quantiser(make):
    program = make()
    owner = layer_of_operation(program)
    table = as_table(program, measure(program, Clock(program), 12), "cpu")
    cost = cost_of(program)
    slots = sorted((op.slot, i) for i, op in enumerate(program.operations) if isinstance(op, Conv) and op.slot >= 0)
    assert [layer.macs for layer in table.layers] == cost.macs.tolist()
    pairs = program.plan_shape[2] ** program.plan_shape[1]
    for layer, (_, i) in zip(table.layers, slots, strict=True):
        base = sum(1 + o for o, conv in owner.items() if conv == i)
        assert len(layer.ms) == pairs and min(layer.ms.values()) == pytest.approx(base)
        assert max(layer.ms.values()) == pytest.approx(1000 * base)
    priced = LatencyCost(table, cost.dynamic, program.plan_shape[1])
    narrow = np.zeros((1, *program.plan_shape[:2]), np.int64)
    owned = sum(1 + o for o, conv in owner.items() if program.operations[conv].slot >= 0)
    assert priced.of_plan(narrow)[0] - priced.fixed() == pytest.approx(1e6 * owned)
    assert 0 <= table.kept_ms <= table.fixed_ms


def test_a_network_of_one_width_has_no_choices_to_price():
    program = static()
    table = as_table(program, measure(program, Clock(program), 1), "cpu")
    assert table.layers == () and table.fixed_ms == pytest.approx(sum(range(1, len(program.operations) + 1)))


@native
def test_the_script_and_a_cap_by_its_table(tmp_path):
    program = nested()
    program.notes = {"exponent": 20, "widths": [2, 4, 8]}
    save_artefact(program, tmp_path / "net.safetensors")
    done = subprocess.run(
        [sys.executable, "bench.py", "layers", "--model", tmp_path / "net.safetensors", "--runs", "3", "--json",
         tmp_path / "table.json"], cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1].split() == ["layer", "2x2", "4x4", "8x8", "of", "peak", "kernel"]
    result = json.loads((tmp_path / "table.json").read_text())
    assert {row["bench"] for row in result["rows"]} == {"layers"} and "cpu" in result["machine"]
    layers = [row for row in result["rows"] if row["layer"] != "other"]
    assert all(row["kernel"] and row["macs"] > 0 and row["share_of_peak"] > 0 for row in layers)
    assert format_rows(result["rows"]) in done.stdout
    table = read_table(tmp_path / "table.json")
    assert all(ms > 0 for layer in table.layers for ms in layer.ms.values()) and table.fixed_ms > 0
    engine, images = Native(tmp_path / "net.safetensors"), pixels(program, 2)
    with pytest.raises(UserError, match=r"--max-ms 1e-06: the cheapest plan of this network costs .* ms"):
        Classifier(program, engine, Wish(max_ms=1e-6, table=table))(images)
    free = Classifier(program, engine)(images)
    capped = Classifier(program, engine, Wish(max_ms=1e6, table=table))(images)
    assert [answer.w_bits for answer in capped] == [answer.w_bits for answer in free]


@native
def test_a_run_of_an_image_is_the_sum_of_its_operations(tmp_path):
    save_artefact(nested(), tmp_path / "net.safetensors")
    engine = Native(tmp_path / "net.safetensors")
    plan = np.zeros(engine.plan_shape[:2], np.int64)
    seconds = engine.times(pixels(nested(), 1)[0], plan, runs=4)
    assert seconds.shape == (4, len(nested().operations)) and (seconds >= 0).all()
    assert (seconds[:, -1] > 0).all()
    with pytest.raises(ValueError, match="plan"):
        engine.times(pixels(nested(), 1)[0], plan + 9)
