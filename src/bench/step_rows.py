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
"""Rows of `bench.py --json`, and the ratios that are read from them."""

import statistics

from src.bench.case import PEERS
from src.bench.turns import Outcome


def step_row(outcome: Outcome) -> dict:
    """One row; a case that could not be run has `error` and no time. Times in ms, memory in MiB.

    `breakdown_ms` is the mean step by kind of kernel; `other` is what lies outside the kernels.
    """
    case = outcome.case
    row = {
        "bench": "step", "model": case.model, "batch": case.batch, "image_size": case.image_size,
        "threads": case.threads, "kind": case.kind, "bits": case.bits, "runner": case.runner,
        **outcome.about,
    }  # fmt: skip
    if case.kind == "float":
        row["bits"] = 32
    if outcome.error or not outcome.ms:
        return {**row, "error": outcome.error or "no step was timed"}
    row |= {
        "median_ms": statistics.median(outcome.ms),
        "min_ms": min(outcome.ms),
        "runs": len(outcome.ms),
        "peak_mb": outcome.peak_mb,
        "loss": outcome.loss,
    }
    if outcome.kernel_ms:
        means = {kind: ms / len(outcome.ms) for kind, ms in outcome.kernel_ms.items()}
        other = statistics.fmean(outcome.ms) - sum(means.values())
        row["breakdown_ms"] = {**means, "other": other}
    return row


def add_ratios(rows: list[dict], field: str = "median_ms") -> None:
    """Give every row with a time its ratios, in place; a ratio without a partner is left out.

    vs_torch: to PyTorch's row of the same kind, in its faster memory layout.
    vs_static: to the static row of the same runner; vs_static_peak: the same of peak memory.
    """
    timed = [row for row in rows if field in row]
    for row in timed:
        peers = [p for p in timed if p["runner"] in PEERS["torch"] and p["kind"] == row["kind"]]
        if peers:
            row["vs_torch"] = row[field] / min(peer[field] for peer in peers)
        for static in timed:
            if static["kind"] == "static" and static["runner"] == row["runner"]:
                row["vs_static"] = row[field] / static[field]
                row["vs_static_peak"] = row["peak_mb"] / static["peak_mb"]
