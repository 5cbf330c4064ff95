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
"""Write the report of a run, or a page that compares several.

python report.py --run runs/NAME                               # writes runs/NAME/report/index.html
python report.py --compare runs/A runs/B ... --out compare.html
"""

from __future__ import annotations

import argparse
import sys

from src.entry import guarded
from src.paths import as_path
from src.printable import printable
from src.report.compare import write_comparison
from src.report.page import write_report


def parse(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--run", type=as_path, help="run folder: writes RUN/report/index.html")
    what.add_argument(
        "--compare", type=as_path, nargs="+", metavar="RUN", help="run folders to put side by side"
    )
    parser.add_argument(
        "--out", type=as_path, help="where the comparison is written (with --compare only)"
    )
    options = parser.parse_args(arguments)
    if bool(options.compare) != bool(options.out):
        parser.error("--out FILE.html goes with --compare, and --compare needs it")
    return options


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    page = write_report(options.run) if options.run else write_comparison(options.compare, options.out)
    print(printable(page))
    return 0


if __name__ == "__main__":
    sys.exit(guarded(main, sys.argv[1:]))
