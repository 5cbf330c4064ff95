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
"""How numbers look in the report: a function per quantity, a dash for an unknown number."""

from __future__ import annotations

import math

DASH = "–"
NBSP = "\u00a0"
PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def known(value: object) -> bool:
    """True for a finite number (a bool is no number)."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def percent(value: float | None, digits: int = 2) -> str:
    """A share of 0..1 as per cent."""
    return f"{100 * value:.{digits}f}{NBSP}%" if known(value) else DASH


def plain(value: float | None, digits: int = 2) -> str:
    """A number with a fixed count of decimals."""
    return f"{value:.{digits}f}" if known(value) else DASH


def p_value(value: float) -> str:
    """How likely chance is, 0..1, to two digits; of very small ones only that they are."""
    return f"{value:.2g}" if value >= 0.0001 else "< 0.0001"


def signed(value: float | None, digits: int = 2) -> str:
    """A number with its sign, the minus as wide as the plus."""
    return f"{value:+.{digits}f}".replace("-", "\u2212") if known(value) else DASH


def count(value: int | None) -> str:
    """A whole number with thin spaces between the thousands."""
    return f"{int(value):,}".replace(",", "\u202f") if known(value) else DASH


def prefix(value: float) -> tuple[float, str]:
    """The divisor and the letter with which a number as large as `value` is best written."""
    return next(((size, letter) for size, letter in PREFIXES if abs(value) >= size), (1.0, ""))


def big(value: float | None) -> str:
    """An operation or parameter count to three digits: 40813184 is `40.8 M`."""
    if not known(value):
        return DASH
    size, letter = prefix(value)
    scaled = value / size
    if not letter and scaled == int(scaled):
        return str(int(scaled))
    digits = 2 if abs(scaled) < 10 else 1 if abs(scaled) < 100 else 0
    return f"{scaled:.{digits}f}{NBSP}{letter}".rstrip()


def size(value: int | None) -> str:
    """Bytes of a file: 105216 is `105 kB`."""
    return f"{big(value)}{NBSP * (value < 1000)}B" if known(value) else DASH


def ratio(value: float | None, reference: float | None) -> str:
    """`value` as a multiple of `reference`."""
    if not (known(value) and known(reference)) or not reference:
        return DASH
    return f"{value / reference:.3f}{NBSP}×"


def change(value: float | None, reference: float | None) -> str:
    """How much fewer or more `value` is than `reference`, in words: `6.1 % fewer`."""
    if not (known(value) and known(reference)) or not reference:
        return ""
    share = value / reference - 1
    if abs(share) < 0.0005:
        return "the same"
    return f"{abs(100 * share):.1f}{NBSP}% {'more' if share > 0 else 'fewer'}"


def duration(seconds: float | None) -> str:
    """A time span in the unit that suits it."""
    if not known(seconds):
        return DASH
    if seconds < 120:
        return f"{seconds:.1f}{NBSP}s"
    if seconds < 7200:
        return f"{seconds / 60:.1f}{NBSP}min"
    return f"{seconds / 3600:.1f}{NBSP}h"


def widths(value: object) -> str:
    """The widths of a layer: `4`, `3, 4, 5`, or a dash for a float layer."""
    if isinstance(value, list | tuple):
        return ", ".join(str(bits) for bits in value) or DASH
    return str(value) if known(value) else DASH
