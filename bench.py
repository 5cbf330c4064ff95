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
"""Time this project, and others beside it: `python bench.py step|infer|layers|tune|kernels|levels|switch [options]`.

step: one training step (forward, backward, update) of float, static (LSQ) and dynamic (DQNet)
networks on fixed synthetic images; every runner is a process of its own, and they take turns.
infer: answers of exported networks by our engine and by other runtimes, in turn likewise.
layers: milliseconds of every layer of an artefact at every width.
tune: which kernel does each convolution of an artefact fastest on this machine; engines take it from then on.
kernels: each native convolution of a network, as a share of the machine's arithmetic peak.
levels: products of weights that are levels, look-ups of them, sums of the inputs of each level.
switch: what it costs to change widths from image to image, on the integer program.
"""

import argparse
import json
import sys

from src.bench.arguments import parse as parse_described
from src.entry import guarded
from src.errors import UserError
from src.files import whole_file


def parse(arguments: list[str]) -> argparse.Namespace:
    return parse_described(__doc__, arguments)


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
    """Imports what the bench needs: kernels and switch MindSpore, the others' workers their own."""
    if options.bench == "kernels":
        from src.bench.kernels import run_kernels

        return run_kernels(options)
    if options.bench == "switch":
        from src.bench.switch import run_switch

        return run_switch(options)
    if options.bench == "levels":
        from src.bench.levels import run_levels

        return run_levels(options)
    if options.bench == "layers":
        from src.bench.layers import run_layers

        return run_layers(options)
    if options.bench == "tune":
        from src.bench.tune import run_tune

        return run_tune(options)
    if options.bench == "infer":
        from src.bench.infer import run_infer

        return run_infer(options)
    from src.bench.step import run_step

    return run_step(options)


if __name__ == "__main__":
    sys.exit(guarded(main, sys.argv[1:]))
