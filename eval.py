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
"""Evaluate a run or float weights: `python eval.py (--run RUN | --config RECIPE) [key=value ...]`.

The last line is one JSON object; after --config its `weights` is the file they came from, or
`random`. Evaluation is deterministic.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from src.config import load_config
from src.engine.plans import as_bitops
from src.entry import guarded
from src.next_step import say_next
from src.paths import as_path, expand_home
from src.runtime import start
from src.train.asked import Asked, evaluate_as_asked
from src.train.loaded import fresh_system, open_trained
from src.train.run_folder import RunFolder


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--run", type=as_path, metavar="RUN", help="run folder; its best or last checkpoint"
    )
    source.add_argument("--config", type=as_path, metavar="RECIPE", help="with model.weights=FILE")
    parser.add_argument("--split", default="test", choices=("test", "val", "train"))
    widths = parser.add_mutually_exclusive_group()
    widths.add_argument("--bits", type=int, help="one width everywhere, instead of the controller's")
    widths.add_argument(
        "--plan", type=expand_home, metavar="FILE|BITS",
        help='one plan for all images: {"layer": width or [weights, inputs], ..., "*": width}, or a width',
    )  # fmt: skip
    widths.add_argument(
        "--budget", metavar="X",
        help="mean BitOPs per image, e.g. 250M: an agent keeps to it; else unsure images are answered again, wider",
    )  # fmt: skip
    widths.add_argument(
        "--foresight", action="store_true",
        help="only tell how well what an agent sees at each layer foretells which images need more bits",
    )  # fmt: skip
    parser.add_argument(
        "--recalibrate", type=int, metavar="BATCHES",
        help="first estimate the normalisation's statistics anew from so many training batches",
    )  # fmt: skip
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="e.g. data.path=FOLDER")
    options = parser.parse_intermixed_args(arguments)
    if options.foresight and options.recalibrate is not None:
        parser.error("--foresight is of the network as the run left it: not with --recalibrate")
    return options


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    budget = None if options.budget is None else as_bitops("--budget", options.budget)
    with tempfile.TemporaryDirectory() as scratch:
        float_top1, origin = -1.0, {}
        if options.run:
            folder, config, runtime, system, state = open_trained(options.run, options.overrides)
            float_top1 = state.float_top1
        else:
            folder = RunFolder(Path(scratch))
            config = load_config(options.config, options.overrides)
            runtime = start(config.device, config.train.seed)
            system, origin["weights"] = fresh_system(config, runtime)
        if options.foresight:
            from src.train.foresight import foresee  # here: scikit-learn takes a second to import

            numbers = foresee(config, system, folder, runtime, options.split)
        else:
            asked = Asked(options.split, options.bits, options.plan, budget, options.recalibrate)
            numbers = evaluate_as_asked(config, system, folder, runtime, asked, float_top1)
    if runtime.is_main:
        print(json.dumps(numbers | origin))
        if options.run:
            say_next("report.py", "--run", folder.path)
    return 0


if __name__ == "__main__":
    sys.exit(guarded(main, sys.argv[1:]))
