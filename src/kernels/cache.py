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
"""The folder where compiled kernels are kept between runs, safe from other users.

A library runs with all the rights of the process that loads it. So it is loaded only from a folder and a
file that belong to this user or to root, and that nobody else can write to. DYNQUANT_CACHE_DIR names the
folder; else it is dynquant under XDG_CACHE_HOME or ~/.cache, or one of this user's own in the folder for
temporary files where those cannot be used (no home, read-only, full).

A file's name ends with a hash of its bytes, which tells whether it is whole; it is moved into place in one
step, so processes may store at once.
"""

import hashlib
import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_LOG = logging.getLogger("dynquant")
_ROOM = 4 * 2**20  # bytes; a library takes about 1 MiB
_WRITABLE_BY_OTHERS = 0o022


class CacheError(Exception):
    """No folder can keep the library; the text names them, why, and what to do."""


def folders() -> Iterator[Path]:
    """Where to look, best first; DYNQUANT_CACHE_DIR alone if it is set."""
    if named := os.environ.get("DYNQUANT_CACHE_DIR"):
        yield Path(named).absolute()
        return
    if base := os.environ.get("XDG_CACHE_HOME"):
        yield Path(base).absolute() / "dynquant"
    else:
        with suppress(RuntimeError):  # no HOME, and a user that the system does not know
            yield Path.home() / ".cache" / "dynquant"
    yield Path(tempfile.gettempdir()).absolute() / f"dynquant-{os.geteuid()}"


def find(pattern: str) -> Path | None:
    """A whole library `<pattern>-<hash>.so` that may be loaded. Damaged ones are deleted."""
    for folder in folders():
        with suppress(OSError):  # of a folder or file that may not even be looked at
            if folder.is_dir() and not _why_not(folder) and (path := find_in(folder, pattern)):
                return path
    return None


def find_in(folder: Path, pattern: str) -> Path | None:
    """The same of one folder, which is safe."""
    for path in sorted(folder.glob(f"{pattern}-*.so")):
        if reason := _why_not(path):
            _LOG.warning("a compiled library is passed over: %s", reason)
        elif path.stem.rsplit("-", 1)[1] == _digest(path.read_bytes()):
            return path
        else:
            path.unlink(missing_ok=True)
    return None


def writable_folder() -> Path:
    """The first folder that can keep a library; made if need be. CacheError if there is none."""
    reasons = []
    for folder in folders():
        reason = _why_not_here(folder)
        if not reason:
            if reasons:
                _LOG.warning("compiled kernels are kept in %s: %s", folder, "; ".join(reasons))
            return folder
        reasons.append(reason)
    raise CacheError(
        f"no cache folder for them: {'; '.join(reasons)}; set DYNQUANT_CACHE_DIR to a folder of your own"
    )


def store(folder: Path, name: str, content: bytes) -> Path:
    """Write `<name>-<hash>.so`, whole or not at all, and return its path. OSError if that fails."""
    path = folder / f"{name}-{_digest(content)}.so"
    handle, partial = tempfile.mkstemp(dir=folder, suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(partial).chmod(0o755)  # mkstemp makes it private
        Path(partial).replace(path)
    finally:
        Path(partial).unlink(missing_ok=True)
    return path


def _why_not_here(folder: Path) -> str:
    """Why a library cannot be kept in `folder`, "" if it can; tried before the work of compiling."""
    try:
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        if folder.stat().st_uid == os.geteuid() and "DYNQUANT_CACHE_DIR" not in os.environ:
            folder.chmod(folder.stat().st_mode & ~_WRITABLE_BY_OTHERS)  # an umask of 002 made it
        if reason := _why_not(folder):
            return reason
        with tempfile.TemporaryFile(dir=folder) as probe:
            os.posix_fallocate(probe.fileno(), 0, _ROOM)
    except OSError as error:
        return f"{folder} cannot be written ({error.strerror or error})"
    return ""


def _why_not(path: Path) -> str:
    """Why nothing may be loaded from a folder or file, "" if it may."""
    if ":" in str(path):
        return f"{path} has a ':' in it, which ends a path for MindSpore"
    if path.is_dir() and os.statvfs(path).f_flag & os.ST_NOEXEC:
        return f"{path} is mounted without the right to run programs (noexec)"
    state = path.stat()
    for owner in (path.lstat().st_uid, state.st_uid):  # of a link, and of what it leads to
        if owner not in (0, os.geteuid()):
            return f"{path} belongs to another user (number {owner})"
    if state.st_mode & _WRITABLE_BY_OTHERS:
        return f"{path} can be written by other users (chmod go-w it)"
    return ""


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
