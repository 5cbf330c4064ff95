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
"""Building the library: the cache, two processes at once, no compiler, a broken compiler, a damaged file."""

import logging
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from src import kernels
from src.kernels import build
from src.kernels.errors import MESSAGES, describe, explain

ROOT = Path(__file__).parents[2]
CSRC = ROOT / "src" / "kernels" / "csrc"

needs_compiler = pytest.mark.skipif(not kernels.available(), reason="no C++ compiler")


def _python(code: str, cache: Path, **env: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "DYNQUANT_CACHE_DIR": str(cache), **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A core of one function, so that building takes a moment only."""
    (tmp_path / "csrc").mkdir()
    source = tmp_path / "csrc" / "tiny.cc"
    source.write_text('extern "C" int tiny() { return 42; }\n')
    monkeypatch.setattr(build, "_SOURCES", tmp_path / "csrc")
    monkeypatch.setattr(build, "_COMMON", {"tiny.cc"})
    monkeypatch.setenv("DYNQUANT_CACHE_DIR", str(tmp_path / "cache"))
    return source


@needs_compiler
def test_builds_once_and_again_when_a_source_changes(tiny):
    path, lib = build.load()
    assert lib.tiny() == 42
    stamp = path.stat().st_mtime_ns
    assert build.load()[0] == path and path.stat().st_mtime_ns == stamp
    tiny.write_text('extern "C" int tiny() { return 43; }\n')
    other, lib = build.load()
    assert other != path and lib.tiny() == 43
    assert not list(path.parent.glob("*.tmp"))


@needs_compiler
@pytest.mark.parametrize("damage", [b"not a library", b""])
def test_a_damaged_file_is_replaced(tiny, damage):
    path = build.compile_library()
    whole = path.read_bytes()
    path.write_bytes(damage or whole[: len(whole) // 2])
    found, lib = build.load()
    assert found.read_bytes() == whole and lib.tiny() == 42


@pytest.mark.skipif(platform.system() != "Linux", reason="built on Linux only")
@pytest.mark.skipif(not shutil.which("g++"), reason="no g++")
def test_the_sources_compile():
    """Otherwise a fault in them would only skip every other test of the kernels."""
    assert kernels.available()


def test_no_compiler_means_none_and_one_line(tiny, monkeypatch, caplog):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)
    with caplog.at_level(logging.WARNING):
        assert build.load() is None
    assert len(caplog.records) == 1
    assert "no C++ compiler found" in caplog.text and "install g++" in caplog.text


@needs_compiler
def test_a_failing_compiler_shows_its_last_lines(tiny, caplog):
    tiny.write_text("this is not C++\n")
    with caplog.at_level(logging.WARNING):
        assert build.load() is None
    assert "error" in caplog.text and "tiny.cc" in caplog.text


@needs_compiler
def test_an_unwritable_cache_is_named(tiny, monkeypatch, tmp_path, caplog):
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("DYNQUANT_CACHE_DIR", str(blocked / "cache"))
    with caplog.at_level(logging.WARNING):
        assert build.load() is None
    assert "DYNQUANT_CACHE_DIR" in caplog.text


@needs_compiler
def test_two_processes_build_at_once(tiny, tmp_path):
    code = (
        "from pathlib import Path; from src.kernels import build\n"
        f"build._SOURCES = Path({str(tiny.parent)!r}); build._COMMON = {{'tiny.cc'}}\n"
        "print(build.load()[1].tiny())"
    )
    both = [_python(code, tmp_path / "shared") for _ in range(2)]
    assert [p.communicate(timeout=120)[0].strip() for p in both] == ["42", "42"]
    assert len(list((tmp_path / "shared").iterdir())) == 1


@needs_compiler
def test_an_instruction_set_that_is_missing_is_a_clear_error():
    code = "from src import kernels; kernels.isa()"
    done = _python(code, build.cache_dir(), DYNQUANT_ISA="mmx")
    _, err = done.communicate(timeout=120)
    assert done.returncode and "DYNQUANT_ISA=mmx: this machine offers" in err


@needs_compiler
def test_environment_sets_isa_and_threads():
    code = "from src import kernels; print(kernels.isa(), kernels.threads())"
    done = _python(code, build.cache_dir(), DYNQUANT_ISA="portable", DYNQUANT_NUM_THREADS="3")
    assert done.communicate(timeout=120)[0].split() == ["portable", "3"]


def test_every_return_code_has_a_sentence():
    codes = {int(n) for n in re.findall(r"k\w+ = (\d+)", (CSRC / "codes.h").read_text())}
    assert codes - {0} == set(MESSAGES)


def test_messages_of_the_framework_are_explained():
    text = (
        "Return value from CPU AOT kernel(/c/dynquant-0.so)'s function(dq_quant_conv2d_grad) is 17. "
        "Any return value not equal to 0 will be treated as user defined error code"
    )
    assert explain(RuntimeError(text)) == describe("dq_quant_conv2d_grad", 17)
    assert describe("dq_quant_conv2d_grad", 17).startswith(
        "gradient of quant_conv2d: the largest code (a_max, high) must be"
    )
    assert explain(RuntimeError("something else")) is None


def test_step_counter_times_out():
    if not kernels.available():
        pytest.skip("no C++ compiler")
    assert not kernels.wait_for_step(kernels.steps_done() + 1, timeout=0.01)
    assert kernels.wait_for_step(kernels.steps_done(), timeout=0.01)
