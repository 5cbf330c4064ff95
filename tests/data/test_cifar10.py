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
"""CIFAR-10's binary layout: bytes to pixels, bad files, and the real set where it is there."""

import numpy as np
import pytest

from src.data import load
from src.data.cifar10 import FILE_BYTES, MEAN, STD, read_file
from src.errors import UserError


@pytest.fixture
def made(tmp_path):
    """A folder with a random, well-formed test file."""
    records = np.random.default_rng(0).integers(0, 256, (10_000, 3073), np.uint8)
    records[:, 0] %= 10
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    records.tofile(folder / "test_batch.bin")
    return folder, records


def test_a_record_is_a_label_and_three_planes(made):
    folder, records = made
    for path in (folder, folder.parent):
        test = load("cifar10", str(path), "test")
        assert len(test) == 10_000 and test.labels.dtype == np.int32
        np.testing.assert_array_equal(test.labels, records[:, 0])
        picture = test.raw(123)
        assert picture.shape == (32, 32, 3)
        assert picture[5, 7].tolist() == [records[123, 1 + 1024 * c + 5 * 32 + 7] for c in range(3)]


def test_a_truncated_file_is_named_with_both_sizes(made):
    folder, _ = made
    with (folder / "test_batch.bin").open("r+b") as file:
        file.truncate(FILE_BYTES - 1)
    text = r"test_batch\.bin has 30,729,999 bytes, 30,730,000 are expected.*get_cifar10\.sh"
    with pytest.raises(UserError, match=text):
        load("cifar10", str(folder), "test")


def test_a_wrong_label_is_named_with_its_record(made):
    folder, records = made
    records[77, 0] = 10
    records.tofile(folder / "test_batch.bin")
    with pytest.raises(UserError, match=r"test_batch\.bin has label 10 in record 77, 0\.\.9"):
        read_file(folder / "test_batch.bin")


def test_what_is_missing_is_named(made):
    folder, _ = made
    with pytest.raises(UserError, match=r"data_batch_1\.bin is missing \(30,730,000 .*get_cif"):
        load("cifar10", str(folder), "train")
    with pytest.raises(UserError, match=r"data\.path=/nowhere is not a folder.*get_cifar10\.sh"):
        load("cifar10", "/nowhere", "train")
    with pytest.raises(UserError, match=r"data\.path is not set.*get_cifar10\.sh"):
        load("cifar10", None, "train")
    with pytest.raises(UserError, match=r"32x32, not 64 .*data\.image_size"):
        load("cifar10", str(folder), "test", image_size=64)
    with pytest.raises(UserError, match=r"data\.colour_jitter=0\.4"):
        load("cifar10", str(folder), "test", colour_jitter=0.4)
    with pytest.raises(UserError, match=r"data\.crop_area=0\.5: it is for image_folder; leave it null"):
        load("cifar10", str(folder), "train", crop_area=0.5)


def test_training_view_is_a_crop_of_the_padded_image_or_its_mirror_image(made):
    folder, _ = made
    test = load("cifar10", str(folder), "test")
    draws = np.array([[0.0, 0.999, 0.9], [0.999, 0.5, 0.1]])
    got = test.pixels(np.array([0, 1]), draws)
    padded = np.pad(test.images[:2], ((0, 0), (0, 0), (4, 4), (4, 4)))
    np.testing.assert_array_equal(got[0], padded[0, :, 0:32, 8:40])
    np.testing.assert_array_equal(got[1], padded[1, :, 8:40, 4:36][:, :, ::-1])


def test_the_real_training_set_has_its_published_statistics(cifar10_path):
    train = load("cifar10", str(cifar10_path), "train")
    assert np.bincount(train.labels).tolist() == [5000] * 10
    # Sums of integers, channel by channel: exact, and without a float copy of 150 MB.
    for channel in range(3):
        counts = np.bincount(train.images[:, channel].ravel(), minlength=256) / (50_000 * 1024)
        mean = (counts * np.arange(256)).sum() / 255
        std = np.sqrt((counts * np.arange(256) ** 2).sum() / 255**2 - mean**2)
        assert mean == pytest.approx(MEAN[channel], abs=6e-5)
        assert std == pytest.approx(STD[channel], abs=6e-5)
    assert train.classes[train.labels[0]] == "frog"  # the first image of data_batch_1


def test_the_real_held_out_split_is_balanced(cifar10_path):
    held = load("cifar10", str(cifar10_path), "val", val_split=0.1, seed=1)
    assert np.bincount(held.labels).tolist() == [500] * 10
