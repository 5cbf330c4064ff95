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
"""What the notes of an artefact or a bundle may hold.

Notes are documentation: no engine needs them, any of the keys below may be missing and others may be
there. But what readers show or count on has the type that they expect, checked when a file is loaded.
"""

import json
import math

from src.cost.spending import is_spending

LARGEST_EXPONENT = 62
SIDES = ("weights", "inputs")


def parse_notes(text: str | bytes) -> dict:
    """The notes in a JSON text. ValueError: damaged, or a key that holds what it must not."""
    try:
        notes = json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except RecursionError as error:
        raise ValueError("the notes are nested too deeply") from error
    if not isinstance(notes, dict):
        raise ValueError("the notes are not a JSON object")
    for key, (allowed, fits) in _KEYS.items():
        if key in notes and not fits(notes[key]):
            held = json.dumps(notes[key])[:60]
            raise ValueError(f"the notes' {key} must be {allowed}, not {held}")
    return notes


def _refuse(word: str) -> None:
    raise ValueError(f"the notes hold {word}, which no JSON has")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the notes hold {text[:60]}, which is too large")
    return value


def _is_text(value) -> bool:
    return isinstance(value, str)


def _is_integer(value, low: int, high: int) -> bool:
    return type(value) is int and low <= value <= high


def _is_number(value) -> bool:
    return type(value) is float or _is_integer(value, -(2**53), 2**53)


def _are(fits):
    return lambda values: isinstance(values, list) and all(map(fits, values))


def _are_three(values) -> bool:
    return _are(_is_number)(values) and len(values) == 3


def _are_scales_of_a_side(values) -> bool:
    """A number, or for each candidate a number or a list of them."""
    candidates = values if isinstance(values, list) else [values]
    return all(_is_number(one) or _are(_is_number)(one) for one in candidates)


def _are_layers(value) -> bool:
    return isinstance(value, dict) and all(k.isdecimal() and len(k) < 10 and _is_text(v) for k, v in value.items())


def _are_scales(value) -> bool:
    return isinstance(value, dict) and all(
        isinstance(pair, dict) and all(_are_scales_of_a_side(pair.get(side)) for side in SIDES)
        for pair in value.values()
    )


_TEXT = ("a text", _is_text)
_THREE = ("three numbers", _are_three)
# Key -> what it must be, in words and as a check. Written by src/deploy/notes.py and lower.py.
_KEYS = {
    "model": _TEXT,
    "method": _TEXT,
    "data": _TEXT,
    "classes": ("a list of texts", _are(_is_text)),
    "image_size": ("a number of pixels", lambda value: _is_integer(value, 1, 2**16)),
    "mean": _THREE,
    "std": _THREE,
    "exponent": (
        f"an integer from {-LARGEST_EXPONENT} to {LARGEST_EXPONENT}",
        lambda value: _is_integer(value, -LARGEST_EXPONENT, LARGEST_EXPONENT),
    ),
    "layers": ("an object from numbers of operations to names", _are_layers),
    "scales": ("an object from layers to scales of weights and inputs", _are_scales),
    "widths": ("a list of integers", _are(lambda value: _is_integer(value, 1, 8))),
    "rows_of_choices": ("a list of integers", _are(lambda value: _is_integer(value, 0, 2**16))),
    "spending": ("given and spent, two lists of BitOPs, the first one rising integers", is_spending),
    "looks": ("true or false", lambda value: type(value) is bool),
}
