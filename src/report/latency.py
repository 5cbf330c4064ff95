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
"""Milliseconds beside BitOPs, where a run has a table of a machine's latencies (export/latency.json).

`python bench.py layers --model RUN/export/model.safetensors --json RUN/export/latency.json` writes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from src.cost.latency import LatencyTable, read_table
from src.errors import UserError
from src.report.formats import ratio
from src.report.knob import Setting
from src.report.load import Evaluation, Run

FILE = "export/latency.json"
LEAST = 1.02  # times as fast as the widest width: below, the difference is noise


@dataclass(frozen=True)
class Milliseconds:
    """Of an image, by the table: of this net, mean over the test images, and with all layers whose width is
    chosen at one width; `machine` is where it was measured, `kept` what several passes have in common."""

    net: float
    widths: dict[int, float]
    machine: str
    kept: float = 0.0

    @property
    def gains(self) -> bool:
        """Whether the chosen widths are faster than the widest."""
        return not self.widths or self.widths[max(self.widths)] >= LEAST * self.net

    def at(self, setting: Setting) -> float | None:
        """Mean of an image at a setting of the net, all passes counted; None where that is not known."""
        known = setting.bits and all(bits in self.widths for bits in setting.bits)
        shares = setting.shares or (1.0,) * (len(setting.bits) == 1)
        return float(np.dot(_passes(setting.bits, self.widths, self.kept), shares)) if known and shares else None


def milliseconds(run: Run) -> Milliseconds | None:
    """None: there is no table, or it is of another net. UserError: the table cannot be read."""
    file = run.path / FILE
    if run.evaluation is None or not file.is_file():
        return None
    table = read_table(file)
    if len(table.layers) != len(run.dynamic_layers):
        return None
    shared = [set(layer.ms) for layer in table.layers]
    common = set.intersection(*shared) if shared else set()
    widths = {b: table.uniform(b) for b in range(1, 9) if f"{b}x{b}" in common}
    threads = f"{table.threads} thread{'s' * (table.threads > 1)}"
    machine = ", ".join(filter(None, [table.machine, table.isa, threads]))
    try:
        return Milliseconds(_net(run.evaluation, table, widths), widths, machine, table.kept_ms)
    except KeyError:  # a width that was not measured
        return None


def _net(evaluation: Evaluation, table: LatencyTable, widths: dict[int, float]) -> float:
    """Mean over the images; of one that escalated, of all its passes."""
    if not table.layers:
        return table.fixed_ms
    arrays = evaluation.arrays
    if arrays is None:
        raise KeyError("widths")
    if evaluation.climbs:
        passes = _passes(evaluation.totals["rungs"]["bits"], widths, table.kept_ms)
        return float(passes[arrays["rung"]].mean())
    pairs, counts = np.unique(np.stack([arrays["w_bits"], arrays["a_bits"]], -1), axis=0, return_counts=True)
    times = [
        sum(layer.ms[f"{w}x{a}"] for layer, (w, a) in zip(table.layers, plan, strict=True)) for plan in pairs
    ]
    return table.fixed_ms + float(np.average(times, weights=counts))


def _passes(bits: Sequence[int], widths: dict[int, float], kept: float) -> np.ndarray:
    """Milliseconds of an image that ends at each of the rungs, float64 (R,). KeyError: a width is not known."""
    passes = np.array([widths[width] for width in bits])
    passes[1:] -= kept
    return np.cumsum(passes)


def latency_rows(run: Run) -> list[tuple[str, str]]:
    """(name, value) lines of the summary; none without a table."""
    try:
        found = milliseconds(run)
    except UserError as error:
        return [("ms per image", str(error))]
    if found is None:
        return []
    rows = [("ms per image", f"{found.net:.3g} ({found.machine})")]
    rows += [(f"ms, all at {bits} bits", f"{ms:.3g} ({ratio(found.net, ms)})") for bits, ms in found.widths.items()]
    if not found.gains:
        widest = max(found.widths)
        rows.append(("warning", f"on that machine the chosen widths are not faster than {widest} bits throughout"))
    return rows
