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
"""Write the report of a run, or one page that compares several.

python report.py --run runs/NAME                                    # writes runs/NAME/report/index.html
python report.py --run runs/A --run results/B ... [--out FILE.html]  # writes runs/comparison.html

Of several the first is the one that the others are held against.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from src.entry import guarded
from src.errors import UserError
from src.paths import as_path
from src.printable import printable
from src.report.compare import write_comparison
from src.report.load import run_folders
from src.report.page import write_report

COMPARISON = Path("runs/comparison.html")


def parse(arguments: list[str]) -> argparse.Namespace:
    """The command line; `run` is a list."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--run", type=as_path, action="append", required=True, metavar="FOLDER",
        help="run folder or record; several, or a folder that holds several: one page that compares them",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=as_path, metavar="FILE.html", help=f"where a comparison is written; {COMPARISON} if not given"
    )
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    found = [folder for path in options.run for folder in run_folders(path)]
    if len(found) > 1:
        page = write_comparison(found, options.out or COMPARISON)
    elif options.out:
        raise UserError(f"--out {options.out} is for comparisons; the report of one run is RUN/report/index.html")
    else:
        page = write_report(found[0])
    print(printable(page))
    return 0


if __name__ == "__main__":
    sys.exit(guarded(main, sys.argv[1:]))
