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
"""Picture folders: views, replaced pictures, and when unreadable ones end the run."""

import logging
import os
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from src.data import Loader, load
from src.data.augment import CROP_DRAWS, colour_jitter, crop_box
from src.data.pictures import evaluation_view, read_picture, resize
from src.errors import UserError


def colour(label: int, i: int) -> tuple[int, int, int]:
    """Each picture has a colour of its own, which tells where a pixel came from."""
    return 20 * label + 5, 3 * i + 1, 200


@pytest.fixture
def folder(tmp_path):
    """Two classes of 12 training and 3 validation pictures, of differing sizes."""
    for part, count in (("train", 12), ("val", 3)):
        for label, name in enumerate(("cat", "dog")):
            (tmp_path / part / name).mkdir(parents=True)
            for i in range(count):
                picture = np.empty((20 + i, 40 - i, 3), np.uint8)
                picture[:] = colour(label, i)[::-1]
                cv2.imwrite(str(tmp_path / part / name / f"{i:02}.png"), picture)
    return tmp_path


def break_pictures(folder, name, numbers):
    for i in numbers:
        (folder / "train" / name / f"{i:02}.png").write_bytes(b"not a picture")


def test_splits_sizes_and_pictures(folder):
    train = load("image_folder", str(folder), "train", image_size=16)
    test = load("image_folder", str(folder), "test", image_size=16)
    assert (len(train), len(test), train.num_classes, train.classes) == (24, 6, 2, ["cat", "dog"])
    assert train.image_size == 16 and load("image_folder", str(folder), "test").image_size == 224
    assert test.raw(4).shape == (16, 16, 3) and (test.raw(4) == colour(1, 1)).all()
    assert test.batch(np.arange(6)).shape == (6, 3, 16, 16)


def test_held_out_pictures_are_disjoint_and_seen_in_the_evaluation_view(folder):
    options = {"image_size": 16, "val_split": 0.25, "seed": 1}
    rest = load("image_folder", str(folder), "train", **options)
    held = load("image_folder", str(folder), "val", **options)
    assert np.bincount(held.labels).tolist() == [3, 3] and len(rest) == 18
    assert not set(rest.files) & set(held.files)
    expected = evaluation_view(read_picture(held.files[2]), 16)
    np.testing.assert_array_equal(held.raw(2), expected)


def test_training_view_is_crop_resize_flip_and_colours(tmp_path):
    (tmp_path / "train" / "a").mkdir(parents=True)
    picture = np.random.default_rng(0).integers(0, 256, (50, 70, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "train/a/0.png"), picture[:, :, ::-1])
    train = load("image_folder", str(tmp_path), "train", image_size=24, colour_jitter=0.4)
    draws = np.random.default_rng(1).random((8, train.draws))
    assert set(draws[:, CROP_DRAWS] < 0.5) == {True, False}  # both sides of the coin
    got = train.pixels(np.zeros(8, int), draws)
    for row, u in enumerate(draws):
        top, left, height, width = crop_box(50, 70, u[:CROP_DRAWS])
        view = resize(picture[top : top + height, left : left + width], 24, 24)
        view = np.fliplr(view) if u[CROP_DRAWS] < 0.5 else view
        view = colour_jitter(view, 0.4, u[CROP_DRAWS + 1 :])
        np.testing.assert_array_equal(got[row], view.transpose(2, 0, 1))


def test_a_crop_of_the_whole_area_keeps_the_whole_square(tmp_path):
    (tmp_path / "train" / "a").mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "train/a/0.png"), np.random.default_rng(0).integers(0, 256, (24, 24, 3), np.uint8))
    train = load("image_folder", str(tmp_path), "train", image_size=24, crop_area=1.0, flip=False)
    draws = np.full((1, train.draws), 0.5)  # square
    got = train.pixels(np.zeros(1, int), draws)[0]
    np.testing.assert_array_equal(got.transpose(1, 2, 0), read_picture(train.files[0]))


@pytest.mark.parametrize(("flip", "views"), [(None, 2), (True, 2), (False, 1)])
def test_pictures_whose_sides_matter_are_not_mirrored(folder, flip, views):
    train = load("image_folder", str(folder), "train", image_size=8, flip=flip).take(np.array([0]))
    train.picture = lambda _: np.arange(8 * 8 * 3, dtype=np.uint8).reshape(8, 8, 3)
    draws = np.full((2, train.draws), 0.999)  # the whole picture
    draws[1, CROP_DRAWS] = 0.1
    assert len(np.unique(train.pixels(np.zeros(2, int), draws), axis=0)) == views


def test_pictures_are_cropped_and_not_moved(folder):
    with pytest.raises(UserError, match="data.shift=4: an image_folder is cropped at random; leave it null"):
        load("image_folder", str(folder), "train", shift=4)


