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
"""The sections of the page: their content, a note on what is missing, or nothing to show."""

from __future__ import annotations

import numpy as np
import yaml

from src.cost.correlation import rank_correlation
from src.report import bars, figures, rungs, stats, tables
from src.report.confusion import confusion
from src.report.formats import count, duration, percent, signed
from src.report.load import Evaluation, Run
from src.report.markup import Markup, join, tag
from src.report.notices import gap_note
from src.report.pictures import PER_STRIP, Pictures, strips
from src.report.totals import net_bitops
from src.report.worth import worth


def training(run: Run) -> Markup:
    """The curves of metrics.csv."""
    if run.metrics is None:
        return gap_note(run, "metrics")
    metrics = run.metrics
    seconds, waiting = (np.nansum(metrics.column(name)) for name in ("seconds", "data_seconds"))
    stages = [name for _, name in metrics.starts if name]
    text = f"{count(len(metrics))} epoch{'s' if len(metrics) > 1 else ''}"
    text += f" ({', then '.join(stages)})" if len(stages) > 1 else ""
    if seconds > 0:
        text += f" in {duration(seconds)}"
        text += f", {duration(waiting)} of data loading" if waiting > 0 else ""
    return join(
        (tag("p", f"{text}.", cls="note"), figures.chart_grid(figures.training_curves(metrics)))
    )


def accuracy_and_cost(run: Run) -> Markup:
    """Accuracy, BitOPs beside static nets, and what is counted apart."""
    if run.evaluation is None:
        return Markup("")  # the header says what is missing
    totals = run.evaluation.totals
    left = [tag("h3", "Accuracy"), tables.accuracy_table(run)]
    apart = tables.apart_table(run)
    if net_bitops(totals) is None:
        return tag(
            "div",
            tag("div", *left),
            tag("div", tag("h3", "Cost"), apart) if apart else "",
            cls="columns",
        )
    convention = (
        "BitOPs are multiplications times weight bits times activation bits, summed over the "
        "quantised layers. The static nets are this net with one width in all layers between "
        "the first and the last."
    )
    chart = figures.cost_bars(totals)
    left += [chart or ""]
    costs = [tables.cost_table(run), tables.latency_table(run), apart]
    right = [tag("h3", "Cost"), *costs, tag("p", convention, cls="note")]
    return tag("div", tag("div", *left), tag("div", *right), cls="columns")


def chosen_widths(run: Run) -> Markup:
    """How often each layer got each width, and how the images differ."""
    if not run.dynamic_layers or run.evaluation is None:
        return Markup("")
    if run.evaluation.arrays is None:
        return gap_note(run, "arrays")
    budget = run.metrics.column("budget_bits") if run.metrics else np.array([])
    budget = budget[np.isfinite(budget)]
    charts = figures.distributions(run.evaluation, float(budget[-1]) if len(budget) else None)
    intro = (
        "Each bar is one layer, split by the share of the test images that got each width there; "
        "the number is the mean."
    )
    images = tag(
        "p", "Every image has the same mean width, so there is no distribution to show.", cls="note"
    )
    histogram = bars.width_histogram(run.dynamic_layers, stats.layer_widths(run.evaluation))
    return join(
        (
            tag("h3", "Per layer"),
            tag("p", intro, cls="note"),
            histogram,
            tag("h3", "Per image"),
            worth(run),
            tag("p", _variety(run.evaluation), cls="note"),
            figures.chart_grid(charts) or images,
        )
    )


def _variety(evaluation: Evaluation) -> str:
    """How many plans there are, and whether images that cost more are the harder ones."""
    plans, share = stats.plan_use(evaluation)
    if plans == 1:
        return "All images have one plan (the widths of all layers)."
    text = f"{count(plans)} different plans (the widths of all layers); the most frequent one is that of "
    text += f"{percent(share, 1)} of the images. "
    bitops, loss = evaluation.arrays["bitops"], evaluation.arrays["loss"]
    found = [
        (name, rank_correlation(bitops, values))
        for name, values in (("its loss", loss), ("being wrong", ~stats.is_correct(evaluation)))
    ]
    listed = [f"with {name} {signed(value)}" for name, value in found if value is not None]
    if listed:
        chance = 1.96 / np.sqrt(len(loss) - 1)
        text += f"Rank correlation (Spearman) of an image's BitOPs {', '.join(listed)}; of unrelated numbers "
        text += f"it lies within ±{chance:.2f} in 95 of 100 cases."
    return text


