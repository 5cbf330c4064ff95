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
"""preprocess.py's files and postprocess.py's verdict, for both kinds of deployment."""

from dataclasses import replace

import numpy as np
import pytest

from src.config import load_config
from src.data import load
from src.deploy.harness.deployment import open_deployment
from src.deploy.harness.image_bins import write_bins
from src.deploy.harness.results import judge, read_results
from src.deploy.integer.export import export_int
from src.deploy.mindir.bundle import Bundle, BundleStage, write_bundle
from src.deploy.notes import as_notes
from src.errors import UserError
from tests.full_disk import full_disk
from tests.methods.build import method

STAGE = BundleStage("layer2.0.conv1", 0, (0,), 1, 100, ("a", "b"))
BUNDLE = Bundle(3, (3, 32, 32), 10, (2, 4), 1, 1, 2, "front", "", 1000, (STAGE,))


@pytest.fixture(scope="module")
def small_digits():
    return load("digits", None, "test")


@pytest.fixture
def deployment(tmp_path):
    folder = tmp_path / "bundle"
    folder.mkdir()
    write_bundle(BUNDLE, folder)
    (folder / "notes.json").write_text('{"classes": ["0","1","2","3","4","5","6","7","8","9"]}')
    return open_deployment(folder)


def test_bins_hold_what_evaluation_sees(deployment, small_digits, tmp_path):
    out = tmp_path / "bins"
    for _ in range(2):  # an older folder is replaced
        write_bins(deployment, small_digits, 5, out)
    names = [f"digits_bs1_{i:05d}.bin" for i in range(5)]
    assert sorted(path.name for path in (out / "img_data").iterdir()) == names
    for i, name in enumerate(names):
        image = np.fromfile(out / "img_data" / name, np.float32)
        np.testing.assert_array_equal(image, small_digits.batch(np.array([i])).ravel())
        assert np.fromfile(out / "label" / name, np.int32) == small_digits.labels[i]
    deployment.pixels = True
    write_bins(deployment, small_digits, 1, out)
    image = np.fromfile(out / "img_data" / names[0], np.uint8)
    np.testing.assert_array_equal(image, small_digits.pixels(np.array([0])).ravel())


@pytest.mark.parametrize("free", [0, 3, 100], ids=lambda n: f"{n} bytes free")
def test_a_full_disk_is_told_and_leaves_the_older_folder(free, deployment, small_digits, tmp_path):
    """Also where the file is so small that only closing it shows that there was no room."""
    deployment.pixels = True
    write_bins(deployment, small_digits, 2, tmp_path / "bins")
    with full_disk(free), pytest.raises(UserError, match="bins could not be written"):
        write_bins(deployment, small_digits, 5, tmp_path / "bins")
    assert len(list((tmp_path / "bins" / "label").iterdir())) == 2
    assert [path.name for path in (tmp_path / "bins" / "img_data").iterdir()]


def test_other_folders_are_left_alone(deployment, small_digits, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "me.png").touch()
    with pytest.raises(UserError, match="photos"):
        write_bins(deployment, small_digits, 1, tmp_path / "photos")


def results(folder, logits, choices, labels):
    for sub in ("results", "labels"):
        (folder / sub).mkdir()
    for i, (logit, choice, label) in enumerate(zip(logits, choices, labels, strict=True)):
        np.float32(logit).tofile(folder / "results" / f"x_{i}_0.bin")
        np.int32(choice).tofile(folder / "results" / f"x_{i}_1.bin")
        np.array([label], np.int32).tofile(folder / "labels" / f"x_{i}.bin")
    return folder / "results", folder / "labels"


def test_the_verdict(deployment, tmp_path):
    logits = np.eye(10)[[3, 3, 5, 1]]
    folders = results(tmp_path, logits, [[0], [1], [1], [1]], [3, 3, 4, 1])
    row = judge(deployment, *read_results(deployment, *folders))
    assert (row["images"], row["top1"], row["plans"]) == (4, 0.75, 2)
    assert row["histogram"] == {"2": 0.25, "4": 0.75} and row["mean_bits"] == 3.5
    assert row["bitops"] == 1000 + 100 * (4 + 3 * 16) / 4


