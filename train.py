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
"""Train a network: `python train.py [--config RECIPE | --resume RUN | --list] [key=value ...]`."""

import argparse
import json
import sys

from src.entry import guarded
from src.next_step import say_next
from src.paths import as_path
from src.recipes import shipped_recipes
from src.train.training import Training


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, epilog="Keys: see config/default.yaml.")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--config", type=as_path, metavar="RECIPE", help="a name in config/, or a file")
    source.add_argument("--list", action="store_true", help="the recipes in config/, and which of them ran")
    source.add_argument("--resume", type=as_path, metavar="RUN", help="run folder to continue")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="e.g. train.epochs=5")
    return parser.parse_intermixed_args(arguments)


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    if options.list:
        for name, mark in shipped_recipes().items():
            print(f"{name:<38}{mark}")
        return 0
    if options.resume:
        training = Training.of(options.resume, options.overrides)
    else:
        training = Training.new(options.config, options.overrides)
    numbers = training.run()
    if training.runtime.is_main:
        print(json.dumps(numbers))
        if not numbers["bitops"]:  # nothing is quantised
            say_next("report.py", "--run", numbers["run"])
        else:
            say_next("export.py", "--run", numbers["run"], "--format", "int")
    return 0


if __name__ == "__main__":
    sys.exit(guarded(main, sys.argv[1:]))
