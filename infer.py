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
"""Answer images with an exported integer model: class, widths, cost and time of each.

    python infer.py --model runs/NAME/export/model.safetensors IMAGE... | DIR
    python infer.py --model FILE --test cifar10:FOLDER [--budget X]

No float framework runs here: from pixels to logits everything is integers. The last line of --test is
one JSON object: top1 (0..1), images, and means per image of bitops, those of the controller, mean_bits and ms.
"""

import argparse
import json
import sys

import numpy as np

from src.data.labelled import as_source, load_test
from src.data.views import list_pictures, read_views
from src.engine.answers import MANY, print_answers
from src.engine.choose_engine import ENGINES
from src.engine.faster import IMAGES, warn_if_not_faster
from src.engine.load import load
from src.engine.tally import judge
from src.engine.wish import add_options, wish_of
from src.entry import as_error, guarded
from src.errors import UserError
from src.paths import as_path, expand_home


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--model", type=as_path, required=True, metavar="FILE", help="made by export.py --format int")
    add("images", nargs="*", type=expand_home, metavar="IMAGE|DIR", help="a folder stands for its pictures, by name")
    add("--test", metavar="NAME:FOLDER",
        help="in place of images: cifar10:FOLDER, image_folder:FOLDER, arrays:FILE.npz or digits")
    add("--json", action="store_true", help="one JSON object per image instead of a line of text")
    add("--batch", type=int, metavar="N",
        help=f"images per run of the engine (default: 1; with --test 100; of more than {MANY} files {MANY})")
    add("--engine", default="auto", choices=ENGINES, help="auto: native, or oracle (NumPy, slow)")
    add("--threads", type=int, default=0, help="CPU threads of the native engine; 0: all cores")
    add_options(parser)
    return parser.parse_intermixed_args(arguments)


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    if bool(options.images) == bool(options.test):
        raise UserError("name images or folders of images, or a labelled set by --test NAME:FOLDER")
    source = options.test and as_source(options.test)
    if options.batch is not None and options.batch < 1:
        raise UserError(f"--batch {options.batch}: must be at least 1")
    classifier = load(options.model, options.engine, options.threads, wish_of(options))
    if source:
        name, folder = source
        dataset = load_test(name, folder and expand_home(folder), classifier.program.notes, str(options.model))
        print(json.dumps(judge(classifier, dataset, options.batch or 100)))
        warn_if_not_faster(classifier, dataset.pixels(np.arange(min(IMAGES, len(dataset)))))
        return 0
    files = list_pictures(options.images)
    batch = options.batch or (MANY if len(files) > MANY else 1)
    views = read_views(files, classifier.size, classifier.data, batch, classifier.engine.threads)
    return 0 if print_answers(classifier, views, options.json, _refuse) == len(files) else 2


def _refuse(file: str, error: Exception) -> None:
    print(as_error(f"{file} cannot be read: {error}"), file=sys.stderr)


if __name__ == "__main__":
    sys.exit(guarded(main, sys.argv[1:]))
