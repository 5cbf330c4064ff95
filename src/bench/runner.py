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
"""A network that is ready to be trained, or to answer images, and the timing of its steps."""

import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from src.errors import UserError


@dataclass
class Runner:
    """A network that is ready.

    Attributes:
        step: one training step, or the answers to a batch, to the end; returns the loss, or a logit.
        kernel_seconds: seconds so far of each kind of kernel, or {} where nobody counts them.
        about: what the rows say of the runner: threads, isa, version.
        peak: measures what the machine could do at most, GMAC/s; None: this runner does not.
    """

    step: Callable[[], float]
    about: dict = field(default_factory=dict)
    kernel_seconds: Callable[[], dict[str, float]] = dict
    peak: Callable[[], float] | None = None


def take_turn(runner: Runner, warm_up: int, steps: int, seconds: float = 0.0) -> dict:
    """Time `steps` steps, or as many more as fill `seconds`, after `warm_up` that bring the caches back.

    Raises:
        UserError: the loss is not finite, so that the times are not those of a training.
    """
    for _ in range(warm_up):
        runner.step()
    before = runner.kernel_seconds()
    times, loss = [], 0.0
    end = time.perf_counter() + seconds
    while len(times) < steps or time.perf_counter() < end:
        start = time.perf_counter()
        loss = runner.step()
        times.append(1e3 * (time.perf_counter() - start))
    after = runner.kernel_seconds()
    if not math.isfinite(loss):
        raise UserError("the loss is not finite: this is nothing to be timed")
    kernels = {kind: 1e3 * (after[kind] - before[kind]) for kind in after}
    peak = runner.peak() if runner.peak and times else None
    return {"ms": times, "loss": loss, "peak_mb": peak_mb(), "kernel_ms": kernels, "peak": peak}


def peak_mb() -> float:
    """Largest resident size of this process so far, in MiB."""
    status = Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    import resource

    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, KiB elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20
