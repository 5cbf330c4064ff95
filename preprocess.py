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
"""Write test images as .bin files for ascend310_infer, and their labels.

python preprocess.py --model BUNDLE --data_path /data/cifar-10-batches-bin
"""

import argparse
import sys
from pathlib import Path

from src.data import DATASETS
from src.data.labelled import load_test
from src.deploy.harness.deployment import open_deployment
from src.deploy.harness.image_bins import write_bins
from src.entry import guarded
from src.errors import UserError
from src.paths import as_path, expand_home


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--model", type=as_path, required=True, metavar="BUNDLE", help="bundle folder, or artefact")
    add("--dataset", choices=tuple(DATASETS), help="default: the one it was trained on")
    add("--data_path", type=expand_home, metavar="FOLDER", help="of the data set")
    add("--images", type=int, default=0, metavar="N", help="the first N only; 0: all")
    add("--result_path", type=as_path, default=Path("preprocess_Result"), metavar="FOLDER")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    deployment = open_deployment(options.model)
    name = options.dataset or deployment.note("data")
    dataset = load_test(name, options.data_path, deployment.notes, str(options.model))
    if not 0 <= options.images <= len(dataset):
        raise UserError(f"--images {options.images}: allowed are 0 (all) to {len(dataset)}")
    count = options.images or len(dataset)
    write_bins(deployment, dataset, count, options.result_path)
    print(f"{count} images and labels in {options.result_path}")
    if dataset.errors:
        print(
            f"{dataset.errors} files are no pictures, or not readable: see above", file=sys.stderr
        )
    return 0


if __name__ == "__main__":
    sys.exit(guarded(main, sys.argv[1:]))
