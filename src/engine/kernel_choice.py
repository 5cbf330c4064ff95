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
"""Which kernel each convolution runs on, as it was measured on this machine, kept between runs.

The C++ core can do most convolutions by several kernels, all with the same integers; without a measurement it
takes what suits most machines (csrc/engine/kernel_choice.h). `bench.py tune` measures (bench/tune.py). What it
found lies in the folder of the compiled kernels, for this processor and this library alone.
"""

import ctypes
import functools
import hashlib
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from src import kernels
from src.errors import UserError
from src.files import whole_file
from src.kernels import cache

ANY = "*"  # the key of every convolution that no other key names
_OF_A_PROCESSOR = ("model name", "cpu family", "model", "stepping", "flags", "CPU implementer", "CPU part", "Features")


def names() -> list[str]:
    """Kernels for convolutions that the instruction set in use has, in the order in which they are tried."""
    name_of, found = kernels.handle().dq_kernel_name, []
    name_of.restype = ctypes.c_char_p
    while name := name_of(len(found)):
        found.append(name.decode())
    return found


def use(choice: dict[str, str]) -> None:
    """Key of a convolution (`Native.choice_keys`), or ANY -> name of a kernel, for engines made later in this process.
    Of a kernel that cannot do it, or is not there, the first that can stands in."""
    library = kernels.handle()
    if code := library.dq_use_kernels(_text(choice).encode()):
        raise MemoryError(kernels.describe("dq_use_kernels", code))


@functools.cache
def use_remembered() -> None:
    """The same with what this machine remembers, once in a process."""
    use(remembered())


def remembered() -> dict[str, str]:
    """What `remember` kept; {} where nothing was, or it cannot be read."""
    for folder in cache.folders():
        with suppress(OSError, UnicodeDecodeError):
            lines = (folder / _file_name()).read_text(encoding="utf-8").splitlines()
            return dict(line.split("\t") for line in lines if line.count("\t") == 1)
    return {}


def remember(choice: dict[str, str], timed: Iterable[str]) -> Path:
    """Keep a choice, which may leave out some of the keys that were timed for it, beside what was kept of others.

    Returns:
        the file.

    Raises:
        UserError: no folder can be written.
    """
    others = {key: name for key, name in remembered().items() if key not in set(timed)}
    try:
        path = cache.writable_folder() / _file_name()
        with whole_file(path) as file:
            file.write_text(_text(others | choice), encoding="utf-8")
    except (OSError, cache.CacheError) as error:
        raise UserError(f"what was measured cannot be kept: {error}") from error
    return path


def forget() -> None:
    """Go back to what suits most machines. UserError: the file cannot be removed."""
    for folder in cache.folders():
        try:
            (folder / _file_name()).unlink(missing_ok=True)
        except OSError as error:
            raise UserError(f"{folder / _file_name()} cannot be removed: {error.strerror}") from error


def _text(choice: dict[str, str]) -> str:
    return "".join(f"{key}\t{name}\n" for key, name in choice.items())


def _file_name() -> str:
    return f"kernels-{kernels.library_path().stem.rsplit('-', 1)[1]}-{_processor()}.txt"


def _processor() -> str:
    """A few digits that are the same on machines of a kind."""
    said = []
    with suppress(OSError):
        first = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n\n")[0]
        said = [line for line in first.splitlines() if line.split(":")[0].strip() in _OF_A_PROCESSOR]
    return hashlib.sha256("\n".join([kernels.isa(), *said]).encode()).hexdigest()[:8]
