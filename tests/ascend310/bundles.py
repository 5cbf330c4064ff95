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
"""Bundles of small networks whose choices differ among the images, and what a run of them must give."""

from pathlib import Path

import numpy as np

from src.cost.ladder import Ladder, Row, climb, margin_of
from src.data import load
from src.deploy.compare import network_answers, rung_answers
from src.deploy.harness.deployment import open_deployment
from src.deploy.harness.image_bins import IMAGES, LABELS, write_bins
from src.deploy.harness.results import read_results
from src.deploy.mindir.bundle import FILE
from src.deploy.mindir.compat import rewrite
from src.deploy.mindir.export_bundle import export_bundle
from tests.deploy.ladders import at_several_widths, ladder_for
from tests.methods.build import SIDE, method, randomise_head
from tests.models.tiny import NAME

COUNT = 32
LSQ = ["quant.quantizer=lsq", "quant.first_last=8"]
DQT = ["method.name=dqt", "quant.quantizer=nested", "dqt.pool=2", "dqt.hidden=8"]
NETWORKS = {
    "dqnet per layer": ["method.name=dqnet"],
    "lsq": ["method.name=static", *LSQ],
    "float": ["method.name=float"],
    "dqnet whole network": ["method.name=dqnet", "dqnet.scope=network", *LSQ],
    "dqnet weights and inputs apart": ["method.name=dqnet", "dqnet.tied=false", *LSQ],
    "mobilenetv2, dqnet": ["method.name=dqnet", f"model.name={NAME}", *LSQ],
    "dqt, projections": [*DQT, "model.shortcut=B", "dqt.input=image"],
}
QUICK = "dqnet per layer"


def digits():
    return load("digits", None, "test", image_size=SIDE)


def made(name: str, folder: Path, version: int):
    """FOLDER/bundle and FOLDER/bins of a network of NETWORKS; its logits and plan."""
    dataset = digits()
    built, images = method(*NETWORKS[name]), dataset.batch(np.arange(COUNT))
    if built.controller is not None:
        randomise_head(built, images)
    expected, plan = network_answers(built, images)
    export_bundle(built, dataset, {"classes": dataset.classes}, folder / "bundle", version)
    write_bins(open_deployment(folder / "bundle"), dataset, COUNT, folder / "bins")
    return folder, expected, plan


def made_in_rungs(folder: Path, version: int):
    """The same of a network that escalates; its logits (R, N, classes) at every width, and its ladder."""
    dataset, system = digits(), at_several_widths("dqt")
    images = dataset.batch(np.arange(COUNT))
    ladder = ladder_for(system, images)
    expected = rung_answers(system, images, ladder.bits)
    export_bundle(system, dataset, {"classes": dataset.classes}, folder / "bundle", version, ladder)
    write_bins(open_deployment(folder / "bundle"), dataset, COUNT, folder / "bins")
    return folder, expected, ladder


def flags(folder: Path, device: str = "CPU", *more: str) -> list[str]:
    images = f"--dataset_path={folder}/bins/{IMAGES}"
    return [f"--mindir_path={folder}/bundle", images, f"--device_type={device}", *more]


def results(folder: Path, out: Path):
    deployment = open_deployment(folder / "bundle")
    return read_results(deployment, out / "result_Files", folder / "bins" / LABELS)


def copy_as_version_1(folder: Path, target: Path) -> Path:
    for path in folder.rglob("*"):
        if path.is_file():
            new = target / path.relative_to(folder)
            new.parent.mkdir(parents=True, exist_ok=True)
            new.write_bytes(path.read_bytes())
    for path in target.rglob("*.mindir"):
        rewrite(path, 1)
    table = target / "bundle" / FILE
    table.write_text(table.read_text().replace("mindir_version=3", "mindir_version=1"))
    return target


def assert_rungs(folder: Path, out: Path, expected: np.ndarray, ladder: Ladder, row: Row) -> None:
    """Every image ends at the rung of the definition, unless a margin lies within 0.1 of its threshold;
    most do. It has the logits of that rung, and the price of all passes up to there."""
    logits, choices, _, bitops = results(folder, out)
    places = [ladder.bits.index(bits) for bits in row.bits]
    margins = np.stack([margin_of(expected[place]) for place in places])
    ends = climb(margins, row.margins)
    found = np.array([places.index(choice) for choice in choices[:, 0, 0]])
    near = (np.abs(margins[:-1] - np.array(row.margins)[:, None]) < 0.1).any(0)
    np.testing.assert_array_equal(found[~near], ends[~near])
    assert (found == ends).mean() >= 0.9 and len(np.unique(found)) == len(places)
    np.testing.assert_array_equal(bitops, np.array(ladder.totals(row))[found])
    difference = np.abs(logits - expected[choices[:, 0, 0], np.arange(COUNT)]).max(1)
    assert (difference <= 1e-2).mean() >= 0.85, difference


def assert_answers(folder: Path, out: Path, expected: np.ndarray, plan: np.ndarray | None) -> None:
    """Logits within 1e-2 for 85 % of the images (the others hold a value beside a rounding
    threshold), the class wherever it is clear, every choice."""
    logits, choices, labels, _ = results(folder, out)
    np.testing.assert_array_equal(labels, digits().labels[:COUNT])
    difference = np.abs(logits - expected).max(1)
    assert (difference <= 1e-2).mean() >= 0.85, difference
    ordered = np.sort(expected, 1)
    clear = ordered[:, -1] - ordered[:, -2] > 0.5
    np.testing.assert_array_equal(logits[clear].argmax(1), expected[clear].argmax(1))
    if plan is not None:
        np.testing.assert_array_equal(choices, plan[:, : choices.shape[1]])
        # A width that changes from image to image shows weights that stayed those of the first.
        assert (choices[1:] != choices[:-1]).any((1, 2)).sum() >= 8
