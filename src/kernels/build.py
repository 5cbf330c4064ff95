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
"""Find or compile the C++ core: one shared library with every instruction set of this kind of machine.

Files that hold vector code are compiled once per instruction set, each into its own namespace
(`-DDQ_NS=dq_avx2 -mavx2 ...`); csrc/simd/select.cc picks one at run time. An instruction set that the compiler
cannot do is left out. The library lands in a cache folder (cache.py) under
`dynquant-<hash of sources, flags and C library>-<hash of the compiler>-<hash of its own bytes>.so`.
"""

import ctypes
import hashlib
import logging
import os
import platform
import shutil
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from src.kernels import cache, lock

_LOG = logging.getLogger("dynquant")
_SOURCES = Path(__file__).parent / "csrc"
_FLAGS = ["-std=c++17", "-O3", "-fPIC", "-pthread", "-ffp-contract=off"]
_LINK_FLAGS = ["-shared", "-pthread", "-static-libstdc++", "-static-libgcc"]
# MindSpore unloads the library when a network is collected; the pool's threads must not lose their code.
_LINK_FLAGS += ["-Wl,-z,nodelete"]
# Sources compiled once; all other .cc files are compiled per instruction set.
_COMMON = {
    "aot.cc", "bounds.cc", "check.cc", "checksum.cc", "engine.cc", "engine_abi.cc",
    "kernel_choice.cc", "level_dense_abi.cc", "level_table.cc", "maxpool.cc", "memory.cc",
    "near_line.cc", "operation_aot.cc", "plain.cc", "plan.cc", "prepared.cc", "prepared_image.cc",
    "profile.cc", "program.cc", "running.cc", "safetensors.cc", "select.cc", "steps.cc",
    "straight.cc", "structure.cc", "subsample.cc", "tensors.cc", "threads.cc",
}  # fmt: skip
PORTABLE = "portable"
_ISA_FLAGS = {
    "x86_64": {
        "avx512": ["-mavx512f", "-mavx512bw", "-mavx512vl", "-mavx512dq", "-mavx512vnni", "-mfma",
                   "-mprefer-vector-width=512"],
        "avx2": ["-mavx2", "-mfma"],
        PORTABLE: [],
    },
    "aarch64": {"dotprod": ["-march=armv8.2-a+dotprod"], PORTABLE: []},
}  # fmt: skip
_COMPILERS = ("g++", "clang++", "c++")
_TIMEOUT_S = 600
_ERROR_LINES = 12


class BuildError(Exception):
    """The compiler is missing or failed; the text says what to do."""


def load() -> tuple[Path, ctypes.CDLL] | None:
    """The library's path and handle; compiled if need be. None (and one warning) where that is impossible."""
    if platform.system() != "Linux":
        _LOG.warning("native kernels are off, which is slower: they are built on Linux only")
        return None
    try:
        return _load_kept() or _opened(compile_library())
    except (BuildError, cache.CacheError, OSError) as error:
        if kept := cache.find(_of_any_compiler()):
            return _opened(kept)
        _LOG.warning("native kernels are off, which is slower: %s", error)
        return None


def find() -> Path | None:
    """A whole, current library in the cache; without a compiler, one of any compiler."""
    compiler = find_compiler()
    return cache.find(_name(compiler) if compiler else _of_any_compiler())


def _of_any_compiler() -> str:
    return f"dynquant-{_key()}-*"


def compile_library() -> Path:
    """Compile into the cache, where no other process has meanwhile, and return the path.

    Raises:
        BuildError: there is no compiler, or it fails.
        CacheError: no folder can keep the library.
    """
    compiler = find_compiler()
    if compiler is None:
        tried = ", ".join(("$CXX", *_COMPILERS))
        raise BuildError(f"no C++ compiler found (tried {tried}); install g++ to use them")
    kept_in, name = cache.writable_folder(), _name(compiler)
    with lock.held(kept_in / f".{name}.lock", "compiling the native kernels"):
        return cache.find_in(kept_in, name) or _compile_into(kept_in, name, compiler)


def _compile_into(folder: Path, name: str, compiler: str) -> Path:
    """`name` is of the sources as they were before, if they change meanwhile."""
    _LOG.info("compiling the native kernels with %s (once, a minute or two) ...", compiler)
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="dynquant-") as scratch:
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            objects = _compile(compiler, Path(scratch), pool)
        library = Path(scratch) / "library.so"
        _run([compiler, *_LINK_FLAGS, *objects, "-o", str(library)])
        path = cache.store(folder, name, library.read_bytes())
    _LOG.info("compiled the native kernels in %.0f s: %s", time.monotonic() - start, path)
    return path


