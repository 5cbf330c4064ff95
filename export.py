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
"""Export a trained network: `int` for infer.py, `mindir` for MindSpore and the 310, or `onnx`.

The file is loaded again and compared with the network on real images; the last line says how, and
after --config where the `weights` came from (`random` without model.weights).
"""

import argparse
import json
import sys

from src.config import load_config
from src.data.views import pixel_values
from src.deploy.arguments import parse as arguments_of
from src.deploy.integer.export import export_int
from src.deploy.integer.lower import Picture
from src.deploy.mindir.export_bundle import export_bundle
from src.deploy.mindir.whole import export_checked
from src.deploy.notes import as_notes
from src.deploy.onnx.export import export_onnx, export_rungs
from src.deploy.options import check_options, file_name
from src.deploy.settle import settle
from src.entry import guarded
from src.files import whole_file
from src.next_step import say_next
from src.runtime import start
from src.train.asked import take_choice
from src.train.batches import load_split
from src.train.loaded import fresh_system, load_trained, renew_statistics
from src.train.run_folder import open_run
from src.train.run_ladder import read_ladder


def parse(arguments: list[str]) -> argparse.Namespace:
    return arguments_of(arguments, __doc__.splitlines()[0])


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    check_options(options)
    # PyNative: most of an integer export would be the compilation of graphs that run once.
    first = ["device.mode=pynative"] if options.format == "int" else []
    portable = [*first, *options.overrides, "device.native=off", "device.target=CPU"]
    if options.run:
        folder, config = open_run(options.run, portable)
    else:
        folder, config = None, load_config(options.config, portable)
    runtime = start(config.device, config.train.seed)
    origin = {}
    if folder:
        system, _ = load_trained(folder, config, runtime)
    else:
        system, origin["weights"] = fresh_system(config, runtime)
    of_plan = take_choice(system, options.bits, options.plan)
    renew_statistics(config, system, runtime, options.recalibrate)
    ladder = settle(options, system, folder and read_ladder(folder, system))
    dataset = load_split(config, "test")
    path = options.out or folder.path / "export" / file_name(options, config.model.name, of_plan)
    notes = as_notes(config, dataset, folder and folder.path, options.recalibrate)
    picture = Picture(dataset.image_size, pixel_values(dataset.mean, dataset.std))
    if options.bundle:
        row = export_bundle(system, dataset, notes, path, options.mindir_version, ladder)
    elif options.escalate:
        row = export_rungs(system, ladder, dataset, path)
    else:
        # It takes its name when it has been read back and compared: what fails replaces nothing.
        with whole_file(path) as file:
            if options.format == "mindir":
                row = export_checked(system, file, options.batch, dataset)
            elif options.format == "onnx":
                row = export_onnx(system, picture, dataset, file, options.qdq)
            else:
                row = export_int(system, picture, notes, file, dataset, ladder)
        row["file"] = str(path)
    if isinstance(system.forced, int):
        row["bits"] = system.widths[system.forced]
    print(json.dumps(row | origin))
    if options.format == "int":
        say_next("infer.py", "--model", path, to_fill_in="IMAGE...")
    return 0


if __name__ == "__main__":
    sys.exit(guarded(main, sys.argv[1:]))
