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
"""The page of a folder of records, README.md: its tables and commands, from the rows of `records.py`."""

from collections.abc import Iterable, Sequence

from src.errors import UserError
from src.report.seeds import by_seed, mean_and_deviation, stem

BEGIN, END = "<!-- written by `python -m src.report.collect` -->", "<!-- end of what it wrote -->"
TITLE = "# Records\n"
ABOUT = """Each row is one run; its folder holds the configuration, the metrics of every epoch and the answers
on the test set, so that `python report.py --run results/NAME` draws its page, and of several `--run` one
that compares them. Rows with an artefact have a model card, their README.md. BitOPs are a mean over
the test images, MACs x weight bits x activation bits of the quantised layers; float layers and the
controller are listed apart on the page. `float net` is the network that a run started from, on the
same images; `teacher` the one that it was distilled from. `plans` are the different choices of widths
that were made for the test images, `most frequent` the share of the images that got the commonest one,
`BitOPs and loss` the rank correlation (Spearman) of the two over the images. `shuffled %` is the top-1
where each image has the plan of another one: what it is below the top-1 is what the choice is worth.
Every commit is of a committed tree."""
COLUMNS = (
    "record", "top-1 %", "shuffled %", "float net %", "teacher", "epochs", "mean bits", "M BitOPs",
    "M BitOPs of the controller", "plans", "most frequent %", "BitOPs and loss", "seed", "commit", "machine",
)  # fmt: skip
ARTEFACTS = """The folders of these rows hold the integer artefact too, `model.safetensors`. One command answers the
test set with it, and ends with top-1 and BitOPs, or, with what stands under `setting` behind it, with
those of that line below; `accuracy.svg` and `index.json` have all settings. Rows are the training
graph's answers, in floating point: a value beside a rounding threshold may fall on its other side in
integers, so that a few images of 10,000 get another class.

```bash
python infer.py --model results/NAME/model.safetensors --test cifar10:FOLDER [--bits B | --budget X]
```

Rows with an artefact: {names}."""
SETTINGS = """The same nets at other settings, on the test set: one width throughout, and some of the settings with
which an image is answered again at a higher width where the answer is unsure, or, of an agent, of its
budgets. A budget is a mean over images, and was set on held-out ones: on the test set it comes out as
M BitOPs says."""
SEEDS = """Records that differ in their seed alone (`NAME_seed2`): mean and standard deviation over the seeds, also at
one width throughout (`--bits`)."""
SEED_COLUMNS = ("record", "setting", "seeds", "top-1 %", "M BitOPs")
SETTING_COLUMNS = ("record", "widths", "setting", "top-1 %", "M BitOPs")
LISTED = 6  # settings of a ladder, spread over its range
COMMANDS = """Commands that make the configuration of each row from the recipes as they are now, in the order of
the rows. What was typed then, at the commit of the row, is in its `versions.json`; of a run that was resumed,
each resume too, under `continuations`, where the run is of a commit that notes them: older ones show the start
alone."""


def page(text: str | None, made: list[dict]) -> str:
    """README.md of a folder of records: `text`, with the rows between its two marks.

    Args:
        text: the file as it is; None for a new one, which gets a title and nothing else.

    Raises:
        UserError: the text does not have the marks.
    """
    text = f"{TITLE}\n{BEGIN}\n{END}\n" if text is None else text
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise UserError(
            f"README.md has no line `{BEGIN}` with `{END}` after it, and the table of records no place; "
            "add the two, or move the file away"
        )
    commands = "\n".join(("```bash", *(row["command"] for row in made), "```"))
    parts = [BEGIN, ABOUT, markdown_table(COLUMNS, map(_cells, made))]
    if seeds := [cells for group in by_seed(made) if len(group) > 1 for cells in _seed_lines(group)]:
        parts += [SEEDS, markdown_table(SEED_COLUMNS, seeds)]
    if names := ", ".join(f"`{row['record']}`" for row in made if row["artefact"]):
        parts.append(ARTEFACTS.format(names=names))
    if settings := [cells for row in made for cells in setting_lines(row)]:
        parts += [SETTINGS, markdown_table(SETTING_COLUMNS, settings)]
    return before + "\n\n".join((*parts, COMMANDS, commands, END)) + after


def markdown_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """As GitHub draws it."""
    return "\n".join(f"| {' | '.join(line)} |" for line in (heads, ["---"] * len(heads), *rows))


def _cells(row: dict) -> list[str]:
    return [
        row["record"],
        f"{100 * row['top1']:.2f}",
        _or_dash(row["shuffled_top1"], "{:.2f}", 100),
        _or_dash(row["float_top1"], "{:.2f}", 100),
        row["teacher"] or "-",
        str(row["epochs"]),
        f"{row['mean_bits']:.2f}",
        f"{row['bitops'] / 1e6:.1f}",
        _or_dash(row["bitops_controller"], "{:.1f}", 1e-6),
        _or_dash(row["plans"], "{}"),
        _or_dash(row["most_frequent"], "{:.1f}", 100),
        _or_dash(row["bitops_and_loss"], "{:+.2f}"),
        str(row["seed"]),
        ", then ".join(dict.fromkeys([row["commit"], *row.get("resumed", ())])),
        str(row["machine"]),
    ]


def _seed_lines(group: Sequence[dict]) -> Iterable[list[str]]:
    """Of records of several seeds: as they are, then at each width that all of them ran at throughout."""
    yield _seed_line(group, "-", group)
    at_width = [{_flag(point): point for point in row["uniform"]} for row in group]
    for flag in at_width[0]:
        if all(flag in points for points in at_width):
            yield _seed_line(group, flag, [points[flag] for points in at_width])


def _seed_line(group: Sequence[dict], setting: str, points: Sequence[dict]) -> list[str]:
    seeds = ", ".join(str(row["seed"]) for row in group)
    top1, bitops = ([point[name] for point in points] for name in ("top1", "bitops"))
    return [stem(group[0]), setting, seeds, mean_and_deviation(top1, 100, 2), mean_and_deviation(bitops, 1e-6, 1)]


def setting_lines(row: dict) -> list[list[str]]:
    """The lines of a record among the settings."""
    return [
        [
            row["record"],
            " → ".join(map(str, point.get("bits", ()))) or "-",
            _flag(point),
            f"{100 * point['top1']:.2f}",
            f"{point['bitops'] / 1e6:.1f}",
        ]
        for point in (*row["uniform"], *_spread(row["ladder"]), *row["budgets"])
    ]


def _flag(point: dict) -> str:
    """What `infer.py` takes to run an artefact like that."""
    if "budget" in point:
        return f"`--budget {point['budget'] / 1e6:.1f}M`"
    return f"`--bits {point['bits'][0]}`" if len(point.get("bits", ())) == 1 else "-"


def _spread(ladder: list[dict]) -> list[dict]:
    """Settings with more than one rung, at most LISTED, the first and the last among them."""
    climbing = [point for point in ladder if len(point["bits"]) > 1]
    count = min(LISTED, len(climbing))
    return [climbing[at * (len(climbing) - 1) // max(count - 1, 1)] for at in range(count)]


def _or_dash(value: float | None, form: str, factor: float = 1) -> str:
    return "-" if value is None else form.format(value * factor)
