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
"""A folder of records as rows: what `index.json` lists, and the table that its README shows.

A row is a plain dictionary, in this order of keys:

    record            name of its folder
    method            float, static, dqnet, ...
    top1              accuracy on the test set, 0..1
    bitops            mean over the test images; 0 for a net without quantised layers
    mean_bits         mean width, as eval.py counts it; 32 for a float net
    seed, commit      of the run
    artefact          its integer program, as a path in the folder of records; None where there is none
    model, data       names, as in the configuration
    float_top1        of the network that the run started from; None for a float run
    epochs            of the method
    bitops_controller mean over the test images; this and the next three are None without a controller
    plans             different choices of widths among the test images
    most_frequent     share of the images with the commonest plan, 0..1
    bitops_and_loss   Spearman's rank correlation over the images, -1..1; None for a single cost
    machine           what the run was made on
    command           gives the record's configuration with the recipes as they are now
"""

import json
import re
import shlex
from pathlib import Path

from src.errors import UserError
from src.recipes import DEFAULT_FILE
from src.report.load import Run, load_run
from src.report.stats import plan_use, rank_correlation
from src.report.totals import float_top1

PATH_KEYS = (("run", "dir"), ("data", "path"), ("model", "weights"), ("train", "teacher_weights"))
ARTEFACT = "model.safetensors"
# What `git describe --dirty` says of a committed tree; where there is no git, versions.json has words.
COMMITTED = re.compile(r"\S+(?<!-dirty)")
BEGIN, END = "<!-- written by `python -m src.report.collect` -->", "<!-- end of what it wrote -->"
TITLE = "# Records\n"
ABOUT = """Each row is one run; its folder holds the configuration, the metrics of every epoch and the answers
on the test set, so that `python report.py --run results/NAME` draws its page. BitOPs are a mean over
the test images, MACs x weight bits x activation bits of the quantised layers; float layers and the
controller are listed apart on the page. `float net` is the network that a run started from, on the
same images. `plans` are the different choices of widths that the controller made for the test
images, `most frequent` the share of the images that got the commonest one, `BitOPs and loss` the
rank correlation (Spearman) of the two over the images. Every commit is of a committed tree."""
COLUMNS = (
    "record", "top-1 %", "float net %", "epochs", "mean bits", "M BitOPs", "M BitOPs of the controller", "plans",
    "most frequent %", "BitOPs and loss", "seed", "commit", "machine",
)  # fmt: skip
COMMANDS = """Commands that make the configuration of each row from the recipes as they are now, in the order of
the rows. What was typed then, at the commit of the row, is in its `versions.json`."""


def rows(out: Path) -> list[dict]:
    """A row per record in the folder, by name.

    Raises:
        UserError: a record is of an uncommitted tree, or its answers are damaged.
    """
    return [_row(load_run(path.parent)) for path in sorted(out.glob("*/versions.json"))]


def check_committed(run: Run) -> None:
    """Raises UserError where the run's commit is missing, or was not all of its code."""
    commit = str(run.versions.get("commit") or "")
    if not COMMITTED.fullmatch(commit):
        raise UserError(
            f"{run.path}: commit {commit!r} in versions.json is of no committed tree, and nobody could "
            "run it again; a record needs a run that was started from a clean git checkout"
        )


def _row(record: Run) -> dict:
    from src.config import load_config  # needs MindSpore, which a page does not

    check_committed(record)
    evaluation = record.evaluation
    if evaluation is None:
        raise UserError(f"{record.path}: {record.gaps['evaluation'].what}")
    totals, config = evaluation.totals, load_config(record.path / "config.yaml")
    artefact = record.path / ARTEFACT
    return {
        "record": record.name,
        "method": config.method.name,
        **{key: totals[key] for key in ("top1", "bitops", "mean_bits")},
        **{key: record.versions[key] for key in ("seed", "commit")},
        "artefact": f"{record.name}/{ARTEFACT}" if artefact.is_file() else None,
        "model": config.model.name,
        "data": config.data.name,
        "float_top1": float_top1(totals),
        "epochs": config.train.epochs,
        **_choice(record),
        "machine": record.versions["machine"],
        "command": command(record),
    }


