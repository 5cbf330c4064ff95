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

"""Workers take turns; one that fails leaves an error and the others go on."""

import sys
from pathlib import Path

import pytest

from src.bench import process
from src.bench.case import Case
from src.bench.turns import time_cases

# A worker whose kind says how it behaves; it notes its turns in the file `log`.
FAKE = """\
import json, sys, time
kind, log = sys.argv[1:]
if kind == "dumb":
    sys.exit("first line\\nno such module")
if kind == "slow":
    time.sleep(60)
if kind == "refused":
    print(json.dumps({"error": "no compiler"}), flush=True)
print(json.dumps({"isa": kind}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    steps = request["steps"]
    with open(log, "a") as file:
        file.write(f"{kind}{steps}/{request['warm_up']} ")
    if kind == "mortal" and steps:
        sys.exit(3)
    answer = {"ms": [1.0] * steps, "loss": 2.0, "peak_mb": 3.0, "kernel_ms": {"conv": 0.5}, "peak": 9.0}
    print(json.dumps(answer), flush=True)
"""


@pytest.fixture
def log(monkeypatch, tmp_path) -> Path:
    """Replaces the workers by FAKE; the file that it writes to."""
    path = tmp_path / "log.txt"
    monkeypatch.setattr(
        process, "command", lambda case, _: [sys.executable, "-c", FAKE, case.kind, str(path)]
    )
    return path


def timed(kinds: list[str], runs: int, timeout: float = 30) -> list:
    cases = [Case(kind, "native", "resnet8", 4, 32, 4, 1) for kind in kinds]
    outcomes, whole = time_cases(cases, runs, 7, sys.executable, timeout, lambda line: None)
    assert whole
    return outcomes


def test_workers_settle_and_then_turns_alternate_and_add_up(log):
    first, second = timed(["a", "b"], runs=6)
    assert log.read_text().split() == ["a0/7", "b0/7", "a4/1", "b4/1", "a2/1", "b2/1"]
    for outcome in (first, second):
        assert outcome.ms == [1.0] * 6 and not outcome.error
        assert (outcome.loss, outcome.peak_mb) == (2.0, 3.0)
        assert outcome.kernel_ms == {"conv": 1.0}
        assert set(outcome.peaks) == {9.0}
    assert first.about == {"isa": "a"}


def test_ctrl_c_keeps_what_was_timed(log):
    def interrupt(line):
        if line.startswith("4 of"):
            raise KeyboardInterrupt

    case = Case("a", "native", "resnet8", 4, 32, 4, 1)
    says = []
    (outcome,), whole = time_cases(
        [case], 8, 0, sys.executable, 30, lambda line: (says.append(line), interrupt(line))
    )
    assert outcome.ms == [1.0] * 4 and outcome.worker is None and not whole
    assert "interrupted" in says[-1]


@pytest.mark.parametrize(
    "kind, words",
    [
        ("dumb", ["code 1", "no such module"]),
        ("mortal", ["code 3", "no message"]),
        ("refused", ["no compiler"]),
    ],
)
def test_a_worker_that_fails_leaves_its_reason(log, kind, words):
    bad, good = timed([kind, "a"], runs=5)
    assert all(word in bad.error for word in words), bad.error
    assert good.ms == [1.0] * 5 and not good.error
    assert bad.worker is None and good.worker is None


def test_a_worker_that_does_not_answer_is_ended(log):
    (outcome,) = timed(["slow"], runs=1, timeout=0.5)
    assert "no answer within" in outcome.error
