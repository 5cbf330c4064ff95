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
"""Workers of a real training that die, or whose disk is full: the others are stopped, one error says why, and the
run goes on from what was stored."""

import contextlib
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from src.train.checkpoints import read_state
from tests.system.runs import LONGEST, ROOT, TINY, assert_same_training

pytestmark = pytest.mark.slow
RECIPE = "config/resnet8_digits_dqnet_4bit.yaml"
OPTIONS = [*TINY, "data.batch_size=24", "train.pretrain_epochs=0", "train.save_every=5"]
STATIC = [*OPTIONS, "method.name=static", "train.epochs=2"]
AGENT = [
    *OPTIONS, "method.name=abn", "quant.quantizer=lsq", "abn.candidates=[2, 4]", "abn.passes=[largest]",
    "abn.updates=2", "train.epochs=1", "abn.agent_epochs=2", "train.save_every=2",
]  # fmt: skip


def distribute(*arguments, largest_file: int = -1) -> subprocess.Popen:
    """`run_distribute_train.sh`; none of its processes may write files larger than that."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))

    environment = {**os.environ, "PYTHON": sys.executable, "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        ["bash", "scripts/run_distribute_train.sh", *map(str, arguments)], cwd=ROOT, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True, preexec_fn=limit,
    )  # fmt: skip


def ended(script: subprocess.Popen) -> tuple[int, str, str]:
    """(exit code, output, errors); none of its processes is left."""
    try:
        out, errors = script.communicate(timeout=LONGEST)
    except subprocess.TimeoutExpired:
        os.killpg(script.pid, signal.SIGKILL)
        raise
    with pytest.raises(ProcessLookupError):
        os.killpg(script.pid, 0)
    return script.returncode, out, errors


def stat(process: int) -> list[str]:
    """What the system says of a process: its state (Z: it has ended), its parent, ..., its exit code."""
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()


def worker(script: subprocess.Popen, number: int) -> int:
    """The process of a worker."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (folder / "environ").read_bytes().split(b"\0")
            is_wanted = b"MS_ROLE=MS_WORKER" in words and f"MS_NODE_ID={number}".encode() in words
            if is_wanted and int(stat(int(folder.name))[1]) == script.pid:
                return int(folder.name)
    raise AssertionError(f"no worker {number}")


def wait_until(has_come: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + LONGEST
    while not has_come():
        assert time.monotonic() < end, f"never {what}"
        time.sleep(0.02)


def wait_for(run: Path, words: str) -> None:
    """Until the log of a run says them."""
    log = run / "log.txt"
    wait_until(lambda: log.is_file() and words in log.read_text(encoding="utf-8"), f"said {words!r}")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A function: options -> the run that nobody stopped, trained once."""
    runs = {}

    def trained(options: list[str]) -> Path:
        key = tuple(options)
        if key not in runs:
            runs[key] = tmp_path_factory.mktemp("distributed") / "whole"
            code, _, errors = ended(distribute(RECIPE, 2, *options, f"run.dir={runs[key]}"))
            assert code == 0, errors
        return runs[key]

    return trained


@pytest.mark.parametrize(
    "number, options, stage, step, every",
    [(0, STATIC, "static", 7, 5), (1, STATIC, "static", 7, 5), (1, AGENT, "agent", 3, 2)],
    ids=["the main one", "another one", "another one as an agent learns"],
)
def test_a_killed_worker_takes_the_others_along_and_nothing_stored_is_lost(
    number, options, stage, step, every, whole, tmp_path
):
    run = tmp_path / "run"
    script = distribute(RECIPE, 2, *options, f"run.dir={run}")
    wait_for(run, f"{stage} epoch 2/2: step {step}/")
    os.kill(worker(script, number), signal.SIGKILL)
    code, _, errors = ended(script)
    lines = [line for line in errors.splitlines() if line.startswith("error:")]
    assert code == 137 and len(lines) == 1 and f"worker {number} ended with exit code 137" in lines[0], errors
    state = read_state(run / "ckpt/last.ckpt")
    assert (state.stage, state.epoch, state.step % every) == (stage, 1, 0) and state.step
    code, _, errors = ended(distribute("--resume", run, 2))
    assert code == 0, errors
    assert_same_training(whole(options), run)


def test_a_worker_that_nobody_stops_ends_by_itself_when_another_is_killed(tmp_path):
    """As where each machine of a job has a script of its own: it says why, and how to go on."""
    run = tmp_path / "run"
    script = distribute(RECIPE, 2, *STATIC, f"run.dir={run}")
    wait_for(run, "static epoch 2/2: step 7/")
    os.kill(script.pid, signal.SIGSTOP)
    first = worker(script, 0)
    os.kill(worker(script, 1), signal.SIGKILL)
    wait_until(lambda: stat(first)[0] == "Z", "ended")
    assert stat(first)[-1] != "0"
    said = (run / "workers/worker_0.log").read_text(encoding="utf-8")
    errors = [line for line in said.splitlines() if line.startswith("error:")]
    assert len(errors) == 1 and "Traceback" not in said, said
    assert "another worker of this job has ended" in errors[0]
    assert f"after what is stored; continue with: bash scripts/run_distribute_train.sh --resume {run} 2" in errors[0]
    os.kill(script.pid, signal.SIGCONT)
    assert ended(script)[0] != 0
    assert read_state(run / "ckpt/last.ckpt").place == "epoch 2, step 5"


def test_the_main_worker_whose_disk_is_full_says_so(whole, tmp_path):
    """Its checkpoints do not fit; the other one, which waits for it, is stopped."""
    run = tmp_path / "run"
    size = (whole(STATIC) / "ckpt/last.ckpt").stat().st_size
    code, out, errors = ended(distribute(RECIPE, 2, *STATIC, f"run.dir={run}", largest_file=size // 2))
    assert code == 2
    assert f"error: checkpoint {run / 'ckpt/last.ckpt'} could not be written" in out + errors
    assert "worker 0 ended with exit code 2" in errors
    assert not list((run / "ckpt").iterdir())
