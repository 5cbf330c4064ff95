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
"""The inference program's BitOPs and histogram, of a bundle and of an artefact, are the cost model's."""

import re
import subprocess
from pathlib import Path

import mindspore as ms
import numpy as np
import pytest

from src.cost.widths import mean_bits, width_shares
from src.deploy.harness.deployment import Deployment, open_deployment
from src.deploy.harness.results import judge
from src.deploy.integer.lower import Picture, lower
from src.deploy.mindir import export_bundle as module
from src.deploy.mindir.bundle import FILE, Bundle, BundleStage, write_bundle
from src.engine.artefact import save_artefact
from src.engine.oracle import Oracle
from tests.ascend310.bundles import NETWORKS, digits
from tests.ascend310.program import choosing, host, write_case
from tests.methods.build import SIDE, method

IMAGES = 23
HEAD = (3, (3, 8, 8), 10)  # IR version, image, classes
PICTURE = Picture(SIDE, np.tile(np.linspace(-2, 2, 256, dtype=np.float32), (3, 1)))


def stage(slot: int, macs: int, output: int, files: int) -> BundleStage:
    names = tuple(f"{output}_{i}" for i in range(files))
    return BundleStage(f"layer{output}", slot, (output - 1,), output, macs, names)


TABLES = {
    "one column, stages without a choice": Bundle(
        *HEAD, (2, 4, 8), 2, 1, 5, "front", "", 1234567,
        (stage(0, 1001, 1, 3), stage(-1, 0, 2, 1), stage(1, 20_000_003, 3, 3), stage(-1, 0, 4, 1)),
    ),
    "two columns, slots out of order": Bundle(
        *HEAD, (3, 5), 2, 2, 3, "front", "", 99, (stage(1, 17, 1, 4), stage(0, 2_000_000_011, 2, 4)),
    ),
    "a tail": Bundle(*HEAD, (3, 4, 5), 1, 1, 2, "front", "", 7, (stage(0, 10**12, 1, 3),)),
    "a static network": Bundle(*HEAD, registers=2, fixed_bitops=5 * 10**9, stages=(stage(-1, 0, 1, 1),)),
}  # fmt: skip


def priced(units: Path, bundle: Path, plan: np.ndarray) -> tuple[np.ndarray, str]:
    """The program's BitOPs of each image, int64 (N,), and its report."""
    numbers = " ".join(map(str, [len(plan), *plan.ravel().tolist()]))
    done = subprocess.run(
        [units, "price", bundle / FILE], input=numbers, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    return np.array(lines[: len(plan)], np.int64), "\n".join(lines[len(plan) :])


def histogram_of(report: str) -> tuple[np.ndarray, np.ndarray]:
    """Candidates in bits (K,), and how often each was chosen (layers x columns, K)."""
    table = report[report.index("\nlayer") :].strip().splitlines()
    bits = np.array(re.findall(r"(\d+) bits", table[0]), int)
    return bits, np.array([line.split()[2:] for line in table[1:]], int)


def assert_same_histogram(report: str, deployment: Deployment, plan: np.ndarray) -> None:
    """Mean width and shares of the program's counts are those of the cost model and of the verdict."""
    bits, counts = histogram_of(report)
    cells = plan.reshape(len(plan), -1).T
    np.testing.assert_array_equal(
        counts, [np.bincount(cell, minlength=len(bits)) for cell in cells]
    )
    widths = deployment.cost.widths(plan)
    total = counts.sum(0)
    assert total @ bits / total.sum() == mean_bits(*widths)
    shares = {b: n / total.sum() for b, n in zip(bits.tolist(), total.tolist(), strict=True) if n}
    assert shares == width_shares(np.stack(widths))
    nothing = np.zeros(len(plan), int)
    row = judge(deployment, np.zeros((len(plan), 10)), plan, nothing)
    assert row["mean_bits"] == mean_bits(*widths)
    assert row["histogram"] == {str(b): share for b, share in shares.items()}


def assert_same_prices(units: Path, folder: Path, plan: np.ndarray) -> np.ndarray:
    """BitOPs of each image, after they were found to be the same in both languages."""
    deployment = open_deployment(folder)
    is_static = deployment.choices is None
    bitops, report = priced(units, folder, plan)
    expected = np.broadcast_to(deployment.cost.of_plan(None if is_static else plan), len(plan))
    np.testing.assert_array_equal(bitops, expected)
    assert f"mean BitOPs per image: {expected.mean():.0f}\n" in report
    if is_static:
        assert "layer" not in report
    else:
        assert_same_histogram(report, deployment, plan)
    return bitops


def random_plan(layers: int, columns: int, choices: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, choices, (IMAGES, layers, columns))


@pytest.mark.parametrize("name", TABLES)
def test_a_table_by_hand(name, units, tmp_path):
    bundle = TABLES[name]
    write_bundle(bundle, tmp_path)
    (tmp_path / "notes.json").write_text("{}")
    assert_same_prices(
        units, tmp_path, random_plan(bundle.layers, bundle.columns, max(len(bundle.bits), 1))
    )


@pytest.fixture
def only_the_table(monkeypatch):
    """A bundle without its MINDIR files, which take long to make."""
    monkeypatch.setattr(module, "_export", lambda *_: None)
    monkeypatch.setattr(module, "_compare", lambda *_: {})
    ms.set_context(mode=ms.PYNATIVE_MODE)
    yield
    ms.set_context(mode=ms.GRAPH_MODE)


@pytest.mark.parametrize("name", [name for name in NETWORKS if name != "float"])
def test_a_network_as_bundle_and_as_artefact(name, units, only_the_table, tmp_path):
    """Training, artefact, bundle and the program have one price for a plan."""
    built = method(*NETWORKS[name])
    save_artefact(lower(built, PICTURE, {}), tmp_path / "model.safetensors")
    module.export_bundle(built, digits(), {}, tmp_path / "bundle", 3)
    artefact = open_deployment(tmp_path / "model.safetensors")
    layers, columns = artefact.choices or (0, 1)
    plan = random_plan(layers, columns, max(len(built.widths), 1))
    of_bundle = plan
    if "whole network" in name:  # one choice, which the artefact repeats for every layer
        of_bundle = plan[:, :1]
        plan = np.repeat(of_bundle, layers, 1)
    bitops = assert_same_prices(units, tmp_path / "bundle", of_bundle)
    widths = artefact.cost.widths(plan if layers else None)
    expected = artefact.cost.of_widths(*widths)
    np.testing.assert_array_equal(bitops, np.broadcast_to(expected, IMAGES))
    np.testing.assert_array_equal(built.cost.of_widths(*widths), expected)


def test_the_histogram_of_an_artefact(program, tmp_path):
    artefact = choosing(12)
    images = write_case(artefact, tmp_path, 12)
    assert program(tmp_path, *host()).returncode == 0
    _, plan = Oracle(artefact).run(images)
    report = (tmp_path / "time_Result" / "test_perform_static.txt").read_text()
    assert_same_histogram(report, open_deployment(tmp_path), plan)
