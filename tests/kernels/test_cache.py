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
import hashlib
import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from src import kernels
from src.kernels import build

pytestmark = pytest.mark.skipif(not kernels.available(), reason="no C++ compiler")
NOBODY = 65534


def plant(path: Path) -> Path:
    """In place of a library, another one under the name that it must have to be found."""
    source = path.parent.parent / "evil.cc"
    source.write_text('extern "C" int tiny() { return 13; }\n')
    made = source.with_suffix(".so")
    subprocess.run(["g++", "-shared", "-fPIC", source, "-o", made], check=True)
    content = made.read_bytes()
    name = path.stem.rsplit("-", 1)[0]
    planted = path.with_name(f"{name}-{hashlib.sha256(content).hexdigest()[:16]}.so")
    planted.write_bytes(content)
    planted.chmod(0o755)
    path.unlink()
    return planted


def give_away(path: Path) -> None:
    if os.geteuid():
        pytest.skip("only root can give a file away")
    os.chown(path, NOBODY, NOBODY)


@pytest.mark.parametrize("how", ["of another user", "writable by others"])
def test_a_library_that_others_could_have_planted_is_not_loaded(tiny_core, how, caplog):
    planted = plant(build.compile_library())
    if how == "of another user":
        give_away(planted)
    else:
        planted.chmod(0o775)
    path, lib = build.load()
    assert lib.tiny() == 42 and path != planted
    assert str(planted) in caplog.text


@pytest.mark.parametrize("how", ["of another user", "writable by others"])
def test_nothing_is_loaded_from_a_folder_that_others_can_write_to(tiny_core, how, caplog):
    planted = plant(build.compile_library())
    if how == "of another user":
        give_away(planted.parent)
    else:
        planted.parent.chmod(0o777)
    assert build.load() is None
    assert str(planted.parent) in caplog.text and "set DYNQUANT_CACHE_DIR" in caplog.text


def test_a_link_of_another_user_is_not_followed(tiny_core, monkeypatch, tmp_path):
    build.compile_library()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "cache")
    monkeypatch.setenv("DYNQUANT_CACHE_DIR", str(link))
    assert build.load()
    if os.geteuid():
        pytest.skip("only root can give a link away")
    os.lchown(link, NOBODY, NOBODY)
    assert build.load() is None


def test_a_file_of_root_may_be_loaded_by_others(tiny_core, monkeypatch):
    path = build.compile_library()
    if os.geteuid():
        pytest.skip("needs a file of root")
    monkeypatch.setattr(os, "geteuid", lambda: NOBODY)
    assert build.load()[0] == path


def no_home(monkeypatch, tmp_path):
    def raises():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", raises)


def home_in_a_file(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))


def home_of_another(monkeypatch, tmp_path):
    """As after `su` without a new environment."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "locked"))
    look = Path.stat

    def refuse(path, **options):
        if "locked" in path.parts:
            raise PermissionError(13, "Permission denied")
        return look(path, **options)

    monkeypatch.setattr(Path, "stat", refuse)


def full_disk(monkeypatch, tmp_path):
    """A folder that can be written, but not with as much as a library."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "full"))
    reserve = os.posix_fallocate

    def refuse(handle, start, size):
        if "full" in str(Path(f"/proc/self/fd/{handle}").readlink()):
            raise OSError(28, "No space left on device")
        reserve(handle, start, size)

    monkeypatch.setattr(os, "posix_fallocate", refuse)


def colon(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "12:30"))


@pytest.mark.parametrize("trouble", [no_home, home_in_a_file, home_of_another, full_disk, colon])
def test_where_the_usual_folder_cannot_be_used_it_is_compiled_once(
    tiny_core, monkeypatch, tmp_path, trouble
):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.delenv("DYNQUANT_CACHE_DIR")
    trouble(monkeypatch, tmp_path)
    path, lib = build.load()
    assert lib.tiny() == 42
    assert path.parent == tmp_path / "temporary" / f"dynquant-{os.geteuid()}"
    stamp = path.stat().st_mtime_ns
    assert build.load()[0] == path and path.stat().st_mtime_ns == stamp


def test_a_colon_in_the_named_folder_is_refused(tiny_core, monkeypatch, tmp_path, caplog):
    """MindSpore takes `path:function`."""
    monkeypatch.setenv("DYNQUANT_CACHE_DIR", str(tmp_path / "12:30"))
    assert build.load() is None
    assert "12:30 has a ':'" in caplog.text and "set DYNQUANT_CACHE_DIR" in caplog.text
