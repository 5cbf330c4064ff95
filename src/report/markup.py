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
"""HTML and SVG elements as strings, escaped by default.

Plain strings are text and get escaped; only what `tag` and `join` return (`Markup`) is taken as it
is. So a class name, a path or a config value can never become markup, whoever wrote it.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from src.printable import printable

VOID = {"img", "br", "input", "meta", "wbr"}


class Markup(str):
    """Text that is markup already and must not be escaped again."""


def text(value: object) -> Markup:
    """`value` as markup: `Markup` unchanged, anything else escaped, None empty."""
    if isinstance(value, Markup):
        return value
    return Markup("" if value is None else _escaped(value))


def join(parts: Iterable[object], separator: str = "\n") -> Markup:
    """All non-empty parts, one after the other."""
    return Markup(separator.join(piece for piece in map(text, parts) if piece))


def tag(name: str, /, *children: object, **attributes: object) -> Markup:
    """One element. `cls` is `class`, `_` in a name is `-`; None and False leave one out."""
    pieces = [name]
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        key = "class" if key == "cls" else key.rstrip("_").replace("_", "-")
        pieces.append(key if value is True else f'{key}="{_escaped(value)}"')
    opening = " ".join(pieces)
    if name in VOID:
        return Markup(f"<{opening}>")
    return Markup(f"<{opening}>{join(children, '')}</{name}>")


def _escaped(value: object) -> str:
    """Lines are kept: they mean nothing in HTML but in `pre`."""
    return "\n".join(escape(printable(line), quote=True) for line in str(value).split("\n"))
