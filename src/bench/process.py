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
"""A worker process as its parent sees it: lines of JSON over two pipes, with a time limit."""

import contextlib
import json
import os
import select
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from src.bench.case import Case
from src.bench.infer_case import InferCase

ROOT = Path(__file__).resolve().parent.parent.parent


def command(case: Case | InferCase, peer_python: str) -> list[str]:
    """The command line of the case's worker process."""
    python = peer_python if case.is_peer else sys.executable
    return [python, "-m", "src.bench.worker", case.bench, json.dumps(asdict(case))]


def environment(case: Case | InferCase) -> dict[str, str]:
    """Environment of the case's worker process: who may use which instructions."""
    values = dict(os.environ)
    values["PYTHONPATH"] = os.pathsep.join(
        [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    )
    if case.is_peer:
        # `src/__init__.py` has limited oneDNN for MindSpore's sake; peers get all of it.
        values["ONEDNN_MAX_CPU_ISA"] = values["DNNL_MAX_CPU_ISA"] = case.isa.upper() or "DEFAULT"
        values["OMP_NUM_THREADS"] = str(case.threads)
        if case.isa:
            values["ATEN_CPU_CAPABILITY"] = case.isa
    else:
        values["DYNQUANT_NUM_THREADS"] = str(case.threads)
        if case.isa:
            values["DYNQUANT_ISA"] = case.isa
    return values


class WorkerError(Exception):
    """The worker could not do what it was asked for; the text says why."""


class WorkerProcess:
    """Starts the worker of a case; `answer` then waits until it is ready.

    Args:
        timeout: seconds that any one answer may take.
    """

    def __init__(self, case: Case | InferCase, peer_python: str, timeout: float):
        self.timeout, self.pending = timeout, b""
        self.scratch = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.errors = Path(self.scratch.name) / "stderr.txt"
        try:
            with self.errors.open("wb") as errors:
                self.process = subprocess.Popen(
                    command(case, peer_python), env=environment(case), cwd=self.scratch.name,
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                )  # fmt: skip
        except OSError as error:
            self.scratch.cleanup()
            raise WorkerError(f"{error.filename}: {error.strerror}") from error

    def answer(self) -> dict:
        """The next answer; the first says what the worker is. WorkerError if it cannot run."""
        answer = json.loads(self._line())
        if "error" in answer:
            raise WorkerError(answer["error"])
        return answer

    def ask(self, request: dict) -> dict:
        """Send a request and wait for its answer. WorkerError if there is none."""
        try:
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
            self.process.stdin.flush()
        except OSError as error:
            raise WorkerError(self._last_words()) from error
        return self.answer()

    def stop(self) -> None:
        """End the worker, whatever it is doing."""
        self.process.kill()
        self.process.wait()
        with contextlib.suppress(OSError):  # a request that was never read
            self.process.stdin.close()
        self.process.stdout.close()
        self.scratch.cleanup()

    def _line(self) -> bytes:
        descriptor, end = self.process.stdout.fileno(), time.monotonic() + self.timeout
        while b"\n" not in self.pending:
            ready, _, _ = select.select([descriptor], [], [], max(0.0, end - time.monotonic()))
            if not ready:
                raise WorkerError(f"no answer within {self.timeout:.0f} s")
            piece = os.read(descriptor, 1 << 16)
            if not piece:
                raise WorkerError(self._last_words())
            self.pending += piece
        line, self.pending = self.pending.split(b"\n", 1)
        return line

    def _last_words(self) -> str:
        """How the worker ended, with the last line that it wrote to stderr."""
        code = self.process.wait()
        lines = self.errors.read_text(errors="replace").strip().splitlines()
        return f"the worker ended with code {code}: {lines[-1] if lines else 'no message'}"
