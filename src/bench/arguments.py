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
"""The command line of `bench.py`."""

import argparse

from src.bench.case import ISAS, KINDS, OURS, USUAL
from src.bench.infer_case import KINDS as INFER_KINDS
from src.bench.infer_case import PEERS as INFER_PEERS
from src.bench.turns import SETTLE
from src.engine.choose_engine import ENGINES
from src.paths import as_path, expand_home


def parse(description: str, arguments: list[str]) -> argparse.Namespace:
    """Options of the bench that was asked for, by name in `bench`."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    benches = parser.add_subparsers(dest="bench", required=True)
    names = "step", "kernels", "switch", "infer", "layers", "levels", "tune"
    step, kernels, switch, infer, layers, levels, tune = map(benches.add_parser, names)
    for one in (step, kernels, switch):
        one.add_argument("--model", default="resnet20", help="as model.name in config/default.yaml")
        one.add_argument("--threads", type=int, default=0, help="CPU threads of each runner; 0: all cores")
    for one in (step, kernels, switch, infer):
        one.add_argument("--image-size", type=int,
            help="side in pixels; default: 32, or 224 for ImageNet's models")  # fmt: skip
    for one in (step, kernels, switch, infer, layers, levels, tune):
        one.add_argument("--runs", type=int, default=20, help="timed runs of each kind")
        one.add_argument("--json", type=as_path, metavar="FILE", help="write machine and rows here")
    for one in (layers, tune):
        one.add_argument("--model", type=as_path, required=one is layers, metavar="FILE",
            help="made by export.py --format int")  # fmt: skip
        one.add_argument("--threads", type=int, default=1, help="CPU threads; 0: all cores")
    tune.add_argument("--forget", action="store_true", help="forget all that was remembered on this machine")
    for one in (step, kernels):
        one.add_argument("--batch", type=int, default=128, help="images per step")
        one.add_argument("--bits", type=int, default=4, help="static width, middle dynamic width; 3..7")
    switch.add_argument("--engine", default="auto", choices=ENGINES)
    _add_step(step)
    _add_infer(infer)
    for one in (step, infer):
        _add_peers(one)
    return parser.parse_args(arguments)


def _add_step(step: argparse.ArgumentParser) -> None:
    add = step.add_argument
    add("--kinds", type=_words, default=list(KINDS), help=f"of {','.join(KINDS)}; default: all")
    add(
        "--runners", type=_words, default=list(USUAL),
        help=f"of {','.join(OURS)}; default: {','.join(USUAL)}; portable is many times slower",
    )  # fmt: skip
    add("--peers", type=_words, default=[], help="torch: the same networks in PyTorch")
    add("--settle", type=int, default=SETTLE, help="steps of each runner before any is timed")


def _add_infer(infer: argparse.ArgumentParser) -> None:
    add = infer.add_argument
    add("--model", type=_words, default=["resnet20"], help="names as model.name has them, with commas")
    add("--batch", type=_numbers, default=[], help="images per run, e.g. 1,64; default: 1,64, at 224 pixels 1,8")
    add("--threads", type=_numbers, default=[], help="e.g. 1,2; default: 1,2")
    add("--bits", type=_numbers, default=[8, 4, 2], help="static widths; default: 8,4,2")
    add("--kinds", type=_words, default=list(INFER_KINDS), help=f"of {','.join(INFER_KINDS)}; default: all")
    add("--peers", type=_words, default=[], help=f"of {','.join(INFER_PEERS)}")
    add("--settle", type=int, default=3, help="runs of each runner before any is timed")
    add("--nets", type=as_path, metavar="FOLDER", help="keep the networks here and take those that are there")
    add("--picture", type=as_path, metavar="FILE", help="draw latency against width here (SVG)")


def _add_peers(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--peer-python", type=expand_home, help="Python of the peers; default: DYNQUANT_PEER_PYTHON, or this one")
    add("--isa", default="", choices=ISAS, help="limit everybody to these instructions")
    add("--timeout", type=float, default=900, help="seconds that a runner may take for a turn")


def _words(text: str) -> list[str]:
    return [word for word in text.split(",") if word]


def _numbers(text: str) -> list[int]:
    try:
        return [int(word) for word in _words(text)]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text}: expected whole numbers, with commas between them") from None
