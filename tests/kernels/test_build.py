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
"""Building the library: the cache, several processes at once, no compiler, a broken compiler, a damaged file."""

import hashlib
import logging
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from src import kernels
from src.entry import guarded
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


@needs_compiler
def test_builds_once_and_again_when_a_source_changes(tiny_core):
    path, lib = build.load()
    assert lib.tiny() == 42
    stamp = path.stat().st_mtime_ns
    assert build.load()[0] == path and path.stat().st_mtime_ns == stamp
    tiny_core.write_text('extern "C" int tiny() { return 43; }\n')
    other, lib = build.load()
    assert other != path and lib.tiny() == 43
    assert not list(path.parent.glob("*.tmp"))


@needs_compiler
def test_a_waiting_person_is_told(tiny_core, capsys):
    """On the terminal of every script, since it takes half a minute."""
    log = logging.getLogger("dynquant")
    log.handlers.clear()
    assert guarded(lambda _: int(build.load() is None), []) == 0
    log.handlers.clear()
    assert "compiling the native kernels with" in capsys.readouterr().err


@needs_compiler
@pytest.mark.parametrize("damage", [b"not a library", b""])
def test_a_damaged_file_is_replaced(tiny_core, damage):
    path = build.compile_library()
    whole = path.read_bytes()
    path.write_bytes(damage or whole[: len(whole) // 2])
    found, lib = build.load()
    assert found.read_bytes() == whole and lib.tiny() == 42


@pytest.mark.skipif(platform.system() != "Linux", reason="built on Linux only")
@pytest.mark.skipif(not shutil.which("g++"), reason="no g++")
def test_the_sources_compile():
    """Otherwise a fault in them would only skip every other test of the kernels, or of one instruction set."""
    assert kernels.available()
    flags = set(re.findall(r"\w+", Path("/proc/cpuinfo").read_text()))
    for isa, needs in {"avx2": {"avx2", "fma"}, "avx512": {"avx512bw", "avx512_vnni"}}.items():
        if needs <= flags:
            assert kernels.handle().dq_has_isa(isa.encode()), isa


def test_the_core_has_no_streams():
    """Its libstdc++ is linked in; beside that of MindSpore its streams write nothing, and tell nobody."""
    for path in (*build._SOURCES.rglob("*.cc"), *build._SOURCES.rglob("*.h")):
        included = re.findall(r"#include <(\w*stream|iomanip|locale)>", path.read_text(encoding="utf-8"))
        assert not included, path


def test_no_compiler_means_none_and_one_line(tiny_core, monkeypatch, caplog):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)
    with caplog.at_level(logging.WARNING):
        assert build.load() is None
    assert len(caplog.records) == 1
    assert "no C++ compiler found" in caplog.text and "install g++" in caplog.text


@needs_compiler
def test_a_failing_compiler_shows_its_last_lines(tiny_core, caplog):
    tiny_core.write_text("this is not C++\n")
    with caplog.at_level(logging.WARNING):
        assert build.load() is None
    assert "error" in caplog.text and "tiny.cc" in caplog.text


@needs_compiler
def test_a_compiler_without_an_instruction_set_loses_only_that_one(
    tiny_core, monkeypatch, tmp_path, caplog
):
    isas = {"avx512": ["-mno-such-set"], "portable": []}
    monkeypatch.setattr(build, "_ISA_FLAGS", {platform.machine(): isas})
    tiny_core.with_name("vector.cc").write_text("namespace DQ_NS { extern const int kOne = 1; }\n")
    tiny_core.write_text(
        """#ifdef DQ_WITH_AVX512
        namespace dq_avx512 { extern const int kOne; }
        extern "C" int tiny() { return dq_avx512::kOne; }
        #else
        namespace dq_portable { extern const int kOne; }
        extern "C" int tiny() { return 40 + dq_portable::kOne; }
        #endif"""
    )
    loaded = build.load()
    assert loaded and loaded[1].tiny() == 41
    assert "without avx512" in caplog.text and "no-such-set" in caplog.text


def compiler_that_notes(folder: Path, version: str = "1", waits_for: Path = Path("/")) -> Path:
    """A compiler of its own version, which notes in `folder`/calls that it compiled, and waits for a file first."""
    folder.mkdir(exist_ok=True)
    script = folder / "c++"
    script.write_text(
        f"""#!/bin/sh
        if [ "$1" = --version ]; then echo {version}; exit; fi
        echo "$@" >> {folder}/calls
        until [ -e {waits_for} ]; do sleep 0.02; done
        exec g++ "$@"
        """
    )
    script.chmod(0o755)
    return script


@needs_compiler
def test_another_compiler_or_c_library_compiles_anew(tiny_core, monkeypatch, tmp_path):
    paths = []
    for version in ("1", "2", "2"):
        monkeypatch.setenv("CXX", str(compiler_that_notes(tmp_path / "bin", version)))
        paths.append(build.load()[0])
    assert paths[0] != paths[1] == paths[2]
    monkeypatch.setattr(build.platform, "libc_ver", lambda: ("glibc", "2.0"))
    assert build.load()[0] not in paths
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX")
    assert build.load(), "what is kept needs no compiler"


@needs_compiler
def test_the_cache_is_tried_before_compiling(tiny_core, monkeypatch, tmp_path):
    monkeypatch.setenv("CXX", str(compiler_that_notes(tmp_path / "bin")))
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DYNQUANT_CACHE_DIR", str(tmp_path / "file" / "cache"))
    assert build.load() is None
    assert not (tmp_path / "bin" / "calls").exists()


@needs_compiler
def test_what_does_not_load_is_compiled_again(tiny_core):
    path = build.compile_library()
    path.unlink()
    content = b"made for another C library"
    name = path.stem.rsplit("-", 1)[0]
    path.with_name(f"{name}-{hashlib.sha256(content).hexdigest()[:16]}.so").write_bytes(content)
    loaded = build.load()
    assert loaded and loaded[1].tiny() == 42
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@needs_compiler
def test_an_unwritable_cache_is_named(tiny_core, monkeypatch, tmp_path, caplog):
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("DYNQUANT_CACHE_DIR", str(blocked / "cache"))
    with caplog.at_level(logging.WARNING):
        assert build.load() is None
    assert "DYNQUANT_CACHE_DIR" in caplog.text


def _building(core: Path, compiler: Path, folder: Path) -> subprocess.Popen:
    """A process that builds a core with that compiler, its cache in `folder`, and prints what it says."""
    code = (
        "import logging; logging.basicConfig(level=logging.INFO)\n"
        "from pathlib import Path; from src.kernels import build\n"
        f"build._SOURCES = Path({str(core.parent)!r}); build._COMMON = {{'tiny.cc'}}\n"
        "print(build.load()[1].tiny())"
    )
    return _python(code, folder / "shared", CXX=str(compiler), TMPDIR=str(folder))


def _compiling(core, folder: Path) -> tuple[Path, Path, subprocess.Popen]:
    """A compiler that waits until a file is there, that file, and a process that compiles by it."""
    gate = folder / "gate"
    compiler = compiler_that_notes(folder / "bin", waits_for=gate)
    process = _building(core, compiler, folder)
    _wait_for(folder / "bin" / "calls")
    return compiler, gate, process


def _next_line(process: subprocess.Popen) -> str:
    return process.stderr.readline()


def _kill(process: subprocess.Popen) -> None:
    process.kill()
    process.communicate()


def _wait_for(path: Path) -> None:
    end = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < end, f"{path} never came"
        time.sleep(0.02)


@needs_compiler
def test_of_processes_that_build_at_once_one_compiles(tiny_core, tmp_path):
    """As the workers of a first start do: the others wait, say so, and load what it has made."""
    compiler, gate, first = _compiling(tiny_core, tmp_path)
    others = [_building(tiny_core, compiler, tmp_path) for _ in range(2)]
    for other in others:
        assert f"process {first.pid} is compiling the native kernels: waiting" in _next_line(other)
    gate.touch()
    assert [p.communicate(timeout=120)[0].strip() for p in (first, *others)] == ["42"] * 3
    assert len((tmp_path / "bin" / "calls").read_text().splitlines()) == 2, "one compiles and links"
    assert len(list((tmp_path / "shared").iterdir())) == 1


@needs_compiler
def test_a_process_that_is_killed_while_it_compiles_blocks_nobody(tiny_core, tmp_path):
    """Neither those that wait for it nor, by the file that it leaves, those that come later."""
    compiler, gate, first = _compiling(tiny_core, tmp_path)
    waiting = _building(tiny_core, compiler, tmp_path)
    assert "waiting" in _next_line(waiting)
    _kill(first)
    assert "compiling the native kernels with" in _next_line(waiting)
    _kill(waiting)
    assert [path.suffix for path in (tmp_path / "shared").iterdir()] == [".lock"]
    later = _building(tiny_core, compiler, tmp_path)
    assert "compiling the native kernels with" in _next_line(later)
    gate.touch()
    assert later.communicate(timeout=120)[0].strip() == "42"
    assert [path.suffix for path in (tmp_path / "shared").iterdir()] == [".so"]


@needs_compiler
def test_an_instruction_set_that_is_missing_is_a_clear_error():
    code = "from src import kernels; kernels.isa()"
    done = _python(code, kernels.library_path().parent, DYNQUANT_ISA="mmx")
    _, err = done.communicate(timeout=120)
    assert done.returncode and "DYNQUANT_ISA=mmx: this machine offers" in err


@needs_compiler
def test_environment_sets_isa_and_threads():
    code = "from src import kernels; print(kernels.isa(), kernels.threads())"
    done = _python(
        code, kernels.library_path().parent, DYNQUANT_ISA="portable", DYNQUANT_NUM_THREADS="3"
    )
    assert done.communicate(timeout=120)[0].split() == ["portable", "3"]


def test_every_return_code_has_a_sentence():
    codes = {int(n) for n in re.findall(r"k\w+ = (\d+)", (CSRC / "abi" / "codes.h").read_text())}
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
