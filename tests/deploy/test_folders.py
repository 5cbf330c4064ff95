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
"""Folders written whole."""

import pytest

from src.deploy.folders import written_whole
from src.errors import UserError


def write(folder, text="new", is_ours=lambda path: True):
    with written_whole(folder, is_ours) as made:
        (made / "file").write_text(text)


def test_it_replaces_an_older_one(tmp_path):
    for text in ("old", "new"):
        write(tmp_path / "a" / "b", text)
        assert (tmp_path / "a" / "b" / "file").read_text() == text
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b"]


@pytest.mark.parametrize("error", [UserError("wrong"), OSError("disk full"), KeyboardInterrupt()])
def test_a_failure_leaves_the_older_one(error, tmp_path):
    write(tmp_path / "b", "old")
    seen = UserError if isinstance(error, OSError) else type(error)
    with pytest.raises(seen), written_whole(tmp_path / "b", lambda path: True) as made:
        (made / "file").write_text("new")
        raise error
    assert (tmp_path / "b" / "file").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


def test_what_is_not_ours_stays(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "me.png").touch()
    with pytest.raises(UserError, match="photos"):
        write(tmp_path / "photos", is_ours=lambda path: False)
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="is a file"):
        write(tmp_path / "file")
