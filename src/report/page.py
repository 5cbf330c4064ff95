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
"""The page of a run: header, key figures, a section per question. Self-contained; where the net has a
knob, a script moves it (`slider.js`), and nothing else has one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from src.files import whole_file
from src.report import sections
from src.report.escalation import escalation
from src.report.formats import DASH, big, change, count, known, percent, plain
from src.report.levels import levels
from src.report.load import Run, load_run
from src.report.markup import Markup, join, tag
from src.report.notices import gap_note, warning
from src.report.pictures import open_pictures
from src.report.systems import rules
from src.report.totals import bitops_spread, float_top1, net_bitops, static_bitops

STYLE = Path(__file__).with_name("style.css")


def write_report(path: Path) -> Path:
    """Write report/index.html into the run folder `path` and return its path. Raises UserError."""
    run = load_run(path)
    return write_page(path / "report" / "index.html", run_page(run))


def write_page(target: Path, page: str) -> Path:
    """Write a page so that a reader never sees half of one. Raises UserError."""
    with whole_file(target) as file:
        file.write_text(page, encoding="utf-8")
    return target


def run_page(run: Run) -> str:
    """The whole page of a run as text."""
    pictures = open_pictures(run)
    built = [
        ("training", "Training", sections.training(run)),
        ("accuracy", "Accuracy and cost", sections.accuracy_and_cost(run)),
        ("escalation", "Bits against accuracy", escalation(run)),
        ("widths", "Chosen widths", sections.chosen_widths(run)),
        ("classes", "Classes", sections.classes(run, pictures)),
        ("images", "Images", sections.images(run, pictures)),
        ("layers", "Layers", sections.layers(run)),
        ("levels", "Learned levels", levels(run)),
        ("made", "How it was made", sections.made(run)),
    ]
    shown = [(anchor, title, body) for anchor, title, body in built if body]
    links = [tag("a", title, href=f"#{anchor}") for anchor, title, _ in shown]
    body = [
        tag("section", tag("h2", title), content, id=anchor) for anchor, title, content in shown
    ]
    return document(run.name, header(run), tag("nav", *links, aria_label="Sections"), *body)


def document(title: str, *body: object) -> str:
    """A complete HTML document with the style inlined."""
    style = Markup(STYLE.read_text(encoding="utf-8") + rules())
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        tag("style", style),
    )
    return (
        "<!DOCTYPE html>\n"
        + tag("html", head, tag("body", tag("main", join(body))), lang="en")
        + "\n"
    )


def header(run: Run) -> Markup:
    """Name, what was trained on what, the result in a sentence, and the key figures."""
    facts = [
        ("model", run.setting("model.name")),
        ("data", run.setting("data.name")),
        ("method", run.setting("method.name")),
        ("input", _input_size(run)),
    ]
    listed = [tag("span", tag("b", name), f" {value}") for name, value in facts if value]
    parts = [
        tag("p", "Dynamic quantization · run report", cls="overline"),
        tag("h1", breakable(run.name)),
        tag("p", join(listed), cls="facts"),
    ]
    if run.evaluation is None:
        return tag("header", *parts, gap_note(run, "evaluation"))
    totals = run.evaluation.totals
    collapsed = (
        warning(
            "The controller has collapsed.",
            "(Nearly) every image of the test set got the same widths: this net is in effect a "
            "static one. Its accuracy and cost are real, its choice is not.",
        )
        if totals.get("collapsed")
        else ""
    )
    return tag(
        "header",
        *parts,
        tag("p", sentence(run), cls="lead"),
        collapsed,
        one_class_note(totals.get("one_class")),
        tag("div", join(cards(run)), cls="cards"),
    )


def one_class_note(found: object) -> Markup:
    """A box, where most images get one answer: `one_class` of the evaluation (data/by_class.py)."""
    if not isinstance(found, dict):
        return Markup("")
    return warning(
        "Nearly one answer for everything.",
        f"{percent(found.get('share'), 1)} of all images, and {percent(found.get('of_others'), 1)} of those of "
        f"other classes, are taken for {found.get('class')}: the network hardly tells the classes apart.",
    )


def breakable(name: str) -> Markup:
    """A name that may be broken after `_` and `-` when it is wider than the screen."""
    return join((join((part, tag("wbr")), "") for part in re.split(r"(?<=[_-])", name)), "")


def _input_size(run: Run) -> str:
    size = run.image_size or run.setting("data.image_size")
    return f"{size} × {size}" if known(size) else ""


def sentence(run: Run) -> str:
    """The result in words."""
    totals = run.evaluation.totals
    text = f"{percent(totals.get('top1'))} of {count(totals.get('images'))} test images right"
    if run.dynamic_layers and known(totals.get("mean_bits")):
        text += f", at {plain(totals['mean_bits'])} bits on average"
    changes = [
        (change(net_bitops(totals), static_bitops(totals, bits)), name)
        for bits, name in ((4, "the static 4-bit net"), (8, "with 8 bits"))
    ]
    parts = [f"{how} BitOPs than {name}" for how, name in changes if how not in ("", "the same")]
    controller = totals.get("bitops_controller")
    apart = f" (its controller apart: {big(controller)})" if parts and controller else ""
    return text + (": " + ", ".join(parts) if parts else "") + apart + "."


def cards(run: Run) -> Sequence[Markup]:
    """The key figures; a figure the evaluation does not have is left out."""
    totals = run.evaluation.totals
    top1, reference = totals.get("top1"), float_top1(totals)
    against = f"float net {percent(reference)}" if known(reference) else ""
    found = [_card("Top-1", percent(top1), against, "first")]
    if known(totals.get("mean_bits")) and any(layer.kind != "float" for layer in run.layers):
        choices = (
            f"chosen for {len(run.dynamic_layers)} layers"
            if run.dynamic_layers
            else "the same for every image"
        )
        found.append(_card("Mean width", f"{plain(totals['mean_bits'])} bits", choices))
    bitops, spread = net_bitops(totals), bitops_spread(totals)
    if bitops is not None:
        note = "90 % between {} and {}".format(*map(big, spread)) if spread else ""
        found.append(_card("BitOPs per image", big(bitops), note))
    for bits in (4, 8):
        static = static_bitops(totals, bits)
        if static and bitops is not None:
            found.append(
                _card(
                    f"Against static {bits}-bit",
                    f"{bitops / static:.2f} ×",
                    f"static: {big(static)}",
                )
            )
    if len(found) == 1 and known(totals.get("bitops_float_macs")):
        found.append(_card("MACs per image", big(totals["bitops_float_macs"]), "in float"))
    found.append(_card("Images", count(totals.get("images")), "test set"))
    return found


def _card(name: str, value: str, note: str, cls: str = "") -> Markup:
    return tag(
        "div",
        tag("span", name),
        tag("strong", value or DASH),
        tag("small", note),
        cls=f"card {cls}".strip(),
    )
