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
"""Keep the record of a run: `python -m src.report.collect RUN [RUN ...] --out results`.

Copies what a report needs (no checkpoints) to OUT/<name of the run>/, with every path cut to its
last part, and writes OUT/README.md, the table of all records in OUT. A run of an uncommitted tree
makes no record: nobody could run it again.
"""

import argparse
import json
import re
import shlex
import shutil
import sys
from pathlib import Path

import yaml

from src.config import DEFAULT_FILE, load_config
from src.entry import guarded
from src.errors import UserError
from src.report.load import Run, load_run
from src.report.stats import plan_use, rank_correlation
from src.report.totals import float_top1

FILES = ("config.yaml", "versions.json", "metrics.csv", "layers.json", "eval/test.json", "eval/test.npz")
PATH_KEYS = (("run", "dir"), ("data", "path"), ("model", "weights"), ("train", "teacher_weights"))
# What `git describe --dirty` says of a committed tree; where there is no git, versions.json has words.
COMMITTED = re.compile(r"\S+(?<!-dirty)")
HEADER = """# Records

Each row is one run; its folder holds the configuration, the metrics of every epoch and the answers
on the test set, so that `python report.py --run results/NAME` draws its page. BitOPs are a mean over
the test images, MACs x weight bits x activation bits of the quantised layers; float layers and the
controller are listed apart on the page. `float net` is the network that a run started from, on the
same images. `plans` are the different choices of widths that the controller made for the test
images, `most frequent` the share of the images that got the commonest one, `BitOPs and loss` the
rank correlation (Spearman) of the two over the images. Written by `python -m src.report.collect`."""
COLUMNS = (
    "record", "top-1 %", "float net %", "epochs", "mean bits", "M BitOPs", "M BitOPs of the controller", "plans",
    "most frequent %", "BitOPs and loss", "seed", "commit", "machine",
)  # fmt: skip
COMMANDS = """Commands that make the configuration of each row from the recipes as they are now, in the order of
the rows. What was typed then, at the commit of the row, is in its `versions.json`."""


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="*", metavar="RUN")
    parser.add_argument("--out", required=True, metavar="FOLDER")
    options = parser.parse_args(arguments)
    out = Path(options.out)
    for run in options.runs:
        keep(Path(run), out / Path(run).name)
    (out / "README.md").write_text(table(out), encoding="utf-8")
    return 0


def keep(run: Path, target: Path) -> None:
    """Copy the record of one run.

    Raises:
        UserError: a file that a record needs is missing, or the run is of an uncommitted tree.
    """
    missing = [name for name in FILES if not (run / name).is_file()]
    if missing:
        raise UserError(f"{run} has no {', '.join(missing)}; train it, or run eval.py --run {run}")
    _check_committed(load_run(run))
    for name in FILES:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(run / name, target / name)
    config = yaml.safe_load((target / "config.yaml").read_text(encoding="utf-8"))
    for section, key in PATH_KEYS:
        if config[section][key]:
            config[section][key] = Path(config[section][key]).name
    (target / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    versions = json.loads((target / "versions.json").read_text(encoding="utf-8"))
    versions["command"] = re.sub(r"(?<==)\S*/|(?<!\S)/\S*/", "", versions["command"])
    (target / "versions.json").write_text(json.dumps(versions, indent=1), encoding="utf-8")


def _check_committed(run: Run) -> None:
    commit = str(run.versions.get("commit") or "")
    if not COMMITTED.fullmatch(commit):
        raise UserError(
            f"{run.path}: commit {commit!r} in versions.json is of no committed tree, and nobody could "
            "run it again; a record needs a run that was started from a clean git checkout"
        )


def table(out: Path) -> str:
    """The README of a folder of records; commands are listed below the table.

    Raises:
        UserError: a record is of an uncommitted tree, or its answers are damaged.
    """
    records = [load_run(path.parent) for path in sorted(out.glob("*/versions.json"))]
    lines = [COLUMNS, ["---"] * len(COLUMNS), *(_row(record) for record in records)]
    rows = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    commands = "\n".join(f"    {command(record)}" for record in records)
    return "\n\n".join((HEADER, rows, COMMANDS, commands)) + "\n"


def _row(record: Run) -> list[str]:
    _check_committed(record)
    evaluation = record.evaluation
    if evaluation is None:
        raise UserError(f"{record.path}: {record.gaps['evaluation'].what}")
    numbers, start = evaluation.totals, float_top1(evaluation.totals)
    return [
        record.name,
        f"{100 * numbers['top1']:.2f}",
        "-" if start is None else f"{100 * start:.2f}",
        str(record.config["train"]["epochs"]),
        f"{numbers['mean_bits']:.2f}",
        f"{numbers['bitops'] / 1e6:.1f}",
        *_choice(record),
        *(str(record.versions[key]) for key in ("seed", "commit", "machine")),
    ]


def _choice(record: Run) -> list[str]:
    """What a controller costs and does; dashes for a net without one."""
    evaluation = record.evaluation
    if not evaluation.n_dynamic:
        return ["-"] * 4
    plans, share = plan_use(evaluation)
    related = rank_correlation(evaluation.arrays["bitops"], evaluation.arrays["loss"])
    cost = f"{evaluation.totals['bitops_controller'] / 1e6:.1f}"
    return [cost, str(plans), f"{100 * share:.1f}", "-" if related is None else f"{related:+.2f}"]


def command(record: Run) -> str:
    """The command that gives the record's configuration today.

    Recipes and defaults change after a run, so the command that was typed may mean something else
    by now: this one names every key in which the record differs from its recipe as it is. A key
    that is younger than the record has its default, which must stand for what was done before it.
    """
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
    """The shipped recipe that the run was started with; the record's own configuration else."""
    typed = re.search(r"--config[= ](\S+)", str(record.versions.get("command", "")))
    name = Path(typed[1]).name.removesuffix(".yaml") if typed else ""
    shipped = DEFAULT_FILE.parent / f"{name}.yaml"
    return shipped if shipped.is_file() else record.path / "config.yaml"


def _shown(recipe: Path) -> str:
    """As seen from the project's root, where that holds it."""
    root = DEFAULT_FILE.parent.parent
    return str(recipe.relative_to(root) if recipe.is_relative_to(root) else recipe)


if __name__ == "__main__":
    sys.exit(guarded(main, sys.argv[1:]))
