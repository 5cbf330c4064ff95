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
"""Rows of `bench.py switch --json`, and what it prints of them.

Counted beside the times, for the mean plan of `changing`: elements of weights and inputs that leave
the master width. Nested codes need one shift for each; codes of unrelated scales are dequantised and
quantised again, two multiplications for each.
"""

import numpy as np

from src.cost.bitops import CostModel


def as_rows(about: dict, times: dict, cost: CostModel, plans: np.ndarray) -> list[dict]:
    """The rows of `--json`.

    Beside times: bitops of a plan (mean), shifts and pair_macs (means), and in the row
    `changing`, vs_kept and vs_constant: by what share its median exceeds that of `kept`, and the mean
    of the constant rows' medians.
    """
    rows = []
    for kind, ms in times.items():
        is_constant = isinstance(kind, int)
        choice = list(times).index(kind)
        used = np.full_like(plans[:1], choice) if is_constant else plans
        shifts = float(cost.width_changes(*cost.widths(used)).mean())
        rows.append({
            **about, "kind": "constant" if is_constant else kind,
            **({"bits": kind} if is_constant else {}),
            "median_ms": float(np.median(ms)), "min_ms": min(ms), "runs": len(ms),
            "bitops": float(cost.of_plan(used).mean()),
            "shifts": shifts, "pair_macs": 2 * shifts,
            "macs": sum(layer.macs for layer in cost.layers),
        })  # fmt: skip
    medians = {row.get("bits", row["kind"]): row["median_ms"] for row in rows}
    changing = next(row for row in rows if row["kind"] == "changing")
    constant = float(np.mean([ms for kind, ms in medians.items() if isinstance(kind, int)]))
    changing["vs_kept"] = medians["changing"] / medians["kept"] - 1
    changing["vs_constant"] = medians["changing"] / constant - 1
    return rows


def format_rows(rows: list[dict]) -> str:
    """A line per row, and the two differences in words."""
    lines = [f"{'widths':<12}{'median ms':>12}{'min ms':>10}{'M BitOPs':>11}{'shifts':>12}"]
    for row in rows:
        name = f"{row['bits']} bit" if "bits" in row else row["kind"]
        lines.append(
            f"{name:<12}{row['median_ms']:>12.3f}{row['min_ms']:>10.3f}"
            f"{row['bitops'] / 1e6:>11.1f}{row['shifts']:>12.0f}"
        )
    row = next(r for r in rows if r["kind"] == "changing")
    lines.append(
        f"a change costs {row['vs_kept']:+.1%} of an inference against the same plan again, "
        f"{row['vs_constant']:+.1%} against the mean of the constant widths"
    )
    lines.append(
        f"{row['shifts']:.0f} shifts an image ({row['shifts'] / row['macs']:.2%} of the MACs), where "
        f"a dequantise / requantise pair takes {row['pair_macs']:.0f} multiplications"
    )
    return "\n".join(lines)
