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

"""Run the entry scripts as a user does, on a network that trains in seconds."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import mindspore as ms
import numpy as np

from src.train.checkpoints import read_state

ROOT = Path(__file__).resolve().parent.parent.parent
LONGEST = 1500  # seconds; against what never ends: two workers that wait for each other on one busy core are slow
# resnet8 on digits of 8 pixels: 4 steps an epoch with a fifth of the images held out.
TINY = [
    "model.name=resnet8", "data.image_size=8", "data.batch_size=256", "data.eval_batch_size=355",
    "dqnet.pool=2", "dqnet.hidden=8", "dqnet.alpha_bits=2", "data.val_split=0.2",
    "train.schedule=constant", "train.log_every=1",
]  # fmt: skip


def script(*arguments, timeout=LONGEST, **environment) -> subprocess.CompletedProcess:
    """`python *arguments` from the project root; the output is captured."""
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, timeout=timeout,
        capture_output=True, text=True,
    )  # fmt: skip


def train(run: Path, *overrides: str) -> str:
    """A new tiny run; its output."""
    return finished(script("train.py", *TINY, f"run.dir={run}", *overrides))


def resume(run: Path, *overrides: str) -> str:
    return finished(script("train.py", "--resume", run, *overrides))


def finished(done: subprocess.CompletedProcess) -> str:
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def tensors(checkpoint: Path) -> dict[str, np.ndarray]:
    """Every tensor of a checkpoint: weights, statistics, momenta, step counter, rates."""
    loaded = ms.load_checkpoint(str(checkpoint), crc_check=True)
    return {n: p.asnumpy() for n, p in loaded.items() if isinstance(p, ms.Tensor)}


def assert_same_training(one: Path, other: Path) -> None:
    """Two runs ended with the same bits in all their checkpoints, and wrote the same numbers on the way."""
    kept = sorted(path.name for path in (one / "ckpt").iterdir())
    assert kept == sorted(path.name for path in (other / "ckpt").iterdir())
    for name in kept:
        first, second = tensors(one / "ckpt" / name), tensors(other / "ckpt" / name)
        assert first.keys() == second.keys(), name
        assert [key for key in first if not np.array_equal(first[key], second[key])] == [], name
        assert read_state(one / "ckpt" / name) == read_state(other / "ckpt" / name), name
    loose = ("seconds", "data_seconds")
    rows = [
        [{k: v for k, v in row.items() if k not in loose} for row in metrics(run)]
        for run in (one, other)
    ]
    assert rows[0] == rows[1]


def metrics(run: Path) -> list[dict[str, str]]:
    with (run / "metrics.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def last_json(output: str) -> dict:
    return json.loads(output.strip().splitlines()[-1])
