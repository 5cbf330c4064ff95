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
"""Bundles in the real MindSpore Lite, on the CPU: the answers of the network, and clear failures.

LITE_HOME names MindSpore Lite (scripts/get_mindspore_lite.sh); without it these tests are skipped.
"""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from src.data import load
from src.deploy.answers import network_answers
from src.deploy.bundle import FILE
from src.deploy.deployment import open_deployment
from src.deploy.export_bundle import export_bundle
from src.deploy.harness_results import read_results
from src.deploy.image_bins import IMAGES, LABELS, write_bins
from src.deploy.mindir_compat import rewrite
from tests.ascend310.program import HARNESS, Program, assert_one_error
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


@pytest.fixture(scope="session")
def lite(tmp_path_factory) -> Program:
    """The program, built with MindSpore Lite."""
    home = os.environ.get("LITE_HOME")
    if not home or not Path(home).is_dir():
        pytest.skip(f"MindSpore Lite not given: LITE_HOME is {home!r}")
    out = tmp_path_factory.mktemp("lite")
    command = ["bash", str(HARNESS / "build.sh"), str(out)]
    subprocess.run(command, check=True, timeout=600, capture_output=True)
    # Without what this process set for MindSpore: the program silences Lite itself.
    return Program(["env", "--unset=GLOG_v", str(out / "main")])


@pytest.fixture(scope="module")
def digits():
    return load("digits", None, "test", image_size=SIDE)


@pytest.fixture(scope="module")
def quick(digits, tmp_path_factory):
    """A bundle of version 3 that tests may copy."""
    folder = tmp_path_factory.mktemp("quick")
    return made(QUICK, digits, folder, 3)


def made(name: str, digits, folder: Path, version: int):
    """FOLDER/bundle and FOLDER/bins of a network of NETWORKS; its logits and plan."""
    built, images = method(*NETWORKS[name]), digits.batch(np.arange(COUNT))
    if built.head is not None:
        randomise_head(built, images)
    expected, plan = network_answers(built, images)
    export_bundle(built, digits, {"classes": digits.classes}, folder / "bundle", version)
    write_bins(open_deployment(folder / "bundle"), digits, COUNT, folder / "bins")
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


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[] if n == QUICK else pytest.mark.slow) for n in NETWORKS],
)
def test_the_networks_answers(name, lite, digits, quick, tmp_path):
    if name == QUICK:
        folder, (expected, plan) = copy_as_version_1(quick[0], tmp_path / "copy"), quick[1:]
    else:
        folder, expected, plan = made(name, digits, tmp_path / "made", 1)
    for mode in ("stages",) if plan is None else ("stages", "single"):
        done = lite(tmp_path, *flags(folder, "CPU", f"--mode={mode}"))
        assert done.returncode == 0, done.stderr
        logits, choices, labels = results(folder, tmp_path)
        np.testing.assert_array_equal(labels, digits.labels[:COUNT])
        difference = np.abs(logits - expected).max(1)
        assert (difference <= 1e-2).mean() >= 0.85, difference
        ordered = np.sort(expected, 1)
        clear = ordered[:, -1] - ordered[:, -2] > 0.5
        np.testing.assert_array_equal(logits[clear].argmax(1), expected[clear].argmax(1))
        if plan is not None:
            # A width that changes from image to image shows weights that stayed those of the first.
            np.testing.assert_array_equal(choices, plan[:, : choices.shape[1]])
            assert (choices[1:] != choices[:-1]).any((1, 2)).sum() >= 8


def test_version_3_on_an_old_lite_names_the_flag(lite, quick, tmp_path):
    assert_one_error(lite(tmp_path, *flags(quick[0])), 1, "--mindir-version 1", ".mindir")


def test_ascend_without_cann(lite, quick, tmp_path):
    assert_one_error(lite(tmp_path, *flags(quick[0], "Ascend")), 1, "Ascend", "CANN")


@pytest.mark.parametrize("size", [0, 1000])
def test_a_truncated_file_is_named(size, lite, quick, tmp_path):
    folder = copy_as_version_1(quick[0], tmp_path / "copy")
    path = folder / "bundle" / "head.mindir"
    path.write_bytes(path.read_bytes()[:size])
    assert_one_error(lite(tmp_path, *flags(folder)), 1, "head.mindir")


def test_swapped_files_are_found(lite, quick, tmp_path):
    folder = copy_as_version_1(quick[0], tmp_path / "copy")
    path = folder / "bundle" / "head.mindir"
    path.write_bytes((folder / "bundle" / "front.mindir").read_bytes())
    assert_one_error(lite(tmp_path, *flags(folder)), 1, "head.mindir", "floats")
