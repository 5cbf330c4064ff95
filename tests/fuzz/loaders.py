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
"""Everything that reads a file from outside, as a target: seeds, how they are damaged, and who reads them.

A reader may succeed, or raise a UserError of one line (`fault_of`); anything else is a finding.
"""

import io
import json
import os
import random
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import cv2
import mindspore as ms
import numpy as np
from mindspore import Parameter, Tensor, nn
from safetensors.numpy import save

from src.config import load_config
from src.cost.bitops import CostModel, LayerCost
from src.cost.ladder import Ladder, Row
from src.cost.latency import LatencyCost, read_table
from src.cost.named_plans import read_plan
from src.data import cifar10, image_folder
from src.data.dataset import Request
from src.data.pictures import UnreadablePicture, read_picture
from src.deploy.mindir.bundle import Bundle, BundleStage, read_bundle, write_bundle
from src.engine.artefact import load_artefact
from src.engine.classifier import Classifier
from src.engine.native import Native
from src.entry import as_error
from src.errors import UserError
from src.models import build_backbone
from src.models.weights import classes_of, load_float_weights
from src.recipes import FOLDER
from src.search.remembered import Remembered
from src.train.checkpoints import RunState, load_checkpoint, read_state, save_checkpoint
from tests.engine.files import parts_of
from tests.engine.programs import NAMED
from tests.fuzz.damage import damaged
from tests.fuzz.mutate import mutated

RECORDS = 20  # of a CIFAR-10 file; the real ones have 10,000
LONGEST = 4000  # characters of an error; a list of all keys or layers is long


@dataclass(frozen=True)
class Target:
    """Attributes:
    name: of the file, its suffix included, below a scratch folder.
    seeds: valid contents.
    read: what is tried with the damaged file.
    damage: (content, rng) -> content.
    """

    name: str
    seeds: Callable[[Path], list[bytes]]
    read: Callable[[Path], object]
    damage: Callable[[bytes, random.Random], bytes] = damaged


_text = partial(damaged, is_text=True)


def fault_of(target: Target, content: bytes, folder: Path) -> str:
    """"read" or "refused". AssertionError, or any other: a finding."""
    path = folder / target.name
    path.write_bytes(content)
    try:
        target.read(path)
    except UserError as error:
        line = as_error(error)
        assert "\n" not in line and len(line) < LONGEST, line
        return "refused"
    return "read"


# Recipes, plans, tables


def _recipes(_: Path) -> list[bytes]:
    files = sorted(FOLDER.glob("*.yaml"))
    return [file.read_bytes() for file in files if b"include" not in file.read_bytes()]


LAYERS = [LayerCost(f"layer{s}", 100 * (s + 1), 1, 1, (2, 4, 8), (2, 4, 8), s) for s in range(3)]


def _plans(_: Path) -> list[bytes]:
    plans = [{"layer0": 2, "1": 4, "layer2": 8}, {"*": 4, "layer1": 8}]
    return [json.dumps(plan, indent=1).encode() for plan in plans]


def _static_plans(_: Path) -> list[bytes]:
    return [json.dumps({"layer1.0.conv1": 4, "layer2.0.conv1": [2, 4], "*": 3}, indent=1).encode()]


def _read_static_plan(path: Path) -> None:
    load_config(None, ["method.name=static", "quant.quantizer=lsq", f"quant.plan={path}"])


def _searches(_: Path) -> list[bytes]:
    tried, earlier = ({"method": "uniform", "loss": 0.5, "top1": 0.75, "widths": text} for text in ("2 4 8", "8 8 8"))
    return [json.dumps({"judge": "me", "tried": [tried], "earlier": [earlier]}, indent=1).encode()]


def _read_search(path: Path) -> None:
    known = Remembered(lambda plan: (1.0, 0.0), path, "me", CostModel(LAYERS), 1)
    loss, top1 = known(np.array([[0], [1], [2]]))
    assert type(loss) is type(top1) is float


def _tables(_: Path) -> list[bytes]:
    times = {f"{bits}x{bits}": 0.1 * bits for bits in (2, 4, 8)}
    layers = [{"name": x.name, "macs": x.macs, "ms": times} for x in LAYERS]
    table = {"machine": "m", "isa": "avx2", "threads": 1, "fixed_ms": 0.5, "kept_ms": 0.1, "layers": layers}
    return [json.dumps({"table": table}, indent=1).encode()]


def _read_latencies(path: Path) -> None:
    LatencyCost(read_table(path), LAYERS).of_plan(np.zeros((1, 3, 1), int))


# What training stores and starts from


class _Net(nn.Cell):
    def __init__(self):
        super().__init__()
        self.weight = Parameter(Tensor(np.ones((3, 4), np.float32)), name="weight")
        self.bias = Parameter(Tensor(np.ones(3, np.float32)), name="bias")


