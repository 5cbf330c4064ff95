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
"""The command line of `export.py`."""

import argparse

from src.deploy.mindir.compat import VERSIONS
from src.deploy.options import LARGEST_BATCH, SUFFIXES
from src.paths import as_path, expand_home


def parse(arguments: list[str], description: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=description)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--run", type=as_path, metavar="RUN", help="run folder; its best or last checkpoint"
    )
    source.add_argument("--config", type=as_path, metavar="RECIPE", help="with model.weights=FILE")
    parser.add_argument("--format", default="mindir", choices=tuple(SUFFIXES))
    parser.add_argument(
        "--batch", type=int, default=1, help=f"images per call of a MINDIR, 1..{LARGEST_BATCH}"
    )
    parser.add_argument(
        "--bundle", action="store_true",
        help="a folder of static MINDIR files, one per width, for ascend310_infer (batch 1)",
    )
    widths = parser.add_mutually_exclusive_group()
    widths.add_argument(
        "--bits", type=int, help="mindir, onnx: one width everywhere, not the controller's choice"
    )
    widths.add_argument(
        "--plan", type=expand_home, metavar="FILE|BITS",
        help="mindir, onnx: one plan for all images, as eval.py takes it",
    )
    widths.add_argument(
        "--escalate", action="store_true",
        help="bundle, onnx: a graph for each width of the run's ladder, in place of a controller; a bundle "
        "of a network without one that looks at the image does so anyway",
    )  # fmt: skip
    parser.add_argument(
        "--mindir-version", type=int, default=3, choices=VERSIONS,
        help="of a bundle's files; 1: for MindSpore Lite up to 2.2",
    )
    parser.add_argument(
        "--qdq", action="store_true", help="onnx of a static network with int8 quantise pairs"
    )
    parser.add_argument(
        "--recalibrate", type=int, metavar="BATCHES",
        help="first estimate the normalisation's statistics anew from so many training batches",
    )  # fmt: skip
    parser.add_argument(
        "--compare", type=int, metavar="IMAGES",
        help="int: so many test images must have the network's answers, and the last line says how near (8)",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=as_path, metavar="PATH",
        help="file (.mindir, .safetensors or .onnx), or folder of a bundle or of --escalate; default: in "
        "RUN/export",
    )  # fmt: skip
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    return parser.parse_intermixed_args(arguments)
