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
the chosen width; where the controller decides step by step, stages that decide are among them. The
weights of all files come from the one stored weight of each layer. The one-file form, `mask.mindir`,
computes every candidate and keeps the chosen one.
"""

import json
from itertools import product
from pathlib import Path

import numpy as np
from mindspore import Tensor, nn

from src.deploy.compare import check_answers, network_answers
from src.deploy.folders import written_whole
from src.deploy.graph_files import export_graph
from src.deploy.mindir.bundle import FILE, Bundle, BundleStage, write_bundle
from src.deploy.mindir.compat import VERSIONS, check_portable, rewrite
from src.deploy.mindir.pieces import UNCHOSEN, Front, Masked, Piece, frozen, pieces_of
from src.deploy.mindir.run_bundle import run_in_mindspore
from src.errors import UserError
from src.methods.base import System
from src.models.network import Answering, Network

COMPARED = 4  # images
# Of the largest logit. The files order float32 sums as the network does, but for the folded
# normalisation; a value beside a rounding threshold may then take the other code.
TOLERANCE = 0.05
FRONT, MASK = "front.mindir", "mask.mindir"


def export_bundle(system: System, dataset, notes: dict, folder: Path, version: int) -> dict:
    """Write `folder` and return what to report. The network is frozen by it.

    Args:
        dataset: a data set of `data`, whose first images are compared.
        notes: documentation for preprocess.py and readers, written as notes.json.
        version: IR version, of `compat.VERSIONS`.

    Raises:
        UserError: logits that are not finite, a folder that holds something else, a full disk, an
            operator that is not portable, or files whose answers are not the network's.
    """
    if version not in VERSIONS:
        raise UserError(f"--mindir-version {version}: allowed are {VERSIONS}")
    images = dataset.batch(np.arange(min(COMPARED, len(dataset))))
    expected, _ = network_answers(system, images)
    with written_whole(folder, lambda path: (path / FILE).is_file()) as made:
        bundle = _write(system, dataset.image_size, expected.shape[1], made, version)
        (made / "notes.json").write_text(json.dumps(notes, indent=1), encoding="utf-8")
        found = _compare(made, folder, images, expected)
        for path in made.glob("*.mindir"):
            rewrite(path, version)
    files = len(list(folder.glob("*.mindir")))
    size = sum(path.stat().st_size for path in folder.iterdir())
    return {"folder": str(folder), "stages": len(bundle.stages), "files": files, "bytes": size,
            "mindir_version": version, **found}  # fmt: skip


def _write(system: System, size: int, classes: int, folder: Path, version: int) -> Bundle:
    network = frozen(system)
    image = np.zeros((1, 3, size, size), np.float32)
    numbers = {
        "mindir_version": version,
        "image": image.shape[1:],
        "classes": classes,
        "fixed_bitops": int(system.cost.fixed()),
    }
    if network.controller is None:
        _export(Answering(network), [image], folder / "network.mindir")
        stage = BundleStage("network", -1, (0,), 1, 0, ("network.mindir",))
        bundle = Bundle(**numbers, registers=2, stages=(stage,))
    else:
        bundle = _write_dynamic(system, network, image, folder, numbers)
    write_bundle(bundle, folder)
    return bundle


def _write_dynamic(
    system: System, network: Network, image: np.ndarray, folder: Path, numbers: dict
) -> Bundle:
    _export(Masked(network), [image], folder / MASK)
    controller, first = network.controller, image
    if controller.at_begin:
        front = Front(network)
        _export(front, [image], folder / FRONT)
        first = front(Tensor(image))[0].asnumpy()
    maps, written = [first], []
    macs = {layer.name: layer.macs for layer in system.cost.dynamic}
    for piece in pieces_of(network):
        inputs = [maps[i] for i in piece.inputs]
        files, result = _export_piece(piece, inputs, system.widths, controller.columns, folder)
        output = -1
        if piece.decides < 0:
            output = len(maps)
            maps.append(result)
        spent = sum(macs[name] for name in piece.layers)
        written.append(
            BundleStage(piece.name, piece.slot, piece.inputs, output, spent, tuple(files), piece.decides)
        )
    return Bundle(
        **numbers, bits=system.widths, layers=1 if any(controller.is_shared) else controller.slots,
        columns=controller.columns, registers=len(maps), front=FRONT if controller.at_begin else "",
        mask=MASK, stages=tuple(written),
    )  # fmt: skip


def _export_piece(piece: Piece, inputs: list[np.ndarray], widths, columns: int, folder: Path):
    """The names of its files, and what one of them makes of `inputs`."""
    choices = {UNCHOSEN: ""}
    if piece.slot >= 0:
        pairs = [(pair[0], pair[-1]) for pair in product(range(len(widths)), repeat=columns)]
        choices = {(w, a): f"_w{widths[w]}a{widths[a]}" for w, a in pairs}
    files = []
    for choice, suffix in choices.items():
        cell = piece.cell(choice)
        files.append(f"{piece.name}{suffix}.mindir")
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
