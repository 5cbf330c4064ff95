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
"""Time this project, and others beside it: `python bench.py step|kernels [options]`.

step: one training step (forward, backward, update) of float, static (LSQ) and dynamic (DQNet)
networks on fixed synthetic images; every runner is a process of its own, and they take turns.
kernels: each native convolution of a network, as a share of the machine's arithmetic peak.
switch: what it costs to change widths from image to image, on the integer program.
"""

import argparse
import json
import sys

from src.bench.case import ISAS, KINDS, OURS, USUAL
from src.bench.step import run_step
from src.bench.turns import SETTLE
from src.engine.choose_engine import ENGINES
from src.entry import guarded
from src.errors import UserError
from src.files import whole_file
from src.paths import as_path, expand_home


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    benches = parser.add_subparsers(dest="bench", required=True)
    step, kernels = benches.add_parser("step"), benches.add_parser("kernels")
    switch = benches.add_parser("switch")
    for add in (step.add_argument, kernels.add_argument, switch.add_argument):
        add("--model", default="resnet20", help="as model.name in config/default.yaml")
        add("--image-size", type=int,
            help="side in pixels; default: 32, or 224 for ImageNet's models")  # fmt: skip
        add("--runs", type=int, default=20, help="timed runs of each kind")
        add("--threads", type=int, default=0, help="CPU threads of each runner; 0: all cores")
        add("--json", type=as_path, metavar="FILE", help="write machine and rows here")
    for add in (step.add_argument, kernels.add_argument):
        add("--batch", type=int, default=128, help="images per step")
        add("--bits", type=int, default=4, help="static width, middle dynamic width; 3..7")
    switch.add_argument("--engine", default="auto", choices=ENGINES)
    add = step.add_argument
    add("--kinds", type=_words, default=list(KINDS), help=f"of {','.join(KINDS)}; default: all")
    add(
        "--runners", type=_words, default=list(USUAL),
        help=f"of {','.join(OURS)}; default: {','.join(USUAL)}; portable is many times slower",
    )  # fmt: skip
    add("--peers", type=_words, default=[], help="torch: the same networks in PyTorch")
    add("--peer-python", type=expand_home, help="Python of the peers; default: DYNQUANT_PEER_PYTHON, or this one")
    add("--settle", type=int, default=SETTLE, help="steps of each runner before any is timed")
    add("--isa", default="", choices=ISAS, help="limit everybody to these instructions")
    add("--timeout", type=float, default=900, help="seconds that a runner may take for a turn")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    if options.json and not options.json.absolute().parent.is_dir():
        raise UserError(f"--json {options.json}: no folder {options.json.absolute().parent}")
    if options.json and options.json.exists() and not options.json.is_file():
        raise UserError(f"--json {options.json} is no file; name one")
    result = _run(options)
    if options.json:
        with whole_file(options.json) as file:
            file.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 0


def _run(options: argparse.Namespace) -> dict:
    if options.bench == "kernels":
        from src.bench.kernels import run_kernels  # needs MindSpore, a step is run by workers

        return run_kernels(options)
    if options.bench == "switch":
        from src.bench.switch import run_switch

        return run_switch(options)
    return run_step(options)


def _words(text: str) -> list[str]:
    return [word for word in text.split(",") if word]


if __name__ == "__main__":
    sys.exit(guarded(main, sys.argv[1:]))
