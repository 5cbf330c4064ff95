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
"""Files written whole or not at all."""

import os
import stat
from pathlib import Path

import pytest

from src.errors import UserError
from src.files import check_writable, whole_file
from tests.full_disk import full_disk


def write(path, text="new"):
    with whole_file(path) as file:
        file.write_text(text)


def test_it_replaces_an_older_one_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "a" / f"{'n' * 240}.json"
    for text in ("old", "new"):
        write(path, text)
        assert path.read_text() == text
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [UserError("wrong"), ValueError("wrong"), KeyboardInterrupt()])
def test_a_failure_leaves_the_older_one(error, tmp_path):
    write(tmp_path / "f", "old")
    with pytest.raises(type(error)), whole_file(tmp_path / "f") as file:
        file.write_text("new")
        raise error
    assert (tmp_path / "f").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["f"]


def test_a_full_disk_is_told_and_costs_nothing(tmp_path):
    write(tmp_path / "f", "old")
    with full_disk(), pytest.raises(UserError, match="f could not be written: .*free space"):
        write(tmp_path / "f")
    assert (tmp_path / "f").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["f"]


def test_the_file_is_replaced_that_a_link_names(tmp_path):
    (tmp_path / "there").mkdir()
    for name in ("link", "dangling"):
        (tmp_path / name).symlink_to(tmp_path / "there" / name)
    write(tmp_path / "there" / "link", "old")
    for name in ("link", "dangling"):
        write(tmp_path / name)
        assert (tmp_path / name).is_symlink() and (tmp_path / "there" / name).read_text() == "new"


def test_one_within_the_other_has_a_name_of_its_own(tmp_path):
    """A writer that is whole by itself, in a block that is so too; names of any length."""
    path = tmp_path / f"{'n' * 60}.safetensors"
    with whole_file(path) as outer, whole_file(outer) as inner:
        assert inner != outer
        inner.write_text("new")
    assert path.read_text() == "new" and list(tmp_path.iterdir()) == [path]


def test_an_error_that_is_not_the_files_own_is_not_told_as_such(tmp_path):
    with pytest.raises(FileNotFoundError), whole_file(tmp_path / "f"):
        (tmp_path / "gone").read_text()
    assert list(tmp_path.iterdir()) == []


def test_only_a_file_is_replaced(tmp_path):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "device").symlink_to(os.devnull)
    for name in ("folder", "pipe", "device"):
        with pytest.raises(UserError, match=f"{name} could not be written: it is no file"):
            write(tmp_path / name)
    assert Path(os.devnull).is_char_device()


def test_two_at_once_do_not_mix(tmp_path):
    """As two processes do: the one that ends last wins, whole."""
    with whole_file(tmp_path / "f") as mine:
        child = os.fork()
        if child == 0:
            try:
                write(tmp_path / "f", "theirs")
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        assert (tmp_path / "f").read_text() == "theirs"
        mine.write_text("mine")
    assert (tmp_path / "f").read_text() == "mine"


@pytest.mark.parametrize("mask, rights", [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_rights_are_those_of_any_new_file(mask, rights, tmp_path):
    before = os.umask(mask)
    try:
        with whole_file(tmp_path / "f") as file:
            file.write_text("new")
            file.chmod(0o400)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == rights


def test_a_folder_that_takes_no_file_is_told_before_the_work(tmp_path):
    check_writable(tmp_path / "new" / "eval")
    assert list((tmp_path / "new" / "eval").iterdir()) == []
    (tmp_path / "f").touch()
    with pytest.raises(UserError, match="f/eval cannot be written: Not a directory"):
        check_writable(tmp_path / "f" / "eval")
    with full_disk(), pytest.raises(UserError, match="eval cannot be written: .*free space"):
        check_writable(tmp_path / "new" / "eval")
