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
one JSON object: top1 (0..1), images, and means per image of bitops, mean_bits and ms.
"""

import argparse
import json
import sys
from dataclasses import asdict

import numpy as np

from src.data.labelled import as_source, load_test
from src.data.pictures import UnreadablePicture
from src.data.views import list_pictures, read_view
from src.engine.artefact import load_artefact
from src.engine.choose_engine import ENGINES, open_engine
from src.engine.classifier import Classifier, as_wish
from src.engine.tally import judge
from src.entry import as_error, guarded
from src.errors import UserError
from src.paths import as_path, expand_home
from src.printable import printable


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--model", type=as_path, required=True, metavar="FILE", help="made by export.py --format int")
    add("images", nargs="*", type=expand_home, metavar="IMAGE|DIR", help="a folder stands for its pictures, by name")
    add("--test", metavar="NAME:FOLDER", help="in place of images: cifar10:FOLDER, image_folder:FOLDER or digits")
    add("--json", action="store_true", help="one JSON object per image instead of a line of text")
    add("--batch", type=int, metavar="N", help="images per run of the engine (default 1; with --test 100)")
    add("--engine", default="auto", choices=ENGINES, help="auto: native, or oracle (NumPy, slow)")
    add("--threads", type=int, default=0, help="CPU threads of the native engine; 0: all cores")
    add("--bits", type=int, help="one width everywhere, not the network's own choice")
    add(
        "--budget", metavar="X",
        help="e.g. 250M, BitOPs that an image costs in the mean: images escalate, by the file's ladder",
    )
    add(
        "--max-bitops", metavar="X",
        help="e.g. 300M or 1.2G: an image that would cost more gets lower widths, always the one "
        "step that saves most, until it fits; one that escalates stops before",
    )  # fmt: skip
    return parser.parse_intermixed_args(arguments)


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    if bool(options.images) == bool(options.test):
        raise UserError("name images or folders of images, or a labelled set by --test NAME:FOLDER")
    source, batch = options.test and as_source(options.test), options.batch
    if batch is None:
        batch = 100 if source else 1
    if batch < 1:
        raise UserError(f"--batch {batch}: must be at least 1")
    wish = as_wish(options.bits, options.budget, options.max_bitops)
    program = load_artefact(options.model)
    engine = open_engine(options.model, options.engine, options.threads)
    classifier = Classifier(program, engine, wish)
    if source:
        name, folder = source
        dataset = load_test(name, folder and expand_home(folder), program.notes, str(options.model))
        print(json.dumps(judge(classifier, dataset, batch)))
        return 0
    files = list_pictures(options.images)
    answered = 0
    for start in range(0, len(files), batch):
        pictures = _read(files[start : start + batch], classifier.size, program.notes)
        answered += len(pictures)
        answers = classifier(np.stack([image for _, image in pictures])) if pictures else []
        for (file, _), answer in zip(pictures, answers, strict=True):
            row = {"file": file, **asdict(answer)}
            print(json.dumps(row) if options.json else f"{printable(file)}  {answer}", flush=True)
    return 0 if answered == len(files) else 2


def _read(files: list[str], size: int, notes: dict) -> list[tuple[str, np.ndarray]]:
    """Those that can be read, with their pixels, uint8 (3, size, size); an error for the others."""
    pictures = []
    for file in files:
        try:
            pictures.append((file, read_view(file, size, notes.get("data"))))
        except UnreadablePicture as error:
            print(as_error(f"{file} cannot be read: {error}"), file=sys.stderr)
    return pictures


if __name__ == "__main__":
    sys.exit(guarded(main, sys.argv[1:]))
