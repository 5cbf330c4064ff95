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
"""What the totals of an evaluation (eval/test.json) say: a function per quantity, None if unknown."""

from __future__ import annotations

from src.report.formats import known


def baselines(totals: dict) -> dict[str, dict]:
    """Name -> totals of every other net that was evaluated on the same images."""
    found = totals.get("baseline")
    found = found if isinstance(found, dict) else {}
    return {str(name): values for name, values in found.items() if isinstance(values, dict)}


def float_top1(totals: dict) -> float | None:
    """Top-1 of the float net."""
    value = baselines(totals).get("float", {}).get("top1")
    return value if known(value) else None


def net_bitops(totals: dict) -> float | None:
    """Mean BitOPs of an image; None also for a net without quantised layers, which has none."""
    value = totals.get("bitops")
    return value if known(value) and value else None


def static_bitops(totals: dict, bits: int) -> float | None:
    """BitOPs of the same net with every layer between the ends at `bits`."""
    value = (totals.get("bitops_static") or {}).get(str(bits))
    return value if known(value) else None


def bitops_spread(totals: dict) -> tuple[float, float] | None:
    """5th and 95th percentile of the images' BitOPs; None where they are the same."""
    low, high = totals.get("bitops_p5"), totals.get("bitops_p95")
    return (low, high) if known(low) and known(high) and high > low else None