def test_a_broken_picture_is_named_once_counted_and_replaced_by_its_neighbour(folder, caplog):
    break_pictures(folder, "cat", [11, 0])
    train = load("image_folder", str(folder), "train", image_size=8)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert (train.raw(11) == colour(0, 1)).all()  # 11 wraps to 0, which is broken too
            assert (train.raw(0) == colour(0, 1)).all()
    assert train.errors == 2
    messages = [record.getMessage() for record in caplog.records]
    assert len(messages) == 2
    assert "cat/11.png: it is truncated or not a picture" in messages[0]
    assert "cat/00.png" in messages[1]


def test_the_batch_of_a_broken_picture_keeps_its_index_whatever_the_threads(folder):
    break_pictures(folder, "dog", [3, 4])
    runs = []
    for workers in (0, 3):
        train = load("image_folder", str(folder), "train", image_size=8)
        loader = Loader(train, 5, train=False, workers=workers)
        runs.append(list(loader.epoch(0)))
        assert train.errors == 2
    for one, other in zip(*runs, strict=True):
        np.testing.assert_array_equal(one.images, other.images)
        np.testing.assert_array_equal(one.index, other.index)
    index = np.concatenate([batch.index for batch in runs[0]])
    np.testing.assert_array_equal(index[:24], np.arange(24))


def test_many_threads_count_each_broken_picture_once(folder, caplog):
    break_pictures(folder, "cat", range(8))
    train = load("image_folder", str(folder), "train", image_size=8)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: train.pixels(np.arange(12)), range(16)))
    assert train.errors == 8 and len(caplog.records) == 8


def test_too_many_broken_pictures_end_the_run_with_names(folder):
    break_pictures(folder, "cat", range(6))
    break_pictures(folder, "dog", range(5))
    train = load("image_folder", str(folder), "train", image_size=8)
    with pytest.raises(UserError, match=r"11 of 24 pictures cannot be read, 10 are.*cat/00\.png"):
        list(Loader(train, 4, train=False, workers=2).epoch(0))
    patient = load("image_folder", str(folder), "train", image_size=8, max_errors=0.5)
    list(Loader(patient, 4, train=False, workers=2).epoch(0))
    assert patient.errors == 11


def test_a_class_without_one_readable_picture_is_named(folder):
    for path in (folder / "val" / "dog").iterdir():
        path.write_bytes(b"")
    test = load("image_folder", str(folder), "test", image_size=8)
    with pytest.raises(UserError, match=r"no picture of class 'dog' in .*val/dog can be read"):
        test.raw(3)


def test_links_to_nothing_pipes_and_other_suffixes_are_counted(folder, caplog):
    """An epoch ends with all of them in `errors`, from which eval's JSON takes its number."""
    cat, dog = folder / "train" / "cat", folder / "train" / "dog"
    os.mkfifo(cat / "05_pipe.png")
    (cat / "06_link.png").symlink_to(folder / "gone.png")
    (dog / "07_folder.png").mkdir()
    for name in ("a.gif", "b.tif"):
        (dog / name).write_bytes(b"GIF89a")
    train = load("image_folder", str(folder), "train", image_size=8)
    assert (len(train), train.errors) == (27, 2)
    with caplog.at_level(logging.WARNING):
        list(Loader(train, 9, train=True, workers=2).epoch(0))
    assert train.errors == 5
    told = "".join(record.getMessage() for record in caplog.records)
    assert all(reason in told for reason in ("a named pipe", "link to nothing", "a folder"))
    held = load("image_folder", str(folder), "val", image_size=8, val_split=0.25, seed=1)
    assert held.errors == 2


@pytest.mark.parametrize(
    "option",
    [{"colour_jitter": -0.1}, {"colour_jitter": 1.1}, {"crop_area": 0.0}, {"crop_area": 1.1},
     {"max_errors": 2}, {"image_size": 4}, {"image_size": 1025}],
)
def test_options_out_of_range_are_refused_by_key(folder, option):
    with pytest.raises(UserError, match=rf"data\.{next(iter(option))}=.*allowed"):
        load("image_folder", str(folder), "train", **option)


def test_each_class_has_a_held_out_picture(folder):
    options = {"image_size": 8, "val_split": 0.01, "seed": 1}
    held = load("image_folder", str(folder), "val", **options)
    assert held.labels.tolist() == [0, 1]
    assert len(load("image_folder", str(folder), "train", **options)) == 22


def test_class_folders_alone_give_three_parts_that_share_no_picture(folder):
    options = {"image_size": 8, "val_split": 0.2, "test_split": 0.25}
    found = [
        load("image_folder", str(folder / "train"), part, seed=seed, **options)
        for seed in (1, 2) for part in ("train", "val", "test")
    ]  # fmt: skip
    assert [len(part) for part in found] == [14, 4, 6] * 2
    train, val, test = (set(part.files) for part in found[:3])
    assert len(train | val | test) == 24
    assert found[5].files == found[2].files and found[4].files != found[1].files
