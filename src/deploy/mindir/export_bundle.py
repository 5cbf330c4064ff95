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
computes every candidate and keeps the chosen one. A network without a controller, or held at one width,
is one file; one that escalates is a front, which runs once for an image, and a tail for each width.
"""

import json
from itertools import product
from pathlib import Path

import numpy as np
from mindspore import Tensor, nn

from src.cost.ladder import Ladder
from src.deploy.compare import check_answers, network_answers, rung_answers
from src.deploy.folders import written_whole
from src.deploy.graph_files import export_graph
from src.deploy.held import HeldNetwork
from src.deploy.mindir.bundle import FILE, Bundle, BundleStage, read_bundle, write_bundle
from src.deploy.mindir.compat import VERSIONS, check_portable, rewrite
from src.deploy.mindir.pieces import UNCHOSEN, Front, Masked, Piece, frozen, pieces_of
from src.deploy.mindir.run_bundle import ends_of, run_in_mindspore, run_rungs
from src.errors import UserError
from src.methods.base import System
from src.models.network import Answering, Network

COMPARED = 4  # images
# Of the largest logit. The files order float32 sums as the network does, but for the folded
# normalisation; a value beside a rounding threshold may then take the other code.
TOLERANCE = 0.05
FRONT, MASK, WHOLE = "front.mindir", "mask.mindir", "network.mindir"


def export_bundle(
    system: System, dataset, notes: dict, folder: Path, version: int, ladder: Ladder | None = None
) -> dict:
    """Write `folder` and return what to report. The network is frozen by it.

    Args:
        system: held at `forced`, where that is set.
        dataset: a data set of `data`, whose first images are compared.
        notes: documentation for preprocess.py and readers, written as notes.json.
        version: IR version, of `compat.VERSIONS`.
        ladder: the network escalates by it; a controller that it has is left out.

    Raises:
        UserError: logits that are not finite, a folder that holds something else, a full disk, an
            operator that is not portable, or files whose answers are not the network's.
    """
    if version not in VERSIONS:
        raise UserError(f"--mindir-version {version}: allowed are {VERSIONS}")
    images = dataset.batch(np.arange(min(COMPARED, len(dataset))))
    if ladder is None:
        expected, _ = network_answers(system, images)
    else:
        expected = rung_answers(system, images, ladder.bits)
    with written_whole(folder, lambda path: (path / FILE).is_file()) as made:
        bundle = _write(system, dataset.image_size, expected.shape[-1], made, version, ladder)
        (made / "notes.json").write_text(json.dumps(notes, indent=1), encoding="utf-8")
        compare = _compare if ladder is None else _compare_rungs
        found = compare(made, folder, images, expected)
        for path in made.glob("*.mindir"):
            rewrite(path, version)
    files = len(list(folder.glob("*.mindir")))
    size = sum(path.stat().st_size for path in folder.iterdir())
    return {"folder": str(folder), "stages": len(bundle.stages), "files": files, "bytes": size,
            "mindir_version": version, **found}  # fmt: skip


def _write(
    system: System, size: int, classes: int, folder: Path, version: int, ladder: Ladder | None
) -> Bundle:
    image = np.zeros((1, 3, size, size), np.float32)
    numbers = {
        "mindir_version": version,
        "image": image.shape[1:],
        "classes": classes,
        "fixed_bitops": int(system.cost.fixed()),
    }
    if ladder is not None:
        bundle = _write_rungs(system, ladder, image, folder, numbers)
    elif system.controller is None:
        bundle = _write_whole(Answering(frozen(system)), image, folder, numbers)
    elif system.forced is not None:
        plan = np.broadcast_to(system.forced, (1, system.controller.slots, system.controller.columns))
        numbers["fixed_bitops"] = int(system.cost.of_plan(plan)[0])
        bundle = _write_whole(HeldNetwork(system).whole(system.forced), image, folder, numbers)
    else:
        bundle = _write_dynamic(system, frozen(system), image, folder, numbers)
    write_bundle(bundle, folder)
    return bundle


def _write_whole(cell: nn.Cell, image: np.ndarray, folder: Path, numbers: dict) -> Bundle:
    _export(cell, [image], folder / WHOLE)
    return Bundle(**numbers, registers=2, stages=(BundleStage("network", -1, (0,), 1, 0, (WHOLE,)),))


def _write_rungs(
    system: System, ladder: Ladder, image: np.ndarray, folder: Path, numbers: dict
) -> Bundle:
    held, maps = HeldNetwork(system), [image]
    if held.first > 0:
        stem = held.stem()
        _export(stem, [image], folder / FRONT)
        kept = stem(Tensor(image))
        maps = [kept_map.asnumpy() for kept_map in (kept if isinstance(kept, tuple) else (kept,))]
    files = []
    for bits in ladder.bits:
        files.append(f"tail_{bits}bit.mindir")
        _export(held.tail(system.widths.index(bits)), maps, folder / files[-1])
    inputs, macs = tuple(range(len(maps))), int(system.cost.macs.sum())
    stage = BundleStage("tail", 0, inputs, len(maps), macs, tuple(files))
    return Bundle(
        **numbers, bits=ladder.bits, layers=1, registers=len(maps) + 1, maps=len(maps),
        front=FRONT if held.first > 0 else "", stages=(stage,), ladder=ladder,
    )  # fmt: skip


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


def _compare_rungs(made: Path, folder: Path, images: np.ndarray, expected: np.ndarray) -> dict:
    """The same at every width, (R, N, classes); and the rungs of the usual setting, which may differ
    where a margin is as near to its threshold as the logits are to each other."""
    logits, ladder = run_rungs(made, images), read_bundle(made).ladder
    pairs = zip(logits, expected, strict=True)
    differences = [check_answers(folder, *pair, TOLERANCE, np.median).max() for pair in pairs]
    same = ends_of(ladder, logits) == ends_of(ladder, expected)
    return {"images": len(images), "largest_difference": float(max(differences)),
            "rungs_equal": float(same.mean())}  # fmt: skip