def _checkpoints(folder: Path) -> list[bytes]:
    save_checkpoint(folder / "seed.ckpt", _Net(), RunState("float", 10, 2, 1, step=1, sums=[0.5]))
    return [(folder / "seed.ckpt").read_bytes()]


def _read_checkpoint(path: Path) -> None:
    load_checkpoint(path, _Net())
    read_state(path)


def _arrays() -> dict[str, np.ndarray]:
    return {path: p.asnumpy() for path, p in build_backbone("resnet8", 3, seed=1).parameters().items()}


def _npz(_: Path) -> list[bytes]:
    return [_packed(_arrays())]


def _heads(_: Path) -> list[bytes]:
    head = {name: value for name, value in _arrays().items() if name.startswith("fc.")}
    return [_packed(head), _packed(head | {"classes": np.array(["c", "a", "b"])})]


def _packed(arrays: dict[str, np.ndarray]) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def _damaged_npz(content: bytes, rng: random.Random) -> bytes:
    """Bytes of the archive, or arrays in an archive that is whole."""
    if rng.random() < 0.4:
        return damaged(content, rng)
    with np.load(io.BytesIO(content)) as archive:
        arrays = dict(archive)
    name = rng.choice(sorted(arrays))
    old = arrays.pop(name)
    numbers = old if old.dtype.kind == "f" else np.ones(3, np.float32)
    odd = [
        numbers.astype(np.float64), old[None], old.ravel(), old[:0], np.array("text"), np.array([None]), np.array(1j),
        np.array([b"\xff"]), np.zeros((0, 3)), np.array(["2020-01-01"], "M8[D]"), np.full_like(numbers, np.inf),
        np.zeros(3, [("a", "f4")]), np.array([10**30], object), numbers.astype("U9"), numbers.astype("S9"),
    ]  # fmt: skip
    arrays[rng.choice([name, name, name, "fc.weight", "classes", "x", "../x", ""])] = rng.choice(odd)
    return _packed(arrays)


def _weights(path: Path) -> None:
    backbone = build_backbone("resnet8", 3)
    classes_of(path, backbone)
    load_float_weights(backbone, path)


def _head(path: Path) -> None:
    whole = path.with_name("whole.npz")
    if not whole.is_file():
        np.savez(whole, **_arrays())
    load_float_weights(build_backbone("resnet8", 3), whole, head_path=path, classes=("a", "b", "c"))


def _safetensors(_: Path) -> list[bytes]:
    return [save(_arrays())]


def _float_checkpoints(folder: Path) -> list[bytes]:
    rows = [{"name": name, "data": Tensor(value)} for name, value in _arrays().items()]
    ms.save_checkpoint(rows, str(folder / "seed.ckpt"))
    return [(folder / "seed.ckpt").read_bytes()]


# Data


def _cifar(_: Path) -> list[bytes]:
    records = np.random.default_rng(0).integers(0, 10, (RECORDS, cifar10.RECORD_BYTES), np.uint8)
    return [records.tobytes()]


def _read_cifar(path: Path) -> None:
    """As a file of so few records."""
    before = cifar10.RECORDS, cifar10.FILE_BYTES
    cifar10.RECORDS, cifar10.FILE_BYTES = RECORDS, RECORDS * cifar10.RECORD_BYTES
    try:
        images, labels = cifar10.read_file(path)
    finally:
        cifar10.RECORDS, cifar10.FILE_BYTES = before
    assert images.shape == (RECORDS, 3, 32, 32) and labels.min() >= 0 and labels.max() < 10


def _pictures(_: Path) -> list[bytes]:
    picture = np.random.default_rng(0).integers(0, 256, (12, 9, 3), np.uint8)
    return [cv2.imencode(suffix, picture)[1].tobytes() for suffix in (".png", ".jpg", ".bmp", ".webp")]


def _read_folder(path: Path) -> None:
    """The picture among whole ones, in both splits, decoded; its name tells nothing of its kind."""
    folder = path.parent / "folder"
    if not folder.is_dir():
        whole = np.full((10, 10, 3), 90, np.uint8)
        for place in ("train/a", "train/b", "val/a", "val/b"):
            (folder / place).mkdir(parents=True)
            cv2.imwrite(str(folder / place / "whole.png"), whole)
    shutil.copy(path, folder / "train/a/damaged.jpg")
    for part in ("train", "test"):
        found = image_folder.read(Request(str(folder), part, image_size=8))
        draws = np.random.default_rng(0).random((len(found), found.draws), np.float32)
        pixels = found.pixels(np.arange(len(found)), draws if part == "train" else None)
        assert pixels.shape == (len(found), 3, 8, 8)
    try:
        read_picture(path)
    except UnreadablePicture as error:  # another has stood in for it
        raise UserError(str(error)) from error