def _choice(record: Run) -> dict:
    """What a controller costs and does; None of all for a net without one."""
    evaluation = record.evaluation
    names = ("bitops_controller", "plans", "most_frequent", "bitops_and_loss")
    if not evaluation.n_dynamic:
        return dict.fromkeys(names)
    arrays = evaluation.arrays
    related = rank_correlation(arrays["bitops"], arrays["loss"])
    found = (evaluation.totals["bitops_controller"], *plan_use(evaluation), related)
    return dict(zip(names, found, strict=True))


def command(record: Run) -> str:
    """The command that gives the record's configuration today.

    Recipes and defaults change after a run, so the command that was typed may mean something else
    by now: this one names every key in which the record differs from its recipe as it is. A key
    that is younger than the record has its default, which must stand for what was done before it.
    """
    from src.config import load_config  # needs MindSpore, which a page does not

    recipe, wanted = _recipe(record), load_config(record.path / "config.yaml").as_dict()
    # Paths are never a recipe's, and a recipe may be incomplete without them.
    paths = [f"{s}.{key}={wanted[s][key]}" for s, key in PATH_KEYS if wanted[s][key]]
    today = load_config(recipe, paths).as_dict()
    others = [
        f"{section}.{key}={value if isinstance(value, str) else json.dumps(value)}"
        for section, values in wanted.items()
        for key, value in values.items()
        if value != today[section][key]
    ]
    return shlex.join(["python", "train.py", "--config", _shown(recipe), *paths, *others])


def _recipe(record: Run) -> Path:
    """The shipped recipe that the run was started with, or the one that has the same name but for
    the width (other widths are overrides); the record's own configuration else."""
    typed = re.search(r"--config[= ](\S+)", str(record.versions.get("command", "")))
    name = Path(typed[1]).name.removesuffix(".yaml") if typed else ""
    shipped = {path.stem: path for path in sorted(DEFAULT_FILE.parent.glob("*.yaml"))}
    alike = [path for stem, path in shipped.items() if name and _but_width(stem) == _but_width(name)]
    return shipped.get(name) or next(iter(alike), record.path / "config.yaml")


def _but_width(stem: str) -> str:
    return re.sub(r"_[^_]*bit$", "", stem)


def _shown(recipe: Path) -> str:
    """As seen from the project's root, where that holds it."""
    root = DEFAULT_FILE.parent.parent
    return str(recipe.relative_to(root) if recipe.is_relative_to(root) else recipe)


def as_json(made: list[dict]) -> str:
    """What index.json holds: a list, a line per record."""
    lines = ",\n".join(json.dumps(row) for row in made)
    return f"[\n{lines}\n]\n"


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
    lines = [COLUMNS, ["---"] * len(COLUMNS), *(_cells(row) for row in made)]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    commands = "\n".join(f"    {row['command']}" for row in made)
    return before + "\n\n".join((BEGIN, ABOUT, table, COMMANDS, commands, END)) + after


def _cells(row: dict) -> list[str]:
    return [
        row["record"],
        f"{100 * row['top1']:.2f}",
        _or_dash(row["float_top1"], "{:.2f}", 100),
        str(row["epochs"]),
        f"{row['mean_bits']:.2f}",
        f"{row['bitops'] / 1e6:.1f}",
        _or_dash(row["bitops_controller"], "{:.1f}", 1e-6),
        _or_dash(row["plans"], "{}"),
        _or_dash(row["most_frequent"], "{:.1f}", 100),
        _or_dash(row["bitops_and_loss"], "{:+.2f}"),
        str(row["seed"]),
        str(row["commit"]),
        str(row["machine"]),
    ]


def _or_dash(value: float | None, form: str, factor: float = 1) -> str:
    return "-" if value is None else form.format(value * factor)
