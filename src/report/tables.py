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
"""The tables of the page: accuracy, cost, layers, provenance. A function per table."""

from __future__ import annotations

from collections.abc import Sequence

from src.cost.bitops import STATIC_WIDTHS
from src.report.formats import DASH, big, known, percent, plain, ratio, signed, widths
from src.report.latency import latency_rows
from src.report.load import CONTINUATIONS, Layer, Run
from src.report.markup import Markup, join, tag
from src.report.stats import layer_widths
from src.report.totals import baselines, net_bitops, static_bitops


def table(
    heads: Sequence[str],
    rows: Sequence[Sequence[object]],
    numeric: Sequence[int],
    caption: str,
    strong: Sequence[int] = (),
) -> Markup:
    """A table in a box of its own that scrolls sideways on a narrow screen.

    `numeric` columns are set to the right, `strong` rows stand out, `caption` is for screen
    readers.
    """

    def cells(name: str, row: Sequence[object]) -> Markup:
        return join(
            (
                tag(
                    name,
                    value,
                    cls="num" if column in numeric else None,
                    scope="col" if name == "th" else None,
                )
                for column, value in enumerate(row)
            ),
            "",
        )

    body = [
        tag("tr", cells("td", row), cls="strong" if number in strong else None)
        for number, row in enumerate(rows)
    ]
    inner = tag("table", tag("thead", tag("tr", cells("th", heads))), tag("tbody", join(body)))
    return tag("div", inner, cls="scroll", tabindex=0, role="region", aria_label=caption)


def accuracy_table(run: Run) -> Markup:
    """Top-1, top-5 and loss of this net and of every baseline the evaluation knows."""
    totals = run.evaluation.totals
    rows = [
        [
            "this net",
            percent(totals.get("top1")),
            percent(totals.get("top5")),
            plain(totals.get("loss"), 4),
            "",
        ]
    ]
    for name, baseline in baselines(totals).items():
        gap = _difference(totals.get("top1"), baseline.get("top1"))
        rows.append(
            [
                f"{name} net",
                percent(baseline.get("top1")),
                percent(baseline.get("top5")),
                plain(baseline.get("loss"), 4),
                gap,
            ]
        )
    if len(rows) == 1:
        return table(
            ["", "top-1", "top-5", "loss"], [rows[0][:4]], (1, 2, 3), "Accuracy", strong=(0,)
        )
    return table(
        ["", "top-1", "top-5", "loss", "difference, points"],
        rows,
        (1, 2, 3, 4),
        "Accuracy",
        strong=(0,),
    )


def _difference(value: float | None, reference: float | None) -> str:
    if not (known(value) and known(reference)):
        return DASH
    return signed(100 * (value - reference))


def cost_table(run: Run) -> Markup:
    """BitOPs of this net and of the static ones, then what is counted apart from them."""
    totals = run.evaluation.totals
    four, eight = static_bitops(totals, 4), static_bitops(totals, 8)
    rows = [
        _cost_row(
            "this net, mean" if run.dynamic_layers else "this net",
            net_bitops(totals),
            four,
            eight,
        )
    ]
    if run.dynamic_layers:
        rows += [
            _cost_row(label, totals.get(key), four, eight)
            for label, key in (
                ("5th percentile", "bitops_p5"),
                ("median image", "bitops_p50"),
                ("95th percentile", "bitops_p95"),
            )
        ]
    rows += [
        _cost_row(f"static {bits}-bit", static_bitops(totals, bits), four, eight)
        for bits in STATIC_WIDTHS
    ]
    return table(
        ["BitOPs per image", "", "of static 4-bit", "of static 8-bit"],
        rows,
        (1, 2, 3),
        "Cost",
        strong=(0,),
    )


def _cost_row(
    label: str, value: float | None, four: float | None, eight: float | None
) -> list[str]:
    return [label, big(value), ratio(value, four), ratio(value, eight)]


def latency_table(run: Run) -> Markup:
    """Milliseconds of this net and of single widths on the machine where they were measured."""
    rows = [list(row) for row in latency_rows(run)]
    return table(["Measured latency", ""], rows, (), "Milliseconds") if rows else Markup("")


