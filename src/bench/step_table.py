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
"""What `bench.py step` prints: times and ratios, then where the native step's time goes."""

COLUMNS = (
    ("median ms", "median_ms", ".1f"),
    ("min ms", "min_ms", ".1f"),
    ("runs", "runs", "d"),
    ("peak MiB", "peak_mb", ".0f"),
    ("/ torch", "vs_torch", ".2f"),
    ("/ static", "vs_static", ".2f"),
    ("peak / static", "vs_static_peak", ".2f"),
)


def format_rows(rows: list[dict]) -> str:
    """One line per row; below them the reasons of those that have no time."""
    lines = [f"{'kind':<9}{'runner':<21}" + "".join(f"{title:>14}" for title, _, _ in COLUMNS)]
    for row in rows:
        cells = "".join(f"{_cell(row, key, form):>14}" for _, key, form in COLUMNS)
        lines.append(f"{row['kind']:<9}{row['runner']:<21}{cells}")
    lines += [f"{r['kind']} {r['runner']}: {r['error']}" for r in rows if "error" in r]
    return "\n".join(lines)


def format_breakdown(rows: list[dict]) -> str:
    """Milliseconds per step by kind of kernel, a column per row that has them; "" if none has."""
    counted = [row for row in rows if "breakdown_ms" in row]
    if not counted:
        return ""
    names = [f"{row['kind']} {row['runner']}" for row in counted]
    lines = [f"{'ms per step (mean)':<21}" + "".join(f"{name:>18}" for name in names)]
    for kind in counted[0]["breakdown_ms"]:
        cells = [_part(row["breakdown_ms"][kind], row["breakdown_ms"]) for row in counted]
        lines.append(f"{kind.replace('_', ' '):<21}" + "".join(f"{cell:>18}" for cell in cells))
    return "\n".join(lines)


def _cell(row: dict, key: str, form: str) -> str:
    return format(row[key], form) if key in row else "-"


def _part(ms: float, breakdown: dict[str, float]) -> str:
    return f"{ms:.1f} ({ms / sum(breakdown.values()):.0%})"
