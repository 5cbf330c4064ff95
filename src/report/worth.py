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
"""What the choice of widths is worth, in words: the shuffle test and whether cost follows hardness.

Both come from the evaluation (`src/train/shuffle.py`). One that is older has neither, which is said.
"""

from __future__ import annotations

from src.report.formats import known, percent, plain, signed
from src.report.load import Run
from src.report.markup import Markup, tag
from src.report.notices import warning, with_code

FOLLOWS = 0.1  # a weaker rank correlation is called none (our choice)


def worth(run: Run) -> Markup:
    """A few sentences; empty where the images do not differ in their widths."""
    evaluation = run.evaluation
    if evaluation is None or not run.dynamic_layers:
        return Markup("")
    totals = evaluation.totals
    if not known(totals.get("shuffled_top1")):
        if "shuffled_top1" in totals or totals.get("collapsed") or not _differ(totals):
            return Markup("")
        text = (
            "Whether the choice is worth anything is not known: this evaluation has no shuffle test "
            f"(every image at another image's widths). To get it: `{run.command('eval.py')}`"
        )
        return tag("p", with_code(text), cls="note")
    said = " ".join(filter(None, (shuffle_sentence(totals), hardness_sentence(totals))))
    if pays(totals):
        return tag("p", tag("b", "The choice of widths pays. "), said)
    return warning("The choice of widths is worth nothing beyond chance.", said)


def _differ(totals: dict) -> bool:
    return totals.get("bitops_p5") != totals.get("bitops_p95")


def pays(totals: dict) -> bool:
    """What the evaluation says; else whether accuracy fell at all."""
    found = totals.get("choice_pays")
    return found if isinstance(found, bool) else totals["top1"] > totals["shuffled_top1"]


def shuffle_sentence(totals: dict) -> str:
    """The shuffle test."""
    own, shuffled, p = (totals.get(name) for name in ("top1", "shuffled_top1", "shuffled_p"))
    fall = 100 * (own - shuffled)
    text = (
        "With every image at another image's widths, drawn at random, so that each plan is used as often "
        f"as before, {percent(shuffled)} are right in place of {percent(own)}: "
        f"{'a fall' if fall >= 0 else 'a rise'} of {plain(abs(fall))} points"
    )
    return f"{text} (p = {p:.2g}, how likely chance gives such a fall)." if known(p) else f"{text}."


def hardness_sentence(totals: dict) -> str:
    """Whether what an image costs follows how hard it is."""
    value = totals.get("hardness_correlation")
    if not known(value):
        return ""
    says = "hard images cost more" if value > 0 else "hard images cost less"
    if abs(value) < FOLLOWS:
        says = "what an image costs does not follow how hard it is"
    return (
        "Rank correlation (Spearman) of an image's BitOPs with its hardness, which is its loss at the "
        f"lowest width: {signed(value)}; {says}."
    )