def apart_table(run: Run) -> Markup:
    """What the BitOPs of a plan do not show: the controller, width changes and float layers."""
    totals = run.evaluation.totals
    rows = []
    if run.dynamic_layers:
        controller = totals.get("bitops_controller")
        share = f"{ratio(controller, net_bitops(totals))} the net; its float MACs at 32 × 32 bits"
        changes = totals.get("width_changes")
        rows.append(["controller", f"{big(controller)} BitOPs", share])
        rows.append(["width changes", big(changes), "weights and inputs per image, on average"])
    floats = [layer.name for layer in run.layers if layer.kind == "float"]
    if known(totals.get("bitops_float_macs")) or floats:
        more = f" and {len(floats) - 4} more" if len(floats) > 4 else ""
        named = ", ".join(floats[:4]) + more
        rows.append(["float layers", f"{big(totals.get('bitops_float_macs'))} MACs", named])
    return (
        table(["Not in these BitOPs", "", ""], rows, (1,), "Counted apart") if rows else Markup("")
    )


def layer_table(run: Run) -> Markup:
    """Every layer in network order, with the mean chosen width of the dynamic ones."""
    chosen = {} if run.evaluation is None else dict(enumerate(layer_widths(run.evaluation)))
    slots = {layer.name: slot for slot, layer in enumerate(run.dynamic_layers)}
    rows = []
    for layer in run.layers:
        found = chosen.get(slots.get(layer.name, -1))
        mean = (
            ""
            if found is None
            else plain(found.w_mean)
            if found.tied
            else (f"w {plain(found.w_mean)}, a {plain(found.a_mean)}")
        )
        kind = tag("span", layer.kind, cls=f"kind {layer.kind}" if layer.kind in KINDS else "kind")
        rows.append(
            [
                tag("code", layer.name),
                kind,
                _layer_widths(layer),
                mean,
                big(layer.macs),
                big(layer.weights),
                layer.why,
            ]
        )
    heads = ["layer", "kind", "widths", "mean chosen", "MACs", "weights", "why"]
    if not run.dynamic_layers:
        heads, rows = heads[:3] + heads[4:], [row[:3] + row[4:] for row in rows]
    right = len(heads) - 3
    return table(heads, rows, tuple(range(2, right + 2)), "Layers")


KINDS = ("float", "static", "dynamic")


def _layer_widths(layer: Layer) -> str:
    w, a = widths(layer.w_bits), widths(layer.a_bits)
    return w if w == a else f"w {w} · a {a}"


def pairs_table(pairs: Sequence[tuple[str, object]], caption: str) -> Markup:
    """Two columns, name and value; entries without a value are left out."""
    rows = [
        tag("tr", tag("th", name, scope="row"), tag("td", value))
        for name, value in pairs
        if value not in (None, "")
    ]
    return tag(
        "div",
        tag("table", tag("tbody", join(rows)), cls="pairs"),
        cls="scroll",
        tabindex=0,
        role="region",
        aria_label=caption,
    )


def made_pairs(run: Run) -> list[tuple[str, object]]:
    """How the run was made: whatever versions.json holds, the seed, the time."""
    pairs: list[tuple[str, object]] = [("run folder", tag("code", str(run.path)))]
    pairs += [
        (str(key).replace("_", " "), _made_value(key, value))
        for key, value in run.versions.items()
        if key != CONTINUATIONS
    ]
    pairs += [
        ("resumed", tag("code", f"{one.get('command', '')} (commit {one.get('commit')}, {one.get('machine')})"))
        for one in run.continuations
    ]
    seed = run.setting("train.seed")
    if seed is not None and "seed" not in run.versions:
        pairs.append(("seed", str(seed)))
    return pairs


def _made_value(key: str, value: object) -> object:
    shown = (
        ", ".join(f"{name} {item}" for name, item in value.items())
        if isinstance(value, dict)
        else str(value)
    )
    return tag("code", shown) if key in ("command", "commit", "git_commit") else shown
