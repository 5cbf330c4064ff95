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
"""Native CPU kernels: the C++ core in csrc/, compiled on first use, and its bindings (ops.py, direct.py).

available() is False where there is no compiler; the callers then use plain operators.
"""

import ctypes
import functools
import logging
import os
import time
from pathlib import Path

from src.errors import UserError
from src.kernels import build
from src.kernels.errors import KernelError, describe, explain

__all__ = [
    "KernelError",
    "available",
    "bandwidth",
    "describe",
    "explain",
    "handle",
    "isa",
    "library_path",
    "peak",
    "profile",
    "set_threads",
    "steps_done",
    "threads",
    "wait_for_step",
]

_LOG = logging.getLogger("dynquant")
_NAP_S = 0.2  # a signal is dealt with between naps

ISAS = ("avx512", "avx2", "dotprod", "portable")
ARITHMETICS = ("float", "int16", "codes")

PROFILE_KINDS = (
    "conv_forward",
    "conv_backward",
    "conv_inner",
    "norm_forward",
    "norm_backward",
    "quant_forward",
    "quant_backward",
    "pool",
    "update",
)


@functools.cache
def _loaded() -> tuple[Path, ctypes.CDLL] | None:
    loaded = build.load()
    if loaded:
        lib = loaded[1]
        lib.dq_isa.restype = ctypes.c_char_p
        _check_isa(lib)
    return loaded


def _check_isa(lib: ctypes.CDLL) -> None:
    if lib.dq_isa():
        return
    offered = [name for name in ISAS if lib.dq_has_isa(name.encode())]
    raise UserError(
        f"DYNQUANT_ISA={os.environ.get('DYNQUANT_ISA')}: this machine offers {', '.join(offered)}; "
        "set one of these, or unset it to use the best"
    )


def library_path() -> Path | None:
    """The shared library, compiled if need be; None where that is impossible (a warning says why)."""
    loaded = _loaded()
    return loaded[0] if loaded else None


def available() -> bool:
    """Whether the native kernels can be used on this machine."""
    return _loaded() is not None


def handle() -> ctypes.CDLL:
    """The loaded library. UserError where there is none."""
    loaded = _loaded()
    if not loaded:
        raise UserError("native kernels are not available: install g++, or set device.native=off")
    return loaded[1]


def isa() -> str:
    """The instruction set in use, of `ISAS`; empty where there is no library."""
    return handle().dq_isa().decode() if available() else ""


def set_threads(count: int) -> None:
    """Threads of the kernels; 0: DYNQUANT_NUM_THREADS, or all cores allowed. Where the system refuses some of them,
    the others do the work, and a warning says so."""
    wanted = handle().dq_set_threads(count)
    if (got := threads()) < wanted:
        _LOG.warning(
            "native kernels: only %d of %d threads could be made (a limit on processes or memory: ulimit -u, "
            "ulimit -v); they do the work, slower", got, wanted,
        )  # fmt: skip


def threads() -> int:
    """Threads of the kernels."""
    return handle().dq_threads()


def steps_done() -> int:
    """Training steps that are done: calls of `ops.momentum` and `ops.adamw`."""
    count = handle().dq_steps_done
    count.restype = ctypes.c_int64
    return count()


def wait_for_step(step: int, timeout: float = 60.0) -> bool:
    """Sleep until steps_done() >= step; False when `timeout` seconds have passed.

    Reading a result (`loss.asnumpy()`) right after starting a step makes MindSpore spin on a core that the
    kernels need; sleep here first. Never needed for correctness.
    """
    end, wait = time.monotonic() + timeout, handle().dq_wait_for_step
    wait.argtypes = [ctypes.c_int64, ctypes.c_double]
    while not wait(step, min(_NAP_S, max(0.0, end - time.monotonic()))):
        if time.monotonic() >= end:
            return False
    return True


def profile(reset: bool = False) -> dict[str, tuple[float, int]]:
    """Seconds and calls so far of each kind of kernel."""
    seconds = (ctypes.c_double * len(PROFILE_KINDS))()
    calls = (ctypes.c_int64 * len(PROFILE_KINDS))()
    handle().dq_profile(seconds, calls, int(reset))
    return {kind: (seconds[i], calls[i]) for i, kind in enumerate(PROFILE_KINDS)}


def peak(arithmetic: str) -> float:
    """Multiply-accumulates per second that this machine can do at most with the kernels' instructions and threads,
    measured now (some milliseconds). arithmetic: of `ARITHMETICS`; codes: of 4 bits, as in a forward pass."""
    return _peak(ARITHMETICS.index(arithmetic))


def bandwidth() -> float:
    """Bytes per second that the kernels' threads read and write together when they copy what caches do not hold,
    measured now (some milliseconds)."""
    return _peak(len(ARITHMETICS))


def _peak(kind: int) -> float:
    measure = handle().dq_peak
    measure.restype = ctypes.c_double
    return measure(kind)
