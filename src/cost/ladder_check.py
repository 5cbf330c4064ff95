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
"""What makes a ladder (ladder.py) one that can be climbed, whoever wrote the file that it came from."""


def fault_of(ladder) -> str:
    """What is wrong with a `Ladder` (ladder.py); empty: nothing."""
    count = len(ladder.bits)
    if not _are_widths(ladder.bits):
        return f"bits must be widths 1..8, rising, not {_shown(ladder.bits)}"
    for name in ("costs", "again"):
        given = getattr(ladder, name)
        least = 1 if name == "costs" else 0
        if len(given) != count or not all(type(x) is int and least <= x < 2**53 for x in given):
            return f"{name} must be {count} numbers of BitOPs, not {_shown(given)}"
    if len(ladder.top1) != count or not all(map(_is_share, ladder.top1)):
        return f"top1 must be {count} shares 0..1, not {_shown(ladder.top1)}"
    if not ladder.rows:
        return "rows are missing"
    for place, row in enumerate(ladder.rows):
        if wrong := _fault_of_row(row, ladder):
            return f"row {place}: {wrong}"
    pairs = list(zip(ladder.rows, ladder.rows[1:], strict=False))
    if not all(a.bitops < b.bitops and a.top1 < b.top1 for a, b in pairs):
        return "rows must rise in bitops and top1"
    if ladder.rows[-1].top1 < ladder.top1[-1]:
        return "rows end below the top1 of the widest rung alone"
    return ""


def _fault_of_row(row, ladder) -> str:
    if not _are_widths(row.bits) or not set(row.bits) <= set(ladder.bits):
        return f"bits must be some of {_shown(ladder.bits)}, rising, not {_shown(row.bits)}"
    if len(row.margins) != len(row.bits) - 1 or not all(map(_is_number, row.margins)):
        return f"margins must be {len(row.bits) - 1} numbers, not {_shown(row.margins)}"
    if not _is_number(row.bitops) or row.bitops <= 0:
        return f"bitops must be a number above 0, not {row.bitops!r:.40}"
    return "" if _is_share(row.top1) else f"top1 must be a share 0..1, not {row.top1!r:.40}"


def _are_widths(bits: tuple) -> bool:
    whole = bool(bits) and all(type(b) is int and 1 <= b <= 8 for b in bits)
    return whole and all(a < b for a, b in zip(bits, bits[1:], strict=False))


def _is_number(value) -> bool:
    return type(value) in (int, float) and abs(value) < 2**53  # no NaN, no infinity


def _is_share(value) -> bool:
    return _is_number(value) and 0 <= value <= 1


def _shown(values: tuple) -> str:
    return f"{list(values)!r:.60}"