def _trees(_: Path) -> list[bytes]:
    """Lists of entries: kind and name."""
    split = [f"picture {part}/{name}/{i}.png" for part in ("train", "val") for name in "ab" for i in range(2)]
    whole = [f"picture {name}/{i}.png" for name in "ab" for i in range(4)]
    odd = ["text train/a/notes.txt", "empty val/b/x.jpg", "folder train/a/inner", "nowhere train/a/l.png",
           "pipe train/b/p.png", "itself val/a/s.png", "picture train/a/.hidden.png"]  # fmt: skip
    return ["\n".join(lines).encode() for lines in (split, whole, split + odd, whole + ["text a/notes.txt"])]


def _read_tree(path: Path) -> None:
    root = path.parent / "tree"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    for line in path.read_text("utf-8", errors="replace").splitlines():
        with suppress(OSError, ValueError):  # no such name, or taken
            _make(line, root)
    for part in ("train", "test"):
        found = image_folder.read(Request(str(root), part, image_size=8))
        assert found.pixels(np.arange(len(found))).shape == (len(found), 3, 8, 8)


def _make(line: str, root: Path) -> None:
    kind, _, name = line.strip().partition(" ")
    entry = root.joinpath(*[piece[:60] for piece in name.split("/") if piece.strip(".")])
    entry.parent.mkdir(parents=True, exist_ok=True)
    if kind == "folder":
        entry.mkdir(exist_ok=True)
    elif kind in ("nowhere", "itself"):
        entry.symlink_to(entry if kind == "itself" else "nothing")
    elif kind == "pipe":
        os.mkfifo(entry)
    else:
        picture = cv2.imencode(".png", np.full((9, 9, 3), 50, np.uint8))[1].tobytes()
        with entry.open("xb") as file:  # not into a pipe of that name, which would wait for a reader
            file.write({"text": b"text", "empty": b""}.get(kind, picture))


# What is exported


def _artefacts(_: Path) -> list[bytes]:
    programs = [NAMED[name]() for name in ("nested", "untied", "minding", "rows", "pairs")]
    for program in programs:
        program.notes = {"exponent": 10, "classes": ["a", "b"], "looks": True, "data": "digits", "mean": [0.5] * 3}
    return [bytes(parts_of(program)) for program in programs]


def _read_artefact(path: Path) -> None:
    program = load_artefact(path)
    Native(path)
    Classifier(program, None)


def _bundles(folder: Path) -> list[bytes]:
    stages = (
        BundleStage("a", 0, (0,), 1, 100, ("a2", "a4")),
        BundleStage("b", 1, (1,), 2, 10, ("b2", "b4")), BundleStage("fc", -1, (2,), 3, 0, ("fc",)),
    )  # fmt: skip
    ladder = Ladder((2, 4), (440, 1760), (440, 1760), (0.5, 0.6), (Row((2,), (), 440, 0.5), Row((4,), (), 1760, 0.6)))
    bundles = [Bundle(3, (3, 32, 32), 10, (2, 4), 2, 1, 4, "front.mindir", "mask.mindir", 1000, stages)]
    bundles.append(replace(bundles[0], ladder=ladder))
    contents = []
    for bundle in bundles:
        write_bundle(bundle, folder)
        contents.append((folder / "bundle.cfg").read_bytes())
    return contents


TARGETS = {
    "recipe": Target("recipe.yaml", _recipes, load_config, _text),
    "plan": Target("plan.json", _plans, lambda path: read_plan(path, CostModel(LAYERS), 1), _text),
    "static plan": Target("static.json", _static_plans, _read_static_plan, _text),
    "search": Target("search.json", _searches, _read_search, _text),
    "latencies": Target("table.json", _tables, _read_latencies, _text),
    "checkpoint": Target("last.ckpt", _checkpoints, _read_checkpoint),
    "weights.npz": Target("weights.npz", _npz, _weights, _damaged_npz),
    "weights.ckpt": Target("weights.ckpt", _float_checkpoints, _weights),
    "weights.safetensors": Target("weights.safetensors", _safetensors, _weights),
    "head": Target("head.npz", _heads, _head, _damaged_npz),
    "cifar10": Target("data_batch_1.bin", _cifar, _read_cifar),
    "picture": Target("picture", _pictures, _read_folder),
    "folder": Target("tree.txt", _trees, _read_tree, _text),
    "bundle": Target("bundle.cfg", _bundles, lambda path: read_bundle(path.parent).cost(), _text),
    "artefact": Target("model.safetensors", _artefacts, _read_artefact, mutated),
}
