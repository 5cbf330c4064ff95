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
last part, and writes OUT/index.json, a row per record, the table in OUT/README.md, and where records
can be compared, OUT/accuracy.svg. A run of an uncommitted tree makes no record: nobody could run it
again.
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
from src.files import whole_file
from src.report.load import load_run
from src.report.overview import accuracy_picture
from src.report.records import PATH_KEYS, as_json, check_committed, page, rows

FILES = ("config.yaml", "versions.json", "metrics.csv", "layers.json", "eval/test.json", "eval/test.npz")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="*", metavar="RUN")
    parser.add_argument("--out", required=True, metavar="FOLDER")
    options = parser.parse_args(arguments)
    out = Path(options.out)
    for run in options.runs:
        keep(Path(run), out / Path(run).name)
    write(out)
    return 0


def keep(run: Path, target: Path) -> None:
    """Copy the record of one run.

    Raises:
        UserError: a file that a record needs is missing, or the run is of an uncommitted tree.
    """
    missing = [name for name in FILES if not (run / name).is_file()]
    if missing:
        raise UserError(f"{run} has no {', '.join(missing)}; train it, or run eval.py --run {run}")
    check_committed(load_run(run))
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


def write(out: Path) -> None:
    """Bring index.json, accuracy.svg and the table in README.md of a folder of records up to date.

    Raises:
        UserError: a record is of an uncommitted tree or its answers are damaged, README.md has no
            place for the table, or the files cannot be written; all is then as it was.
    """
    made = rows(out)
    readme = out / "README.md"
    texts = {
        readme: page(readme.read_text(encoding="utf-8") if readme.is_file() else None, made),
        out / "index.json": as_json(made),
        out / "accuracy.svg": accuracy_picture(made),
    }
    for path, text in texts.items():
        if text:
            with whole_file(path) as file:
                file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(guarded(main, sys.argv[1:]))
