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
"""The npm package's pictures become the official bytes."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from src.data.cifar10_from_png import convert, main
from src.errors import UserError


@pytest.fixture
def package(tmp_path):
    """A package whose third training file and test file hold random images; labels count up."""
    rng = np.random.default_rng(0)
    pictures = {}
    for name in ("data_batch_3", "test_batch"):
        pictures[name] = rng.integers(0, 256, (10_000, 1024, 3), np.uint8)  # image, pixel, RGB
        fast = [cv2.IMWRITE_PNG_COMPRESSION, 0]
        cv2.imwrite(str(tmp_path / f"{name}.png"), pictures[name][:, :, ::-1], fast)
    (tmp_path / "train_lables.json").write_text(json.dumps((np.arange(50_000) // 7 % 10).tolist()))
    (tmp_path / "test_lables.json").write_text(json.dumps((np.arange(10_000) % 10).tolist()))
    return tmp_path, pictures


def test_records_have_the_right_label_and_planes(package):
    folder, pictures = package
    third = np.frombuffer(convert(folder, "data_batch_3"), np.uint8).reshape(10_000, 3073)
    np.testing.assert_array_equal(third[:, 0], np.arange(20_000, 30_000) // 7 % 10)
    for channel in range(3):
        plane = third[:, 1 + 1024 * channel : 1 + 1024 * (channel + 1)]
        np.testing.assert_array_equal(plane, pictures["data_batch_3"][:, :, channel])
    test = np.frombuffer(convert(folder, "test_batch"), np.uint8).reshape(10_000, 3073)
    np.testing.assert_array_equal(test[:, 0], np.arange(10_000) % 10)


def test_the_named_files_are_written(package, tmp_path):
    folder, _ = package
    main(str(folder), str(tmp_path), "test_batch")
    assert (tmp_path / "test_batch.bin").stat().st_size == 30_730_000
    assert not (tmp_path / "data_batch_3.bin").exists()


def test_a_picture_of_another_shape_is_refused(package):
    folder, _ = package
    cv2.imwrite(str(folder / "data_batch_1.png"), np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(UserError, match=r"data_batch_1\.png is \(4, 4, 3\) with 10000 labels"):
        convert(folder, "data_batch_1")


def test_the_command_reports_one_line_and_exit_code_2(tmp_path):
    command = [sys.executable, "-m", "src.data.cifar10_from_png", str(tmp_path), ".", "test_batch"]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ") and "Traceback" not in done.stderr
