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

Copies what a report needs (no checkpoints) and the artefact in RUN/export, up to 2 MB, to
OUT/<name of the run>/, with every path cut to its last part, and writes OUT/index.json, a row per
record, the tables in OUT/README.md, a model card for each record with an artefact, and where records can
be compared, OUT/accuracy*.svg. A run of an uncommitted tree makes no record: nobody could run it again.
"""

import argparse
import sys
from pathlib import Path

from src.entry import guarded
from src.files import whole_file
from src.report.card import card
from src.report.kept import keep
from src.report.load import load_run
from src.report.overview import accuracy_pictures
from src.report.records import as_json, rows
from src.report.records_page import page
from src.report.seeds import by_seed


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


def write(out: Path) -> None:
    """Bring index.json, accuracy*.svg, model cards and the tables in README.md of a folder of records up to date.

    Raises:
        UserError: a record is of an uncommitted tree or its answers are damaged, README.md has no
            place for the table, or the files cannot be written; all is then as it was.
    """
    for path, text in texts(out).items():
        with whole_file(path) as file:
            file.write_text(text, encoding="utf-8")


def texts(out: Path) -> dict[Path, str]:
    """What `write` writes, by file. UserError as there."""
    made = rows(out)
    readme = out / "README.md"
    return {
        readme: page(readme.read_text(encoding="utf-8") if readme.is_file() else None, made),
        out / "index.json": as_json(made),
        **{out / name: picture for name, picture in accuracy_pictures(made).items()},
        **_cards(out, made),
    }


def _cards(out: Path, made: list[dict]) -> dict[Path, str]:
    """Model cards of the records with an artefact, by file."""
    return {
        out / row["record"] / "README.md": card(load_run(out / row["record"]), row, seeds)
        for seeds in by_seed(made)
        for row in seeds
        if row["artefact"]
    }


if __name__ == "__main__":
    sys.exit(guarded(main, sys.argv[1:]))
