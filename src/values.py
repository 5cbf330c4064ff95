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
"""The value of a configuration key: read as its type asks, and checked against what is allowed."""

import dataclasses
import difflib
import math
import typing
from collections.abc import Sequence

import yaml

from src.errors import UserError
from src.paths import expand_home


def as_text(typed: str) -> str | None:
    """What was typed for a key of type text, as it is; None for `null` and for nothing."""
    return None if typed.strip() in ("", "null") else typed


def as_yaml(name: str, typed: str):
    """What was typed for a key of any other type. UserError: no YAML."""
    try:
        return yaml.safe_load(typed)
    except (yaml.YAMLError, ValueError) as error:  # ValueError: 2026-13-01 is no date
        raise UserError(f"{name}={typed}: the value is not valid YAML: {error}") from error


def checked(
    name: str, value, item: dataclasses.Field, choices: tuple[str, ...] | None, source: str
):
    """The value that key `name` gets.

    Args:
        value: what YAML made of it, or for a key of type text the text.
        item: the key's field, declared with `src.keys.key`.
        choices: what it is chosen from, or None.
        source: where it was given, for errors.

    Raises:
        UserError: of another type, not among the choices, outside the range, no such home folder.
    """
    kind, optional = type_of(item)
    if value is None:
        if optional:
            return None
        raise UserError(f"`{name}` ({source}) must not be empty")
    value = _converted(name, value, kind, source)
    rule = item.metadata
    if rule["is_path"]:
        return expand_home(value)
    if choices is not None:
        check_choice(name, value, choices, source)
    below = rule["low"] is not None and value < rule["low"]
    above = rule["high"] is not None and value > rule["high"]
    if below or above:
        high = "" if rule["high"] is None else f" and at most {rule['high']}"
        raise UserError(f"{name}={value} ({source}): must be at least {rule['low']}{high}")
    return value


def check_choice(name: str, value, choices: Sequence[str], source: str) -> None:
    """UserError where a value is not among the choices of its key."""
    if value not in choices:
        near = difflib.get_close_matches(str(value), choices, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise UserError(f"{name}={value} ({source}): allowed are {', '.join(choices)}{hint}")


def type_of(item: dataclasses.Field) -> tuple[type, bool]:
    """The type of a key's values, and whether None is one too."""
    arguments = [a for a in typing.get_args(item.type) if a is not type(None)]
    return (arguments[0], True) if arguments else (item.type, False)


def _converted(name: str, value, kind: type, source: str):
    wrong = UserError(f"{name}={value!r} ({source}): expected {kind.__name__}")
    if kind is bool and not isinstance(value, bool):
        raise wrong
    if kind in (int, float):
        if isinstance(value, bool):
            raise wrong
        try:
            number = float(value)
        except (TypeError, ValueError, OverflowError):
            raise wrong from None
        if not math.isfinite(number) or (kind is int and number != int(number)):
            raise wrong
        return kind(number)
    if not isinstance(value, kind):
        raise wrong
    return value
