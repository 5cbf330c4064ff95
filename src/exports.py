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
"""An export, from the options of `export.py` to its file: what that script and the API share."""

import argparse

from src.config import load_config
from src.data.views import pixel_values
from src.deploy.integer.export import COMPARED, export_int
from src.deploy.integer.lower import Picture
from src.deploy.mindir.export_bundle import export_bundle
from src.deploy.mindir.whole import export_checked
from src.deploy.notes import as_notes
from src.deploy.onnx.export import export_onnx, export_rungs
from src.deploy.options import file_name
from src.deploy.settle import settle
from src.files import whole_file
from src.runtime import start
from src.train.asked import take_choice
from src.train.batches import load_split
from src.train.loaded import fresh_system, open_trained, renew_statistics
from src.train.run_ladder import read_ladder


def export(options: argparse.Namespace) -> dict:
    """Write the file or folder and return what there is to say of it, `file` among it.

    Args:
        options: of `deploy/arguments.py`, checked.

    Raises:
        UserError: a run or recipe that cannot be had, a network that this format cannot hold, answers of
            the file that are not the network's.
    """
    # PyNative: most of an integer export would be the compilation of graphs that run once.
    first = ["device.mode=pynative"] if options.format == "int" else []
    portable = [*first, *options.overrides, "device.native=off", "device.target=CPU"]
    folder, origin = None, {}
    if options.run:
        folder, config, runtime, system, _ = open_trained(options.run, portable)
    else:
        config = load_config(options.config, portable)
        runtime = start(config.device, config.train.seed)
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
                row = export_int(system, picture, notes, file, dataset, ladder, options.compare or COMPARED)
        row["file"] = str(path)
    if isinstance(system.forced, int):
        row["bits"] = system.widths[system.forced]
    return row | origin
