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
"""What is listed, in which order, and what is refused (no picture is opened here)."""

import logging
import os

import pytest

from src.data.folder_listing import list_part
from src.errors import UserError


def plant(root, *names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_classes_and_files_are_sorted_and_other_files_ignored(tmp_path):
    plant(tmp_path, "train/dog/b.JPG", "train/dog/a.jpeg", "train/cat/z.PNG", "train/cat/y.webp")
    plant(tmp_path, "train/cat/x.bmp", "train/cat/notes.txt", "train/cat/._x.bmp", "train/list.csv")
    plant(tmp_path, "train/.hidden/a.jpg", "train/cat/deeper/a.jpg")
    files, labels, classes, _ = list_part(str(tmp_path), "train")
    assert classes == ["cat", "dog"]
    names = [file.removeprefix(f"{tmp_path}/train/") for file in files]
    assert names == ["cat/x.bmp", "cat/y.webp", "cat/z.PNG", "dog/a.jpeg", "dog/b.JPG"]
    assert labels.tolist() == [0, 0, 0, 1, 1]


def test_the_test_part_is_test_else_val(tmp_path):
    plant(tmp_path, "train/a/1.jpg", "val/a/2.jpg")
    assert list_part(str(tmp_path), "test")[0] == [str(tmp_path / "val/a/2.jpg")]
    plant(tmp_path, "test/a/3.jpg")
    assert list_part(str(tmp_path), "test")[0] == [str(tmp_path / "test/a/3.jpg")]


def test_evaluation_needs_no_training_folder_and_tolerates_an_empty_class(tmp_path):
    plant(tmp_path, "val/b/2.jpg", "val/a/readme.txt")
    files, labels, classes, _ = list_part(str(tmp_path), "test")
    assert (len(files), labels.tolist(), classes) == (1, [1], ["a", "b"])


def test_an_empty_training_class_is_named(tmp_path):
    plant(tmp_path, "train/a/1.jpg", "train/b/readme.txt")
    with pytest.raises(UserError, match=r"train/b holds no picture \(\.bmp \.jpeg \.jpg"):
        list_part(str(tmp_path), "train")


@pytest.mark.parametrize("part", ["train", "test"])
def test_classes_that_differ_are_listed(tmp_path, part):
    plant(tmp_path, *(f"train/{name}/1.jpg" for name in "abcdefgh"))
    plant(tmp_path, "val/a/1.jpg", "val/zebra/1.jpg")
    with pytest.raises(UserError) as caught:
        list_part(str(tmp_path), part)
    assert f"7 only in {tmp_path}/train: b, c, d, e, f, ..." in str(caught.value)
    assert f"1 only in {tmp_path}/val: zebra" in str(caught.value)


def test_paths_that_lead_nowhere_are_named(tmp_path):
    with pytest.raises(UserError, match=r"data\.path is not set"):
        list_part(None, "train")
    with pytest.raises(UserError, match=r"data\.path=/nowhere is not a folder"):
        list_part("/nowhere", "train")
    with pytest.raises(UserError, match=r"train is missing; data\.path=.*PATH/train/CLASS"):
        list_part(str(tmp_path), "train")
    with pytest.raises(UserError, match=r"val is missing"):
        list_part(str(tmp_path), "test")
    plant(tmp_path, "train/1.jpg", "val/a/1.txt")
    with pytest.raises(UserError, match=r"train has no class folders"):
        list_part(str(tmp_path), "train")
    (tmp_path / "train").rename(tmp_path / "other")
    with pytest.raises(UserError, match=r"class folders in .*val hold no picture"):
        list_part(str(tmp_path), "test")


def test_what_is_left_out_is_counted_and_told(tmp_path, caplog):
    plant(tmp_path, "val/a/1.jpg", "val/a/2.gif", "val/a/3.GIF", "val/b/4.png", "val/b/list")
    plant(tmp_path, "val/b/inner/5.jpg", "val/b/.hidden.txt")
    with caplog.at_level(logging.WARNING):
        for _ in range(2):  # told once
            files, _, _, left_out = list_part(str(tmp_path), "test")
    assert (len(files), left_out, len(caplog.records)) == (2, 4, 1)
    assert "val: 4 left out" in caplog.text and "2 .gif, 1 folder, 1 without suffix" in caplog.text


def test_nothing_that_is_named_like_a_picture_vanishes(tmp_path):
    """Reading tells what is wrong with them, and counts them."""
    plant(tmp_path, "train/a/1.jpg")
    (tmp_path / "train/a/2.jpg").symlink_to(tmp_path / "gone.jpg")
    (tmp_path / "train/a/3.jpg").mkdir()
    os.mkfifo(tmp_path / "train/a/4.jpg")
    files, labels, _, left_out = list_part(str(tmp_path), "train")
    assert [file[-5:] for file in files] == ["1.jpg", "2.jpg", "3.jpg", "4.jpg"]
    assert len(labels) == 4 and left_out == 0


def test_a_class_folder_that_is_a_link_to_nothing_is_named(tmp_path):
    for part in ("train", "val"):
        plant(tmp_path, f"{part}/a/1.jpg")
        (tmp_path / part / "b").symlink_to(tmp_path / "gone")
    with pytest.raises(UserError, match=r"train/b is a link to nothing"):
        list_part(str(tmp_path), "train")


def test_class_folders_alone_are_split_the_same_way_every_time(tmp_path, caplog):
    names = ("Äpfel rot", "train", "犬 und Katze")  # a class may be called like a part
    plant(tmp_path, *(f"{name}/{i}.jpg" for name in names for i in range(10)), "notes.txt")
    with caplog.at_level(logging.INFO):
        (train, labels, classes, _), (test, held, again, _) = (
            list_part(str(tmp_path), part, 0.3) for part in ("train", "test")
        )
    assert classes == again == sorted(names)
    assert [labels.tolist().count(i) for i in range(3)] == [7] * 3 and held.tolist() == [0] * 3 + [1] * 3 + [2] * 3
    assert sorted(train + test) == sorted(str(tmp_path / name / f"{i}.jpg") for name in names for i in range(10))
    assert list_part(str(tmp_path), "test", 0.3)[0] == test
    assert caplog.text.count("has no train/ and val/: 9 of its 30 pictures") == 1
    assert "data.test_split=0.3" in caplog.text


def test_a_class_too_small_to_be_split_is_named(tmp_path):
    plant(tmp_path, *(f"{name}/{i}.jpg" for name in "ab" for i in range(3)), "c/1.jpg", "c/2.jpg")
    with pytest.raises(UserError, match=r"/c holds 2 picture\(s\); .* needs 3 of each class"):
        list_part(str(tmp_path), "train")
    plant(tmp_path, "c/3.jpg")
    assert [len(list_part(str(tmp_path), part, 0.9)[0]) for part in ("train", "test")] == [6, 3]
    (tmp_path / "d").mkdir()
    with pytest.raises(UserError, match="/d holds no picture"):
        list_part(str(tmp_path), "test")


def test_a_part_beside_other_folders_is_a_part(tmp_path):
    plant(tmp_path, "train/a/1.jpg", "train/b/1.jpg", "val/a/1.jpg", "val/b/1.jpg", "papers/1.jpg")
    assert list_part(str(tmp_path), "train")[2] == ["a", "b"]
