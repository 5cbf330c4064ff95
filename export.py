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
"""Export a trained network: `python export.py --run RUN --format mindir [key=value ...]`.

The file is loaded again in a fresh process and compared with the network on real images.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from mindspore import Tensor

from src.config import load_config
from src.deploy.mindir import export_mindir, run_mindir
from src.entry import guarded
from src.errors import UserError
from src.runtime import start
from src.train.batches import load_split
from src.train.loaded import fresh_method, load_trained
from src.train.run_folder import open_run

TOLERANCE = 1e-4  # largest difference of a logit, relative to the largest logit


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--run", metavar="RUN", help="run folder; its best or last checkpoint")
    source.add_argument("--config", metavar="RECIPE", help="with model.weights=FILE")
    parser.add_argument("--format", default="mindir", choices=("mindir",))
    parser.add_argument("--batch", type=int, default=1, help="images per call of the exported file")
    parser.add_argument("--out", metavar="FILE", help="default: RUN/export/<model>.mindir")
    parser.add_argument("overrides", nargs="*", metavar="key=value")
    return parser.parse_intermixed_args(arguments)


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    portable = [*options.overrides, "device.native=off"]
    if options.run:
        folder, config = open_run(options.run, portable)
        method, _ = load_trained(folder, config, start(config.device, config.train.seed))
        path = Path(options.out or folder.path / "export" / f"{config.model.name}.mindir")
    elif options.out:
        config = load_config(options.config, portable)
        method = fresh_method(config, start(config.device, config.train.seed))
        path = Path(options.out)
    else:
        raise UserError("--config needs --out FILE")
    dataset = load_split(config, "test")
    deployed = export_mindir(method, path, options.batch, dataset.image_size)
    difference = compare(deployed, path, dataset, options.batch)
    print(json.dumps({"file": str(path), "batch": options.batch, "largest_difference": difference}))
    if difference > TOLERANCE:
        raise UserError(f"{path} differs from the network by {difference:.2e} of its largest logit")
    return 0


def compare(deployed, path: Path, dataset, batch: int) -> float:
    """Largest relative difference of a logit between the network and its reloaded file."""
    images = dataset.batch(np.arange(batch))
    expected = deployed(Tensor(images))
    expected = expected[0] if isinstance(expected, tuple) else expected
    expected = expected.asnumpy()
    return float(np.abs(run_mindir(path, images)[0] - expected).max() / np.abs(expected).max())


if __name__ == "__main__":
    sys.exit(guarded(main, sys.argv[1:]))
