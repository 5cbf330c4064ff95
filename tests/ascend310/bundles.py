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

from src.data import load
from src.deploy.compare import network_answers
from src.deploy.harness.deployment import open_deployment
from src.deploy.harness.image_bins import IMAGES, LABELS, write_bins
from src.deploy.harness.results import read_results
from src.deploy.mindir.bundle import FILE
from src.deploy.mindir.compat import rewrite
from src.deploy.mindir.export_bundle import export_bundle
from tests.methods.build import SIDE, method, randomise_head

COUNT = 32
LSQ = ["quant.quantizer=lsq", "quant.first_last=8"]
DQT = ["method.name=dqt", "quant.quantizer=nested", "dqt.pool=2", "dqt.hidden=8"]
NETWORKS = {
    "dqnet per layer": ["method.name=dqnet"],
    "lsq": ["method.name=static", *LSQ],
    "float": ["method.name=float"],
    "dqnet whole network": ["method.name=dqnet", "dqnet.scope=network", *LSQ],
    "dqnet weights and inputs apart": ["method.name=dqnet", "dqnet.tied=false", *LSQ],
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
