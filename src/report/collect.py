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
last part, and writes OUT/README.md, the table of all records in OUT.
"""

import argparse
import json
import re
import shutil
import sys
from pathlib import Path

import yaml

from src.entry import guarded
from src.errors import UserError

FILES = ("config.yaml", "versions.json", "metrics.csv", "layers.json", "eval/test.json", "eval/test.npz")
PATH_KEYS = (("run", "dir"), ("data", "path"), ("model", "weights"), ("train", "teacher_weights"))
HEADER = """# Records

Each row is one run; its folder holds the configuration, the metrics of every epoch and the answers
on the test set, so that `python report.py --run results/NAME` draws its page. BitOPs are a mean over
the test images, MACs x weight bits x activation bits of the quantised layers; float layers and the
controller are listed apart on the page. `float net` is the network that a run started from, on the
same images. Written by `python -m src.report.collect`.

| record | top-1 % | float net % | epochs | mean bits | M BitOPs | seed | commit | machine |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
"""


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
        UserError: a file that a record needs is missing.
    """
    missing = [name for name in FILES if not (run / name).is_file()]
    if missing:
        raise UserError(f"{run} has no {', '.join(missing)}; train it, or run eval.py --run {run}")
    for name in FILES:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(run / name, target / name)
    config = yaml.safe_load((target / "config.yaml").read_text(encoding="utf-8"))
    for section, key in PATH_KEYS:
        if config[section][key]:
            config[section][key] = Path(config[section][key]).name
    (target / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    versions = json.loads((target / "versions.json").read_text(encoding="utf-8"))
    versions["command"] = re.sub(r"(?<==)[^ ]*/", "", versions["command"])
    (target / "versions.json").write_text(json.dumps(versions, indent=1), encoding="utf-8")


def table(out: Path) -> str:
    """The README of a folder of records; commands are listed below the table."""
    rows, commands = [], []
    for record in sorted(path.parent for path in out.glob("*/versions.json")):
        config = yaml.safe_load((record / "config.yaml").read_text(encoding="utf-8"))
        versions = json.loads((record / "versions.json").read_text(encoding="utf-8"))
        numbers = json.loads((record / "eval" / "test.json").read_text(encoding="utf-8"))
        start = numbers["baseline"].get("float", {}).get("top1")
        rows.append(
            f"| {record.name} | {100 * numbers['top1']:.2f} "
            f"| {'-' if start is None else f'{100 * start:.2f}'} | {config['train']['epochs']} "
            f"| {numbers['mean_bits']:.2f} | {numbers['bitops'] / 1e6:.1f} "
            f"| {versions['seed']} | {versions['commit']} | {versions['machine']} |"
        )
        commands.append(f"    {versions['command']}")
    parts = [HEADER + "\n".join(rows), "Commands, in the order of the rows:", "\n".join(commands)]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    sys.exit(guarded(main, sys.argv[1:]))