def find_compiler() -> str | None:
    """Path of $CXX, g++, clang++ or c++, whichever is there first."""
    names = (os.environ.get("CXX"), *_COMPILERS)
    return next((found for name in names if name and (found := shutil.which(name))), None)


def isa_commands(compiler: str, folder: Path, isa: str) -> list[list[str]]:
    """One command for each source that holds vector code; the last word is the object file, in `folder`."""
    flags = [f"-DDQ_ISA_{isa.upper()}", f"-DDQ_NS=dq_{isa}", f"-DDQ_NAME={isa}", *isa_flags()[isa]]
    return [
        _command(compiler, source, flags, folder / f"{_object(source)}-{isa}.o")
        for source in _sources()
        if source.name not in _COMMON
    ]


def common_commands(compiler: str, folder: Path, isas: list[str]) -> list[list[str]]:
    """The same for the other sources, of a library with these instruction sets."""
    flags = [f"-DDQ_WITH_{isa.upper()}" for isa in isas]
    return [
        _command(compiler, source, flags, folder / f"{_object(source)}.o")
        for source in _sources()
        if source.name in _COMMON
    ]


def _object(source: Path) -> str:
    """Name of its object file: two rooms may have a source of one name."""
    return f"{source.parent.name}-{source.stem}"


def isa_flags() -> dict[str, list[str]]:
    """Instruction sets of this machine's architecture -> compiler flags."""
    machine = {"AMD64": "x86_64"}.get(platform.machine(), platform.machine())
    return _ISA_FLAGS.get(machine, {PORTABLE: []})


def _load_kept() -> tuple[Path, ctypes.CDLL] | None:
    path = find()
    if path is None:
        return None
    try:
        return _opened(path)
    except OSError as error:
        _LOG.info("%s does not load (%s): compiling it again", path, error)
        with suppress(OSError):  # a folder that may not be written
            path.unlink(missing_ok=True)
        return None


def _opened(path: Path) -> tuple[Path, ctypes.CDLL]:
    return path, ctypes.CDLL(str(path))


def _compile(compiler: str, folder: Path, pool: ThreadPoolExecutor) -> list[str]:
    """The object files. What an instruction set needs may be too new for the compiler or its assembler."""
    isas, objects = [], []
    for isa in isa_flags():
        commands = isa_commands(compiler, folder, isa)
        try:
            list(pool.map(_run, commands))
        except BuildError as error:
            if isa == PORTABLE:
                raise
            _LOG.warning("native kernels are built without %s: %s", isa, error)
            continue
        isas.append(isa)
        objects += [command[-1] for command in commands]
    commands = common_commands(compiler, folder, isas)
    list(pool.map(_run, commands))
    return objects + [command[-1] for command in commands]


def _sources() -> list[Path]:
    return sorted(_SOURCES.rglob("*.cc"))


def _command(compiler: str, source: Path, flags: list[str], target: Path) -> list[str]:
    return [compiler, *_FLAGS, *flags, f"-I{_SOURCES}", "-c", str(source), "-o", str(target)]


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise BuildError(f"{command[0]} took more than {_TIMEOUT_S} s") from error
    if done.returncode:
        lines = "\n".join((done.stderr or done.stdout).strip().splitlines()[-_ERROR_LINES:])
        raise BuildError(
            f"{command[0]} failed with code {done.returncode}; its last lines:\n{lines}"
        )


def _name(compiler: str) -> str:
    """Of the library without the hash of its bytes. A new version of the compiler may do more, or better."""
    version = subprocess.run([compiler, "--version"], capture_output=True, check=False).stdout
    made_by = hashlib.sha256(compiler.encode() + b"\0" + version).hexdigest()[:8]
    return f"dynquant-{_key()}-{made_by}"


def _key() -> str:
    parts = [platform.machine(), *platform.libc_ver(), *_FLAGS, *_LINK_FLAGS, repr(isa_flags())]
    digest = hashlib.sha256("\0".join(parts).encode())
    for source in sorted(_SOURCES.rglob("*")):
        if source.suffix in (".cc", ".h"):
            name = source.relative_to(_SOURCES).as_posix()
            digest.update(name.encode() + b"\0" + source.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
