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
"""Judge what ascend310_infer wrote: accuracy, width histogram, BitOPs; the last line is JSON.

    python postprocess.py --model BUNDLE
"""

import argparse
import json
import sys
from pathlib import Path

from src.deploy.harness.deployment import open_deployment
from src.deploy.harness.results import judge, read_results
from src.entry import guarded
from src.paths import as_path


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--model", type=as_path, required=True, metavar="BUNDLE", help="bundle folder, or artefact")
    add("--result_path", type=as_path, default=Path("result_Files"), metavar="FOLDER")
    add("--label_path", type=as_path, default=Path("preprocess_Result/label"), metavar="FOLDER")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    deployment = open_deployment(options.model)
    answers = read_results(deployment, options.result_path, options.label_path)
    row = judge(deployment, *answers)
    chosen = "chosen widths" if answers.bitops is None else "widths of the last passes"
    print(f"accuracy {row['top1']:.2%} (top 5 {row['top5']:.2%}) of {row['images']} images")
    for bits, share in row.get("histogram", {}).items():
        print(f"{bits} bits: {share:6.1%} of the {chosen}")
    print(f"{row['bitops'] / 1e6:.1f} M BitOPs per image")
    print(json.dumps(row))
    return 0


if __name__ == "__main__":
    sys.exit(guarded(main, sys.argv[1:]))
