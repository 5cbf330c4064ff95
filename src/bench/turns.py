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
"""Workers take turns: a few steps each per round, so that a slow phase of the machine hits all."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from src.bench.case import Case
from src.bench.infer_case import InferCase
from src.bench.process import WorkerError, WorkerProcess

# MindSpore times each of its CPU operators at six ways to share it out, five launches each, and then
# keeps the fastest: the first thirty steps are not those of a training.
SETTLE = 30
STEPS_PER_TURN = 4  # timed steps, after one that brings the caches back


@dataclass
class Outcome:
    """What is known of a case: what its worker says of itself, its times, or why there are none."""

    case: Case | InferCase
    about: dict = field(default_factory=dict)
    ms: list[float] = field(default_factory=list)
    kernel_ms: dict[str, float] = field(default_factory=dict)  # sums over the timed steps
    peaks: list[float] = field(default_factory=list)  # GMAC/s, one for each turn of who measures it
    peak_mb: float = 0.0
    loss: float = 0.0
    error: str = ""
    worker: WorkerProcess | None = None  # while it lives

    def add(self, answer: dict) -> None:
        """Take in the answer to one turn."""
        self.ms += answer["ms"]
        self.peak_mb, self.loss = answer["peak_mb"], answer["loss"]
        if answer["peak"] is not None:
            self.peaks.append(answer["peak"])
        for kind, ms in answer["kernel_ms"].items():
            self.kernel_ms[kind] = self.kernel_ms.get(kind, 0.0) + ms


def time_cases(
    cases: list[Case] | list[InferCase], runs: int, settle: int, peer_python: str, timeout: float,
    say: Callable[[str], None], seconds: float = 0.0,
) -> tuple[list[Outcome], bool]:  # fmt: skip
    """Start a worker per case, one after the other, let it make `settle` steps, and time `runs`
    steps of each in turns, or more where a turn would be shorter than `seconds`.

    A worker that fails, at any time, leaves an error in its outcome and the others go on. Ctrl-C
    ends the timing; what was timed so far counts.

    Returns:
        The outcomes, and whether nobody ended it.
    """
    whole, outcomes = True, [Outcome(case) for case in cases]
    try:
        for outcome in outcomes:
            say(f"starting {outcome.case.name} ...")
            with _noting_failure(outcome):
                _start(outcome, settle, peer_python, timeout)
        done = 0
        while done < runs and any(o.worker for o in outcomes):
            steps = min(STEPS_PER_TURN, runs - done)
            for outcome in filter(lambda o: o.worker, outcomes):
                with _noting_failure(outcome):
                    outcome.add(outcome.worker.ask({"warm_up": 1, "steps": steps, "seconds": seconds}))
            done += steps
            say(f"{done} of {runs} steps")
    except KeyboardInterrupt:
        whole = False
        say("interrupted: the rows hold the steps so far")
    finally:
        for outcome in outcomes:
            _stop(outcome)
    return outcomes, whole


def _start(outcome: Outcome, settle: int, peer_python: str, timeout: float) -> None:
    outcome.worker = WorkerProcess(outcome.case, peer_python, timeout)
    outcome.about = outcome.worker.answer()
    outcome.worker.ask({"warm_up": settle, "steps": 0})


@contextlib.contextmanager
def _noting_failure(outcome: Outcome) -> Iterator[None]:
    try:
        yield
    except WorkerError as error:
        outcome.error = str(error)
        _stop(outcome)


def _stop(outcome: Outcome) -> None:
    if outcome.worker is not None:
        outcome.worker.stop()
        outcome.worker = None