def classes(run: Run, pictures: Pictures) -> Markup:
    """Accuracy per class, and mean width per class for a dynamic net; which classes are confused."""
    if run.evaluation is None:
        return Markup("")
    if run.evaluation.arrays is None:
        return Markup("") if run.dynamic_layers else gap_note(run, "arrays")
    names = pictures.names or run.evaluation.class_names
    return join((_each_class(run, names), confusion(run.evaluation, names)))


def _each_class(run: Run, names: list[str] | None) -> Markup:
    rows = stats.class_rows(run.evaluation, names)
    listed = bars.class_bars(rows)
    if len(rows) <= bars.ALL_CLASSES:
        return listed
    note = tag(
        "p", f"{count(len(rows))} classes; the {bars.LISTED} at either end are listed.", cls="note"
    )
    return join(
        (
            note,
            figures.chart_grid([figures.class_scatter(rows)]) if rows[0].width is not None else "",
            listed,
        )
    )


def images(run: Run, pictures: Pictures) -> Markup:
    """Easy and hard pictures, or those with the fewest and the most bits, and the worst mistakes."""
    if run.evaluation is None or run.evaluation.arrays is None:
        return Markup("")
    if pictures.source is None:
        return gap_note(run, "images")
    evaluation = run.evaluation
    wanted = _by_rung(evaluation) if evaluation.climbs else _by_width(evaluation)
    wanted.append(
        (
            "Worst mistakes",
            "Wrong answers, the most confident first.",
            stats.worst_mistakes(evaluation, PER_STRIP),
        )
    )
    legend = (
        "Below each picture: its class, an arrow to the answer if that was wrong, and "
        "how sure the net was."
    )
    if evaluation.climbs:
        legend += " Easy and hard are what they are to this net: by the margin of its own answers."
    try:
        return join((tag("p", legend, cls="note"), strips(evaluation, pictures, wanted)))
    except (OSError, ValueError, IndexError) as error:
        return tag("p", tag("b", f"The test images cannot be shown: {error}"), cls="gap")


def _by_rung(evaluation: Evaluation) -> list[tuple[str, str, np.ndarray]]:
    """Strips of an escalating net: (title, note, positions)."""
    low, *_, high = rungs.rungs(evaluation)
    return [
        (
            f"Easy: answered at {low.name}",
            f"Of {count(low.images)} images whose first answer was sure enough, the surest.",
            rungs.easiest(evaluation, PER_STRIP),
        ),
        (
            f"Hard: climbed to {high.name}",
            f"Of {count(high.images)} images that were answered again up to there, the least sure.",
            rungs.hardest(evaluation, PER_STRIP),
        ),
    ]


def _by_width(evaluation: Evaluation) -> list[tuple[str, str, np.ndarray]]:
    """Strips of a net whose images differ in their mean width; none where they do not."""
    widths = stats.image_widths(evaluation)
    if widths is None or np.ptp(widths) == 0:
        return []
    fewest, most = (order(evaluation, PER_STRIP) for order in (stats.fewest_bits, stats.most_bits))
    return [
        ("Fewest bits", f"The {len(fewest)} images of smallest mean width.", fewest),
        ("Most bits", f"The {len(most)} images of largest mean width.", most),
    ]


def layers(run: Run) -> Markup:
    """The layer table."""
    if not run.layers:
        return gap_note(run, "layers")
    counts = [
        f"{n} {kind}"
        for kind in tables.KINDS
        if (n := sum(layer.kind == kind for layer in run.layers))
    ]
    return join(
        (
            tag(
                "p", f"{len(run.layers)} layers in network order: {', '.join(counts)}.", cls="note"
            ),
            tables.layer_table(run),
        )
    )


def made(run: Run) -> Markup:
    """Provenance: command, versions, commit, seed, machine, and the resolved config."""
    config = yaml.safe_dump(run.config, sort_keys=False, allow_unicode=True)
    missing = (
        ""
        if run.versions
        else tag(
            "p",
            "This run has no versions.json: the versions, the commit and the "
            "machine it was made with are not known.",
            cls="gap",
        )
    )
    return join(
        (
            missing,
            tables.pairs_table(tables.made_pairs(run), "How it was made"),
            tag(
                "details",
                tag("summary", "Resolved configuration"),
                tag(
                    "div",
                    tag("pre", config),
                    cls="scroll",
                    tabindex=0,
                    role="region",
                    aria_label="Resolved configuration",
                ),
            ),
        )
    )
