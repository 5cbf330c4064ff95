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
"""Search the best plans for all images: `python search.py --run RUN [--budgets 200M,300M] [...]`.

Held-out training images judge; RUN/search.json keeps every plan that was tried, and the front with
its accuracy on the test set. The last line is one JSON object. A plan runs by eval.py --plan.
"""

import argparse
import json
import sys

from src.engine.plans import as_bitops
from src.entry import guarded
from src.errors import UserError
from src.next_step import say_next
from src.paths import as_path
from src.search.archive import LOSS, TOP1
from src.search.of_run import ALGORITHMS, SEARCH, Settings, search_run
from src.train.loaded import open_trained


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add, usual = parser.add_argument, Settings()
    count = {"type": _count, "metavar": "N"}
    add("--run", type=as_path, required=True, metavar="RUN", help="run folder; its best or last checkpoint")
    add("--budgets", metavar="X,X,...", help="BitOPs of an image, e.g. 200M,300M, or with --latency ms; none: six")
    add("--latency", type=as_path, metavar="TABLE", help="of bench.py layers --json: budgets are ms of that machine")
    add("--by", metavar="NAME,...", default=",".join(ALGORITHMS), help="in this order (default: %(default)s)")
    add("--images", help="held-out images that judge, drawn by the seed; none: all", **count)
    add("--goal", default=LOSS, choices=(LOSS, TOP1), help="what is best on them (default: %(default)s)")
    add("--random", default=usual.random, help="random plans for each budget (default: %(default)s)", **count)
    add("--population", default=usual.population, help="of evolution (default: %(default)s)", **count)
    add("--generations", default=usual.generations, help="of it, for each budget (default: %(default)s)", **count)
    add("--seed", default=usual.seed, help="of what is drawn (default: %(default)s)", **count)
    add("overrides", nargs="*", metavar="key=value", help="e.g. data.path=FOLDER")
    return parser.parse_intermixed_args(arguments)


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    settings = Settings(
        tuple(as_bitops("--budgets", text) for text in (options.budgets or "").split(",") if text),
        options.latency, _names(options.by), options.images, options.goal, options.random, options.population,
        options.generations, options.seed,
    )  # fmt: skip
    folder, config, runtime, system, _ = open_trained(options.run, options.overrides)
    path = folder.path / SEARCH
    try:
        found = search_run(config, system, folder, runtime, settings)
    except KeyboardInterrupt:
        told = f"{path} keeps what the finished steps found; the same command goes on from there"
        raise KeyboardInterrupt(told) from None
    shown = ("method", "bitops", "ms", "top1", "test_top1")
    front = [{name: row[name] for name in shown if name in row} for row in found["front"]]
    print(json.dumps({"file": str(path), "tried": len(found["tried"]), "front": front}))
    say_next("report.py", "--run", folder.path)
    return 0


def _names(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    for name in names:
        if name not in ALGORITHMS:
            raise UserError(f"--by {name}: allowed are {', '.join(ALGORITHMS)}")
    return names


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text}: expected a number of at least 1")
    return int(text)


if __name__ == "__main__":
    sys.exit(guarded(main, sys.argv[1:]))
