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
"""Start a script as two CPU workers under MindSpore's own launcher."""

import os
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil

from tests.system.runs import LONGEST, ROOT


def start_two_workers(logs: Path, *arguments) -> subprocess.Popen:
    """They run on; their output goes to `logs`/worker_*.log, the launcher's to pipes."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable, "-m", "mindspore.parallel.cluster.run", "--worker_num=2",
        "--local_worker_num=2", f"--master_port={port}", f"--log_dir={logs}", "--join=True",
        *map(str, arguments),
    ]  # fmt: skip
    # msrun starts the `python` that comes first in PATH.
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def two_workers(logs: Path, *arguments) -> None:
    """Run a script as two workers; fails with the end of their logs."""
    process = start_two_workers(logs, *arguments)
    try:
        out, errors = process.communicate(timeout=LONGEST)
    except subprocess.TimeoutExpired:
        out, errors = kill_all(process)
    assert process.returncode == 0, out[-1000:] + errors[-1000:] + said(logs)


def kill_two_workers_when(run: Path, words: str, logs: Path, *arguments) -> None:
    """Run a script as two workers until `run`/log.txt says `words`; then kill -9 all of them."""
    process = start_two_workers(logs, *arguments)
    log, end = run / "log.txt", time.monotonic() + LONGEST
    while not (log.is_file() and words in log.read_text(encoding="utf-8")):
        assert process.poll() is None and time.monotonic() < end, f"never said {words!r}: {said(logs)}"
        time.sleep(0.02)
    kill_all(process)


def kill_all(launcher: subprocess.Popen) -> tuple[str, str]:
    """kill -9, and wait; (output, errors). The launcher gives each worker a session of its own: no group holds all."""
    family = [psutil.Process(launcher.pid), *psutil.Process(launcher.pid).children(recursive=True)]
    for process in family:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(family, timeout=60)
    return launcher.communicate()


def said(logs: Path) -> str:
    """The end of what the workers said."""
    return "".join(p.read_text(errors="replace")[-1500:] for p in sorted(logs.glob("worker*.log")))
