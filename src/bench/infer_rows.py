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
"""Rows of `bench.py infer --json`, and what it prints of them."""

import statistics

import numpy as np

from src.bench.infer_case import DYNAMIC, FLOAT, NATIVE, STATIC
from src.bench.turns import Outcome

LEAST = 0.02  # a gain below is the machine's noise
COLUMNS = (
    ("bits", "bits", "g"),
    ("median ms", "median_ms", ".3f"),
    ("min ms", "min_ms", ".3f"),
    ("runs", "runs", "d"),
    ("images/s", "images_per_s", ".1f"),
    ("GMAC/s", "gmacs", ".1f"),
    ("of peak", "share_of_peak", ".0%"),
    ("x int8 peer", "vs_int8_peer", ".2f"),
    ("x own 8 bit", "vs_own_8_bit", ".2f"),
    ("of promise", "of_promise", ".0%"),
    ("cosine", "cosine", ".4f"),
    ("peak MiB", "peak_mb", ".0f"),
    ("start ms", "start_ms", ".1f"),
)


def infer_row(outcome: Outcome, macs: int) -> dict:
    """One row; a case that could not be run has `error` and no time. Times in ms, memory in MiB.

    `start_ms`: once, from the file to the first answer, in a process that has loaded the runtime's code; none where
    more than that is done on the way (a mix of widths, torch).

    Args:
        macs: multiply-accumulates of an image, which `gmacs` counts whatever a kernel saves of them.
    """
    case, about = outcome.case, dict(outcome.about)
    row = {
        "bench": "infer", "model": case.model, "batch": case.batch, "image_size": case.image_size,
        "threads": case.threads, "kind": case.kind, "bits": case.bits, "runner": case.runner,
        **({"plan": case.plan} if case.plan else {}), **about,
    }  # fmt: skip
    if outcome.error or not outcome.ms:
        row.pop("logits", None)
        return {**row, "error": outcome.error or "nothing was timed"}
    median = statistics.median(outcome.ms)
    row |= {
        "median_ms": median, "min_ms": min(outcome.ms), "runs": len(outcome.ms),
        "peak_mb": outcome.peak_mb, "images_per_s": 1e3 * case.batch / median,
        "gmacs": macs * case.batch / median / 1e6,
    }  # fmt: skip
    if outcome.peaks:
        row["peak_gmacs"] = max(outcome.peaks)  # what slows it down is others' work
    return row


def add_ratios(rows: list[dict]) -> None:
    """Give the rows of a group what they are to each other, in place; what has no partner is left out.

    share_of_peak: of the integer peak, the best that our runners measured in their turns.
    vs_int8_peer: how many times as fast as the fastest int8 peer, whose name is `int8_peer`.
    vs_own_8_bit: how many times as fast as the row of the same kind and runner at 8 bits.
    of_promise: of a mix of widths, what it gains against 8 bits as a share of what the mean of the widths by
        themselves would; left out where that is below 2 %.
    cosine: between its logits of an image and those of our 8-bit network; `logits` is taken away.
    """
    logits = {id(row): row.pop("logits", None) for row in rows}
    timed = [row for row in rows if "median_ms" in row]
    peaks = [row["peak_gmacs"] for row in timed if "peak_gmacs" in row]
    peers = [row for row in timed if row["runner"] != NATIVE and row["kind"] == STATIC]
    for row in timed:
        if peaks:
            row["peak_gmacs"] = max(peaks)
            row["share_of_peak"] = row["gmacs"] / row["peak_gmacs"]
        if peers:
            fastest = min(peers, key=lambda peer: peer["median_ms"])
            row |= {"vs_int8_peer": fastest["median_ms"] / row["median_ms"], "int8_peer": fastest["runner"]}
        _add_own_widths(row, [other for other in timed if _same(other, row) and "plan" not in other])
    _add_cosines(timed, logits)


def _add_cosines(timed: list[dict], logits: dict[int, np.ndarray | None]) -> None:
    """`logits` are by the id of their row."""
    ours = next((row for row in timed if row["runner"] == NATIVE and row["kind"] == STATIC and row["bits"] == 8), None)
    for row in timed if ours is not None else ():
        if row["kind"] in (STATIC, FLOAT) and logits[id(row)] is not None:
            row["cosine"] = _cosine(logits[id(row)], logits[id(ours)])


def _add_own_widths(row: dict, uniform: list[dict]) -> None:
    """Against the same network by the same runner at one width throughout."""
    for other in uniform:
        if other["bits"] == 8:
            row["vs_own_8_bit"] = other["median_ms"] / row["median_ms"]
    if row["kind"] == DYNAMIC and "plan" in row:
        _add_promise(row, uniform)


def _add_promise(mix: dict, uniform: list[dict]) -> None:
    times = {row["bits"]: row["median_ms"] for row in uniform}
    promised = times[8] - statistics.fmean(times.values()) if 8 in times else 0.0
    if promised > LEAST * mix["median_ms"]:
        mix["of_promise"] = (times[8] - mix["median_ms"]) / promised


def _same(one: dict, other: dict) -> bool:
    return (one["kind"], one["runner"]) == (other["kind"], other["runner"])


def _cosine(a: list[float], b: list[float]) -> float:
    return float(np.dot(a, b) / max(np.linalg.norm(a) * np.linalg.norm(b), np.finfo(float).tiny))


def format_rows(rows: list[dict]) -> str:
    """A line per row of a group under one that names it; below them the reasons of those without a time."""
    first = rows[0]
    lines = [f"\n{first['model']}, batch {first['batch']}, {first['image_size']} pixels, {first['threads']} threads"]
    peak = next((row["peak_gmacs"] for row in rows if "peak_gmacs" in row), None)
    if peak is not None:
        lines[0] += f"; integer peak {peak:.0f} GMAC/s"
    lines.append(f"{'kind':<11}{'runner':<13}" + "".join(f"{title:>12}" for title, _, _ in COLUMNS))
    for row in rows:
        cells = "".join(f"{_cell(row, key, form):>12}" for _, key, form in COLUMNS)
        lines.append(f"{row['kind']:<11}{row['runner']:<13}{cells}" + (f"  {row['plan']}" if "plan" in row else ""))
    lines += [f"{r['kind']} {r['runner']}: {r['error']}" for r in rows if "error" in r]
    return "\n".join(lines)


def _cell(row: dict, key: str, form: str) -> str:
    return format(row[key], form) if key in row else "-"
