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
"""A trained network as a bundle: static MINDIR files and the table that chains them.

The host runs the front, takes the arg-max of its choice logits and then, stage by stage, the file of
the chosen width. The weights of all files come from the one stored weight of each layer. The
one-file form, `mask.mindir`, computes every candidate and keeps the chosen one.
"""

import json
from itertools import product
from pathlib import Path

import numpy as np
from mindspore import Tensor, nn

from src.deploy.compare import check_answers, network_answers
from src.deploy.folders import written_whole
from src.deploy.frozen import freeze
from src.deploy.graph_files import export_graph
from src.deploy.mindir.bundle import FILE, Bundle, BundleStage, write_bundle
from src.deploy.mindir.compat import VERSIONS, check_portable, rewrite
from src.deploy.mindir.pieces import UNCHOSEN, Front, Masked, Stage, hold_mixture, stages_of
from src.deploy.mindir.run_bundle import run_in_mindspore
from src.errors import UserError
from src.methods.base import Method
from src.methods.static import StaticNetwork

COMPARED = 4  # images
# Of the largest logit. The files order float32 sums as the network does, but for the folded
# normalisation; a value beside a rounding threshold may then take the other code.
TOLERANCE = 0.05
MASK = "mask.mindir"


def export_bundle(method: Method, dataset, notes: dict, folder: Path, version: int) -> dict:
    """Write `folder` and return what to report. The network is frozen by it.

    Args:
        dataset: a data set of `data`, whose first images are compared.
        notes: documentation for preprocess.py and readers, written as notes.json.
        version: IR version, of `mindir_compat.VERSIONS`.

    Raises:
        UserError: logits that are not finite, a folder that holds something else, a full disk, an
            operator that is not portable, or files whose answers are not the network's.
    """
    if version not in VERSIONS:
        raise UserError(f"--mindir-version {version}: allowed are {VERSIONS}")
    images = dataset.batch(np.arange(min(COMPARED, len(dataset))))
    expected, _ = network_answers(method, images)
    with written_whole(folder, lambda path: (path / FILE).is_file()) as made:
        bundle = _write(method, dataset.image_size, expected.shape[1], made, version)
        (made / "notes.json").write_text(json.dumps(notes, indent=1), encoding="utf-8")
        found = _compare(made, folder, images, expected)
        for path in made.glob("*.mindir"):
            rewrite(path, version)
    files = len(list(folder.glob("*.mindir")))
    size = sum(path.stat().st_size for path in folder.iterdir())
    return {"folder": str(folder), "stages": len(bundle.stages), "files": files, "bytes": size,
            "mindir_version": version, **found}  # fmt: skip


def _write(method: Method, size: int, classes: int, folder: Path, version: int) -> Bundle:
    freeze(method.network)
    image = np.zeros((1, 3, size, size), np.float32)
    numbers = {
        "mindir_version": version,
        "image": image.shape[1:],
        "classes": classes,
        "fixed_bitops": int(method.cost.fixed()),
    }
    if method.head is None:
        # A cell of its own: the network's may have been compiled before it was frozen.
        _export(StaticNetwork(method.network.model), [image], folder / "network.mindir")
        stage = BundleStage("network", -1, (0,), 1, 0, ("network.mindir",))
        bundle = Bundle(**numbers, registers=2, stages=(stage,))
    else:
        bundle = _write_dynamic(method, image, folder, numbers)
    write_bundle(bundle, folder)
    return bundle


def _write_dynamic(method: Method, image: np.ndarray, folder: Path, numbers: dict) -> Bundle:
    hold_mixture(method.network)
    front = Front(method)
    _export(front, [image], folder / "front.mindir")
    _export(Masked(front), [image], folder / MASK)
    maps = [front(Tensor(image))[0].asnumpy()]
    macs = {layer.name: layer.macs for layer in method.cost.dynamic}
    written = []
    for stage in stages_of(method):
        files, result = _export_stage(stage, [maps[i] for i in stage.inputs], method, folder)
        maps.append(result)
        spent = sum(macs[name] for name in stage.layers)
        written.append(
            BundleStage(stage.name, stage.slot, stage.inputs, len(maps) - 1, spent, tuple(files))
        )
    head = front.head
    return Bundle(
        **numbers, bits=method.widths, layers=1 if head.shared else head.layers,
        columns=head.columns, registers=len(maps), front="front.mindir", mask=MASK,
        stages=tuple(written),
    )  # fmt: skip


def _export_stage(stage: Stage, inputs: list[np.ndarray], method: Method, folder: Path):
    """The names of its files, and what one of them makes of `inputs`."""
    choices = {UNCHOSEN: ""}
    if stage.slot >= 0:
        pairs = product(range(len(method.widths)), repeat=method.network.head.columns)
        pairs = [(pair[0], pair[-1]) for pair in pairs]
        choices = {(w, a): f"_w{method.widths[w]}a{method.widths[a]}" for w, a in pairs}
    files = []
    for choice, suffix in choices.items():
        cell = stage.cell(choice)
        files.append(f"{stage.name}{suffix}.mindir")
        _export(cell, inputs, folder / files[-1])
    return files, cell(*map(Tensor, inputs)).asnumpy()


def _export(cell: nn.Cell, inputs: list[np.ndarray], path: Path) -> None:
    cell.set_train(False)
    export_graph(cell, inputs, path, "MINDIR")
    check_portable(path)


def _compare(made: Path, folder: Path, images: np.ndarray, expected: np.ndarray) -> dict:
    """The files in `made`, which become `folder`, against the network."""
    logits, _ = run_in_mindspore(made, images)
    differences = check_answers(folder, logits, expected, TOLERANCE, np.median)
    return {"images": len(images), "largest_difference": float(differences.max())}