def test_after_escalation_the_passes_are_priced(deployment, tmp_path):
    """The choices are those of the last pass."""
    folder, labels = results(tmp_path, np.eye(10)[[3, 3]], [[0], [1]], [3, 4])
    for i, bitops in enumerate((1000, 2**40)):
        np.array([bitops], np.int64).tofile(folder / f"x_{i}_2.bin")
    row = judge(deployment, *read_results(deployment, folder, labels))
    assert row["bitops"] == (1000 + 2**40) / 2 and row["histogram"] == {"2": 0.5, "4": 0.5}
    (folder / "x_1_2.bin").unlink()
    with pytest.raises(UserError, match=r"x_1_2\.bin cannot be read"):
        read_results(deployment, folder, labels)


def test_outputs_beyond_the_named_classes_of_a_bundle(deployment, tmp_path):
    """model.num_classes may be above the number of classes in the data."""
    write_bundle(replace(BUNDLE, classes=12), tmp_path / "bundle")
    wide = open_deployment(tmp_path / "bundle")
    folders = results(tmp_path, np.eye(12)[[3, 11]], [[0], [0]], [3, 4])
    assert judge(wide, *read_results(wide, *folders))["top1"] == 0.5


def test_outputs_beyond_the_named_classes_of_an_artefact(picture, tmp_path):
    small = load("digits", None, "test", image_size=picture.size)
    built = method("method.name=static", "quant.quantizer=lsq", "model.num_classes=12")
    path = tmp_path / "net.safetensors"
    export_int(built, picture, as_notes(load_config(), small, None, None), path, small)
    wide = open_deployment(path)
    assert wide.classes == 12 and len(wide.notes["classes"]) == 10
    folder, labels = results(tmp_path, np.zeros((1, 12)), [[0]], [4])
    np.eye(12, dtype=np.int32)[4].tofile(folder / "x_0_0.bin")
    assert judge(wide, *read_results(wide, folder, labels))["top1"] == 1.0


def test_notes_are_not_needed_for_a_verdict(tmp_path):
    """How many logits there are, the table tells."""
    write_bundle(BUNDLE, tmp_path)
    (tmp_path / "notes.json").write_text("{}")
    deployment = open_deployment(tmp_path)
    folders = results(tmp_path, np.eye(10)[[3]], [[0]], [3])
    assert judge(deployment, *read_results(deployment, *folders))["top1"] == 1.0
    with pytest.raises(UserError, match="the notes of this network lack classes; export it again"):
        deployment.note("classes")


@pytest.mark.parametrize("notes", ['{"classes": 5}', '{"mean": [NaN, 0, 0]}', "[]", "[" * 100_000])
def test_odd_notes_are_refused(tmp_path, notes):
    write_bundle(BUNDLE, tmp_path)
    (tmp_path / "notes.json").write_text(notes)
    with pytest.raises(UserError, match=r"notes\.json cannot be read \(the notes"):
        open_deployment(tmp_path)


def test_missing_truncated_and_infinite_results(deployment, tmp_path):
    folder, labels = results(tmp_path, np.zeros((2, 10)), [[0], [0]], [0, 0])
    (folder / "x_1_0.bin").write_bytes(b"1234567")
    with pytest.raises(UserError, match=r"x_1_0\.bin: 7 bytes"):
        read_results(deployment, folder, labels)
    (folder / "x_1_0.bin").unlink()
    with pytest.raises(UserError, match="x_1_0"):
        read_results(deployment, folder, labels)
    np.full(10, np.inf, np.float32).tofile(folder / "x_1_0.bin")
    with pytest.raises(UserError, match="finite"):
        judge(deployment, *read_results(deployment, folder, labels))
    with pytest.raises(UserError, match=r"preprocess\.py"):
        read_results(deployment, folder, folder.parent / "nothing")


def test_a_folder_that_is_no_deployment(tmp_path):
    with pytest.raises(UserError, match="--bundle"):
        open_deployment(tmp_path)
