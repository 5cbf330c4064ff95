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

"""A user's own arrays: both forms of a file, statistics by hand, and one error for each fault."""

import numpy as np
import pytest

from src.data import Loader, load
from src.data.labelled import load_test
from src.errors import UserError

COUNT, SIDE = 40, 8


def made(count=COUNT, seed=0, side=SIDE):
    images = np.random.default_rng(seed).integers(0, 256, (count, 3, side, side), np.uint8)
    return images, np.arange(count) % 4


@pytest.fixture
def write(tmp_path):
    """A function that keeps arrays; returns the path as text."""

    def keep(**arrays) -> str:
        np.savez(tmp_path / "mine.npz", **arrays)
        return str(tmp_path / "mine.npz")

    return keep


def test_named_parts(write):
    (images, labels), (others, theirs) = made(), made(12, 1)
    names = ["cat", "dog", "owl", "newt"]
    path = write(train_images=images, train_labels=labels, test_images=others, test_labels=theirs, classes=names)
    train, test = (load("arrays", path, part) for part in ("train", "test"))
    np.testing.assert_array_equal(train.images, images)
    np.testing.assert_array_equal(test.images, others)
    assert (train.labels.tolist(), test.labels.tolist()) == (labels.tolist(), theirs.tolist())
    assert train.classes == test.classes == names and train.image_size == SIDE
    for dataset in (train, test):
        np.testing.assert_allclose(dataset.mean, (images / 255.0).mean((0, 2, 3)), rtol=1e-6)
        np.testing.assert_allclose(dataset.std, (images / 255.0).std((0, 2, 3)), rtol=1e-6)


def test_they_are_moved_and_mirrored_where_that_is_asked_for(write):
    images, labels = made()
    path = write(images=images, labels=labels)
    plain = load("arrays", path, "train")
    assert plain.draws == 0
    train = load("arrays", path, "train", flip=True, shift=2)
    draws = np.array([[0.5, 0.5, 0.1], [0.0, 0.5, 0.9]])  # mirrored in its place; two pixels down
    mirrored, moved = train.pixels(np.arange(2), draws)
    np.testing.assert_array_equal(mirrored, plain.images[0][..., ::-1])
    np.testing.assert_array_equal(moved[:, 2:], plain.images[1][:, :-2])
    assert not moved[:, :2].any()
    np.testing.assert_array_equal(train.pixels(np.arange(2)), plain.images[:2])


def test_one_part_is_split_by_class_and_always_alike(write):
    images, labels = made()
    path = write(images=images, labels=labels)
    train, test = (load("arrays", path, part, test_split=0.2, seed=5) for part in ("train", "test"))
    assert np.bincount(train.labels).tolist() == [8] * 4 and np.bincount(test.labels).tolist() == [2] * 4
    seen = {view.tobytes() for view in (*train.images, *test.images)}
    assert seen == {view.tobytes() for view in images}
    np.testing.assert_array_equal(load("arrays", path, "test", test_split=0.2, seed=6).images, test.images)
    assert test.classes == ["0", "1", "2", "3"]


def test_batches_are_not_augmented(write):
    path = write(**dict(zip(("images", "labels"), made(), strict=True)))
    train = load("arrays", path, "train", val_split=0.25)
    batch = next(Loader(train, 4, train=True, seed=1).epoch(0))
    np.testing.assert_array_equal(batch.images, train.batch(batch.index))


def test_a_channel_that_is_the_same_everywhere_has_a_deviation(write):
    images, labels = made()
    images[:, 1] = 7
    assert load("arrays", write(images=images, labels=labels), "train").std[1] == np.float32(1e-3)


def test_an_exported_network_reads_them_as_it_was_trained(write):
    path = write(**dict(zip(("images", "labels"), made(), strict=True)))
    test = load("arrays", path, "test", test_split=0.4)
    notes = {"data": "arrays", "classes": test.classes, "image_size": SIDE, "mean": [0, 0, 0], "std": [1, 1, 1],
             "config": {"data": {"test_split": 0.4}}}  # fmt: skip
    again = load_test("arrays", path, notes, "model.safetensors")
    np.testing.assert_array_equal(again.images, test.images)
    assert again.std.tolist() == [1, 1, 1]


