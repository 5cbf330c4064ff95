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
"""Applies each listed break to a copy of the project, runs the tests that should see it, and expects them to fail.

usage: python -m tests.mutations [--only WORD] [--jobs N] [--share 0.95]

Ends with code 1 where fewer than the share are caught, or where a break leaves no test that could run.
"""

import argparse
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue

from tests.mutations.breaks import BREAKS
from tests.mutations.one_break import Break
from tests.mutations.run import CAUGHT, UNFIT, copy_tree, judged, tested


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", metavar="WORD", default="", help="breaks whose file or line holds the word")
    parser.add_argument("--jobs", type=int, default=1, help="copies that are tested at once (2 GB each)")
    parser.add_argument("--share", type=float, default=0.95, help="of the breaks that must be caught")
    options = parser.parse_args()
    chosen = [one for one in BREAKS if options.only in one.file or options.only in one.old]
    if not chosen:
        parser.error(f"--only {options.only}: no break has that in its file or line")
    with tempfile.TemporaryDirectory(prefix="mutations-") as folder:
        trees: Queue[Path] = Queue()
        for number in range(options.jobs):
            trees.put(copy_tree(Path(folder) / str(number)))
        code, said = tested(Path(folder) / "0", tuple(sorted({test for one in chosen for test in one.tests})))
        if code:
            print(f"{said[-3000:]}\nthe tests fail without any break", file=sys.stderr)
            return 1
        with ThreadPoolExecutor(options.jobs) as pool:
            found = list(pool.map(lambda one: _told(one, trees), chosen))
    caught = found.count(CAUGHT)
    print(f"{caught} of {len(found)} breaks caught ({caught / len(found):.1%})")
    return int(caught < options.share * len(found) or UNFIT in found)


def _told(one: Break, trees: "Queue[Path]") -> str:
    tree, start = trees.get(), time.monotonic()
    try:
        result = judged(tree, one)
    finally:
        trees.put(tree)
    print(f"{result:<9}{time.monotonic() - start:>5.0f} s  {one.file}: {one.old}  ->  {one.new}", flush=True)
    return result


if __name__ == "__main__":
    sys.exit(main())
