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
"""`load`: names, splits, and the held-out part, on the built-in digits."""

import numpy as np
import pytest

from src.config import known_keys, load_config, save_config
from src.data import DATASETS, load
from src.data.dataset import LARGEST, SMALLEST
from src.errors import UserError


def pictures(dataset) -> list[tuple[bytes, int]]:
    """Each image with its label, to compare sets of samples."""
    rows = zip(dataset.images, dataset.labels, strict=True)
    return sorted((image.tobytes(), int(label)) for image, label in rows)


def test_the_held_out_part_and_the_rest_are_the_training_set():
    whole = load("digits", None, "train")
    rest = load("digits", None, "train", val_split=0.2, seed=3)
    held = load("digits", None, "val", val_split=0.2, seed=3)
    assert pictures(whole) == sorted(pictures(rest) + pictures(held))
    share = np.bincount(held.labels) / np.bincount(whole.labels)
    assert abs(share - 0.2).max() < 0.5 / np.bincount(whole.labels).min() + 1e-9
    assert held.classes == whole.classes


def test_the_seed_decides_what_is_held_out():
    first, again, other = (
        pictures(load("digits", None, "val", val_split=0.2, seed=seed)) for seed in (3, 3, 4)
    )
    assert first == again and first != other
    rest = pictures(load("digits", None, "train", val_split=0.2, seed=4))
    assert not set(rest) & set(other)


def test_the_test_split_does_not_depend_on_the_held_out_share():
    test = load("digits", None, "test")
    other = load("digits", None, "test", val_split=0.5, seed=9)
    np.testing.assert_array_equal(test.images, other.images)


def test_statistics_can_be_overridden():
    own = load("digits", None, "test")
    other = load("digits", None, "test", mean=[0, 0, 0], std=[1, 1, 1])
    expected = own.images[:2] / 255.0
    np.testing.assert_allclose(other.batch(np.arange(2)), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("mnist", None, "train"), f"data.name='mnist'.*{', '.join(DATASETS)}"),
        (("digits", None, "valid"), "'valid' is not known; allowed: train, val, test"),
        (("digits", None, "val"), r"data\.val_split=0; set data\.val_split"),
    ],
)
def test_unknown_names_are_refused(arguments, text):
    with pytest.raises(UserError, match=text):
        load(*arguments)


@pytest.mark.parametrize("share", [-0.1, 1.0, 2.0, float("nan")])
def test_an_impossible_share_is_refused(share):
    with pytest.raises(UserError, match=r"data\.val_split=.*0 <= val_split < 1"):
        load("digits", None, "train", val_split=share)


def test_a_share_that_holds_out_nothing_is_refused():
    with pytest.raises(UserError, match=r"data\.val_split=0\.001 of 1442 training images"):
        load("digits", None, "val", val_split=0.001)


def test_the_key_of_the_side_has_the_bounds_of_the_data_sets():
    item = known_keys()["data.image_size"][1]
    assert (item.metadata["low"], item.metadata["high"]) == (SMALLEST, LARGEST)


def test_a_configuration_that_is_older_than_the_keys_keeps_each_data_set_s_own(tmp_path):
    config = load_config(None, [f"run.dir={tmp_path}"])
    save_config(config, tmp_path / "config.yaml")
    text = (tmp_path / "config.yaml").read_text()
    (tmp_path / "config.yaml").write_text(text.replace("  flip: null\n", "").replace("  shift: null\n", ""))
    assert load_config(tmp_path / "config.yaml") == config and config.data.flip is None is config.data.shift