IMAGES, LABELS = made()
FAULTS = [
    ({"images": IMAGES}, r"lacks labels \(it has images\); give it images and labels, or train_images"),
    ({"train_images": IMAGES, "train_labels": LABELS}, "lacks test_images, test_labels"),
    ({}, "it has nothing"),
    ({"images": IMAGES / 255, "labels": LABELS}, r"images is float64 \(40, 3, 8, 8\); expected uint8 \(N, 3, S, S\)"),
    ({"images": IMAGES.transpose(0, 2, 3, 1), "labels": LABELS}, r"Colours last: x.transpose\(0, 3, 1, 2\)"),
    ({"images": IMAGES[:, 0], "labels": LABELS}, r"grey \(N, S, S\): np.repeat"),
    ({"images": np.uint8(3), "labels": LABELS}, "images is uint8"),
    ({"images": IMAGES[:0], "labels": LABELS[:0]}, "images is uint8"),
    ({"images": IMAGES[..., :4, :4], "labels": LABELS}, "has 4 pixels a side; allowed: 8 to 1024"),
    ({"images": IMAGES, "labels": LABELS[1:]}, r"labels is int64 \(39,\); expected an integer of each of the 40"),
    ({"images": IMAGES, "labels": np.eye(4)[LABELS]}, r"one-hot: y.argmax\(1\)"),
    ({"images": IMAGES, "labels": LABELS - 1}, r"labels are -1..2; allowed are 0..39"),
    ({"images": IMAGES, "labels": LABELS * 1000}, r"labels are 0..3000; allowed are 0..39"),
    ({"images": IMAGES, "labels": LABELS, "classes": ["a", "b"]}, r"labels are 0..3; allowed are 0..1"),
    ({"images": IMAGES, "labels": LABELS, "classes": ["a", "b", "c", "a"]}, "no two alike"),
    ({"images": IMAGES, "labels": LABELS, "classes": [1, 2, 3, 4]}, "expected a name of each class"),
    ({"train_images": IMAGES, "train_labels": LABELS, "test_images": made(4, side=9)[0],
      "test_labels": LABELS[:4]}, r"different sides, \[8, 9\] pixels"),
    ({"images": IMAGES, "labels": np.array([{}] * COUNT)}, "cannot be read as arrays"),
]  # fmt: skip


@pytest.mark.parametrize("arrays, told", FAULTS, ids=range(len(FAULTS)))
def test_a_fault_is_told_with_its_array(write, arrays, told):
    with pytest.raises(UserError, match=told) as caught:
        load("arrays", write(**arrays), "train")
    assert "mine.npz" in str(caught.value)


def test_a_file_that_is_none(tmp_path, write):
    path = tmp_path / "mine.npz"
    for told, make in (
        ("no such file", lambda: None),
        ("cannot be read as arrays", lambda: path.write_bytes(b"PK\3\4 no archive")),
        ("cannot be read as arrays", lambda: path.write_bytes(b"")),
        ("cannot be read as arrays", lambda: np.save(path.open("wb"), IMAGES)),
        ("is a folder", lambda: (path.unlink(), path.mkdir())),
    ):
        make()
        with pytest.raises(UserError, match=told):
            load("arrays", str(path), "test")


def test_what_it_does_not_take(write):
    path = write(images=IMAGES, labels=LABELS)
    with pytest.raises(UserError, match="the images in .* have 8 pixels a side, not 16 .data.image_size"):
        load("arrays", path, "test", image_size=16)
    with pytest.raises(UserError, match="data.colour_jitter=0.5: it is for image_folder"):
        load("arrays", path, "train", colour_jitter=0.5)
    with pytest.raises(UserError, match="data.path is not set"):
        load("arrays", None, "train")
