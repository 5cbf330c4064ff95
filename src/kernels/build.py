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
(`-DDQ_NS=dq_avx2 -mavx2 ...`); csrc/select.cc picks one at run time. The library lands in a cache folder
under `dynquant-<hash of sources and flags>-<hash of its own bytes>.so`: the first hash says whether it is
current, the second whether it is whole. It is moved into place in one step, so processes may build at once.
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
from pathlib import Path

_LOG = logging.getLogger(__name__)
_SOURCES = Path(__file__).parent / "csrc"
_FLAGS = ["-std=c++17", "-O3", "-fPIC", "-pthread", "-ffp-contract=off"]
_LINK_FLAGS = ["-shared", "-pthread", "-static-libstdc++", "-static-libgcc"]
# MindSpore unloads the library when a network is collected; the pool's threads must not lose their code.
_LINK_FLAGS += ["-Wl,-z,nodelete"]
# Sources compiled once; all other .cc files are compiled per instruction set.
_COMMON = {
    "aot.cc", "bounds.cc", "check.cc", "engine.cc", "engine_abi.cc", "maxpool.cc",
    "operation_aot.cc", "pool.cc", "profile.cc", "program.cc", "running.cc", "safetensors.cc",
    "select.cc", "subsample.cc", "tensors.cc",
}  # fmt: skip
_ISA_FLAGS = {
    "x86_64": {
        "avx512": ["-mavx512f", "-mavx512bw", "-mavx512vl", "-mavx512dq", "-mavx512vnni", "-mfma",
                   "-mprefer-vector-width=512"],
        "avx2": ["-mavx2", "-mfma"],
        "portable": [],
    },
    "aarch64": {"dotprod": ["-march=armv8.2-a+dotprod"], "portable": []},
}  # fmt: skip
_TIMEOUT_S = 600
_ERROR_LINES = 12


class BuildError(Exception):
    """The compiler is missing or failed; the text says what to do."""


def cache_dir() -> Path:
    """DYNQUANT_CACHE_DIR, else dynquant under XDG_CACHE_HOME or ~/.cache."""
    if folder := os.environ.get("DYNQUANT_CACHE_DIR"):
        return Path(folder)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "dynquant"


def load() -> tuple[Path, ctypes.CDLL] | None:
    """The library's path and handle; compiled if need be. None (and one warning) where that is impossible."""
    if platform.system() != "Linux":
        _LOG.warning("native kernels: only built on Linux; using plain operators")
        return None
    try:
        path = find() or compile_library()
        return path, ctypes.CDLL(str(path))
    except (BuildError, OSError) as error:
        _LOG.warning("native kernels are off, plain operators are used (slower): %s", error)
        return None


def find() -> Path | None:
    """A whole, current library in the cache."""
    for path in sorted(cache_dir().glob(f"dynquant-{_key()}-*.so")):
        if _digest(path.read_bytes()) == path.stem.rsplit("-", 1)[1]:
            return path
        path.unlink(missing_ok=True)
    return None


def compile_library(jobs: int = 2) -> Path:
    """Compile into the cache and return the path. BuildError if there is no compiler or it fails."""
    compiler = _compiler()
    _LOG.info("compiling the native kernels with %s (once, about half a minute) ...", compiler)
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="dynquant-") as folder:
        commands = _compile_commands(compiler, Path(folder))
        with ThreadPoolExecutor(jobs) as pool:
            list(pool.map(_run, commands))
        library = Path(folder) / "library.so"
        objects = [command[-1] for command in commands]
        _run([compiler, *_LINK_FLAGS, *objects, "-o", str(library)])
        path = _store(library.read_bytes())
    _LOG.info("compiled the native kernels in %.0f s: %s", time.monotonic() - start, path)
    return path


def _isa_flags() -> dict[str, list[str]]:
    machine = {"AMD64": "x86_64"}.get(platform.machine(), platform.machine())
    return _ISA_FLAGS.get(machine, {"portable": []})


def _compiler() -> str:
    for name in (os.environ.get("CXX"), "g++", "clang++", "c++"):
        if name and (found := shutil.which(name)):
            return found
    raise BuildError(
        "no C++ compiler found (tried $CXX, g++, clang++, c++); install g++ to use them"
    )


def _compile_commands(compiler: str, folder: Path) -> list[list[str]]:
    isas = _isa_flags()
    with_isas = [f"-DDQ_WITH_{isa.upper()}" for isa in isas]
    commands = []
    for source in sorted(_SOURCES.rglob("*.cc")):
        variants = {"": with_isas}
        if source.name not in _COMMON:
            variants = {
                isa: [f"-DDQ_ISA_{isa.upper()}", f"-DDQ_NS=dq_{isa}", f"-DDQ_NAME={isa}", *flags]
                for isa, flags in isas.items()
            }
        for isa, flags in variants.items():
            target = folder / f"{source.stem}-{isa}.o"
            commands.append(
                [compiler, *_FLAGS, *flags, "-c", str(source), "-o", str(target)],
            )
    return commands


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


def _store(content: bytes) -> Path:
    folder = cache_dir()
    path = folder / f"dynquant-{_key()}-{_digest(content)}.so"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder, suffix=".tmp")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).chmod(0o755)  # mkstemp makes it private
        Path(name).replace(path)
    except OSError as error:
        raise BuildError(
            f"the cache folder {folder} cannot be written ({error}); set DYNQUANT_CACHE_DIR to one that can"
        ) from error
    return path


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _key() -> str:
    parts = [platform.machine(), *_FLAGS, *_LINK_FLAGS, repr(_isa_flags())]
    digest = hashlib.sha256("\0".join(parts).encode())
    for source in sorted(_SOURCES.rglob("*")):
        if source.suffix in (".cc", ".h"):
            digest.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
