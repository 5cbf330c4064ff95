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
"""run_distribute_train.sh with a stub in place of training: who is started, and that all end with it."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.project.test_scripts import RECIPE, assert_one_error, project, run_script  # noqa: F401

# Notes its pid and does what `WHO=DO` among its arguments says: a number is an exit code.
TRAIN = """\
import os, pathlib, signal, sys, time
who = "scheduler" if os.environ["MS_ROLE"] == "MS_SCHED" else "worker" + os.environ["MS_NODE_ID"]
wanted = dict(a.split("=", 1) for a in sys.argv if "=" in a).get(who, "0")
print("this is", who, os.environ["MS_WORKER_NUM"], os.environ["MS_SCHED_PORT"], sys.argv[1:], flush=True)
pathlib.Path(f"{who}.pid").write_text(str(os.getpid()))
if wanted == "wait":
    time.sleep(60)
if wanted == "killed":
    os.kill(os.getpid(), 9)
if wanted == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(60)
if wanted == "error":
    sys.exit(print("error: data.path=x is no folder") or 2)
sys.exit(int(wanted))
"""
ALL = ("scheduler", "worker0", "worker1")
WAITING = [f"{who}=wait" for who in ALL]


@pytest.fixture
def folder(project) -> Path:  # noqa: F811
    (project / "train.py").write_text(TRAIN)
    return project


def distribute(folder: Path, *arguments: str, **environment: str):
    return run_script(folder, "run_distribute_train.sh", RECIPE, "2", *arguments, **environment)


def pids(folder: Path) -> list[int]:
    return [int((folder / f"{who}.pid").read_text()) for who in ALL]


def assert_all_ended(folder: Path) -> None:
    for pid in pids(folder):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_scheduler_and_the_workers_are_started(folder):
    result = distribute(folder, "a=b c", "run.dir=runs/two of")
    assert result.returncode == 0, result.stderr
    assert "next: bash scripts/run_eval.sh" in result.stderr
    logs = folder / "runs" / "two of" / "workers"
    names = {"scheduler": "scheduler", "worker0": "worker_0", "worker1": "worker_1"}
    said = {who: (logs / f"{name}.log").read_text() for who, name in names.items()}
    arguments = ["--config", RECIPE, "a=b c", "run.dir=runs/two of", "run.dir=runs/two of"]
    assert all(text.startswith(f"this is {who} 2 ") for who, text in said.items())
    assert all(text.endswith(f" {arguments}\n") for text in said.values())
    assert result.stdout == said["worker0"]
    assert_all_ended(folder)


def test_a_run_is_resumed(folder):
    run = folder / "runs" / "r"
    result = run_script(folder, "run_distribute_train.sh", "--resume", "runs/r", "2")
    assert_one_error(result, "runs/r is no run folder")
    run.mkdir(parents=True)
    (run / "config.yaml").touch()
    result = run_script(folder, "run_distribute_train.sh", "--resume", "runs/r", "2", "train.epochs=9")
    assert result.returncode == 0, result.stderr
    for who in ("worker_0", "worker_1"):
        said = (run / "workers" / f"{who}.log").read_text()
        assert said.endswith(" ['--resume', 'runs/r', 'train.epochs=9']\n")
    assert_all_ended(folder)


def test_the_logs_of_an_earlier_start_stay(folder):
    for _ in range(2):
        distribute(folder, "run.dir=runs/r")
    assert [p.name for p in sorted((folder / "runs" / "r").iterdir())] == ["workers", "workers-2"]
    assert (folder / "runs/r/workers/worker_0.log").stat().st_size > 0


def test_home_is_expanded(folder, tmp_path):
    assert distribute(folder, "run.dir=~/r", HOME=str(tmp_path)).returncode == 0
    assert (tmp_path / "r" / "workers" / "worker_1.log").is_file()
    assert not (folder / "~").exists()


@pytest.mark.parametrize("who", ["scheduler", "worker0", "worker1"])
def test_one_that_dies_takes_the_others_along(folder, who):
    waiting = [word for word in WAITING if not word.startswith(who)]
    result = distribute(folder, *waiting, f"{who}=7", "run.dir=r")
    assert result.returncode == 7
    errors = [line for line in result.stderr.splitlines() if line.startswith("error:")]
    assert len(errors) == 1 and "exit code 7" in errors[0] and str(folder / "r/workers") in errors[0]
    assert who.replace("r0", "r 0").replace("r1", "r 1") in errors[0]
    assert_all_ended(folder)


def test_one_that_is_killed_and_one_that_cannot_hear(folder):
    """As a worker that waits for the others inside the framework."""
    result = distribute(folder, "worker1=killed", "worker0=deaf", "scheduler=wait", "run.dir=r")
    assert result.returncode == 137
    assert len(result.stderr.splitlines()) == 2, result.stderr
    first, last = result.stderr.splitlines()
    assert first.startswith("== train.py") and last.startswith("error: training failed: worker 1")
    assert_all_ended(folder)


def test_what_another_worker_says_is_shown(folder):
    result = distribute(folder, "worker1=error", "worker0=wait", "run.dir=r")
    assert result.returncode == 2
    assert "error: data.path=x is no folder" in result.stderr
    assert_all_ended(folder)


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_an_interruption_stops_all(folder, number, code):
    command = ["bash", str(folder / "scripts" / "run_distribute_train.sh"), RECIPE, "2", *WAITING]
    script = subprocess.Popen(
        [*command, "run.dir=r"], cwd=folder, env={"PATH": os.environ["PATH"], "PYTHON": sys.executable},
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        # A shell cannot trap what was ignored when it began, as under nohup.
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
    )  # fmt: skip
    end = time.monotonic() + 30
    while not all((folder / f"{who}.pid").is_file() for who in ALL) and time.monotonic() < end:
        time.sleep(0.05)
    time.sleep(0.3)
    script.send_signal(number)
    said = script.communicate(timeout=30)[1]
    assert script.returncode == code
    assert "interrupted: all workers are stopped" in said
    assert_all_ended(folder)


def test_a_port_that_is_out_of_range(folder):
    assert_one_error(distribute(folder, MASTER_PORT="80"), "MASTER_PORT=80", "1024..65535")


def test_a_port_that_is_taken(folder):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        result = distribute(folder, "run.dir=r", MASTER_PORT=str(port))
    assert_one_error(result, f"MASTER_PORT={port} is taken", "leave MASTER_PORT out")
    assert not (folder / "r").exists()
    result = distribute(folder, "run.dir=r", MASTER_PORT=str(port))
    assert result.returncode == 0 and f" 2 {port} " in result.stdout
