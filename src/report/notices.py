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
"""Boxes with a message: what must be seen, and what a run lacks."""

from __future__ import annotations

from src.report.load import Run
from src.report.markup import Markup, join, tag


def warning(title: str, text: str) -> Markup:
    """A box that must be seen."""
    return tag("p", tag("b", title), " ", text, cls="warning")


def gap_note(run: Run, section: str) -> Markup:
    """What is missing for a section and how to get it."""
    gap = run.gaps.get(section)
    if gap is None:
        return Markup("")
    return tag("p", tag("b", gap.what), " ", with_code(gap.how), cls="gap")


def with_code(text: str) -> Markup:
    """Text in which `...` is set as code."""
    pieces = enumerate(text.split("`"))
    return join((tag("code", piece) if number % 2 else piece for number, piece in pieces), "")
