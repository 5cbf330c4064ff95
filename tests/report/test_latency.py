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
"""Milliseconds beside BitOPs, from a table that lies beside the artefact."""

import json

import numpy as np
import pytest

from src.cost.latency import LatencyTable, LayerMs
from src.report.latency import latency_rows, milliseconds
from src.report.load import load_run
from src.report.page import write_report
from tests.report.fake_escalation import write_escalating_run
from tests.report.fake_run import Fake, write_run


def with_table(folder, by_bits, layers: int):
    """The run, with a table whose layers take by_bits(w) ms; 1 ms is fixed, half of it kept between passes."""
    ms = {f"{b}x{b}": float(by_bits(b)) for b in range(2, 9)}
    table = LatencyTable("a CPU", "avx2", 2, 1.0, 0.5, tuple(LayerMs(f"l{i}", 9, ms) for i in range(layers)))
    (folder / "export").mkdir(exist_ok=True)
    (folder / "export/latency.json").write_text(json.dumps({"table": table.as_dict()}))
    return load_run(folder)


def test_a_net_whose_images_differ(tmp_path):
    folder = write_run(tmp_path / "run", Fake(images=40))
    count = len(load_run(folder).dynamic_layers)
    run = with_table(folder, lambda bits: bits, count)
    found = milliseconds(run)
    assert found.net == pytest.approx(1 + run.evaluation.arrays["w_bits"].astype(float).sum(1).mean())
    assert found.widths[4] == 1 + 4 * count and found.gains
    rows = dict(latency_rows(run))
    assert rows["ms per image"].endswith("(a CPU, avx2, 2 threads)") and "warning" not in rows
    assert "ms, all at 4 bits" in write_report(folder).read_text(encoding="utf-8")


def test_widths_that_gain_nothing_are_warned_of(tmp_path):
    folder = write_run(tmp_path / "run", Fake(images=40))
    run = with_table(folder, lambda bits: 1, len(load_run(folder).dynamic_layers))
    assert "not faster than 8 bits throughout" in dict(latency_rows(run))["warning"]


def test_a_net_that_escalates_pays_for_all_its_passes(tmp_path):
    folder = write_escalating_run(tmp_path / "run", images=80)
    count = len(load_run(folder).dynamic_layers)
    run = with_table(folder, lambda bits: bits, count)
    assert run.evaluation.totals["rungs"]["bits"] == [2, 3, 4]
    shares = np.bincount(run.evaluation.arrays["rung"], minlength=3) / len(run.evaluation.arrays["rung"])
    first, second, third = 1 + 2 * count, 0.5 + 3 * count, 0.5 + 4 * count
    expected = first + second * shares[1:].sum() + third * shares[2]
    assert milliseconds(run).net == pytest.approx(expected)


def test_without_a_table_of_this_net_there_are_no_milliseconds(tmp_path):
    folder = write_run(tmp_path / "run", Fake(images=40))
    assert latency_rows(load_run(folder)) == []
    assert latency_rows(with_table(folder, lambda bits: bits, 1)) == []
    (folder / "export/latency.json").write_text("{")
    assert "bench.py layers" in dict(latency_rows(load_run(folder)))["ms per image"]
