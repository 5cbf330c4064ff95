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
"""`bench.py switch`: who runs when, and a run of the script with the oracle."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from src.bench.switch import in_turn
from tests.engine.programs import nested
from tests.system.runs import LONGEST

ROOT = Path(__file__).resolve().parent.parent.parent


class Recorder:
    """Stands for an engine; notes plans and images."""

    def __init__(self):
        self.calls = []

    def run(self, images, plan=None, row=0):
        self.calls.append((images.copy(), plan.copy()))


def program():
    made = nested()
    made.notes = {"widths": [2, 4, 8]}
    return made


def test_all_take_turns_and_plans_are_new_every_time():
    engine = Recorder()
    times, plans = in_turn(program(), engine, 8, runs=5)
    assert {kind: len(ms) for kind, ms in times.items()} == dict.fromkeys(
        (2, 4, 8, "changing", "kept"), 5
    )
    assert plans.shape == (5, 3, 1) and len({plan.tobytes() for plan in plans}) > 1
    assert len(engine.calls) == 6 * (3 * 2 + 2)
    for i in range(6):  # the first round warms up
        turn = engine.calls[8 * i : 8 * i + 8]
        for choice in range(3):
            for image, plan in turn[2 * choice : 2 * choice + 2]:
                assert (plan == choice).all() and image.shape == (1, 3, 8, 8)
        assert (turn[6][1] == turn[7][1]).all()
        assert (turn[6][0] == turn[7][0]).all()
        if i:
            assert (turn[6][1][0] == plans[i - 1]).all()
            assert (turn[6][0] != engine.calls[8 * i - 1][0]).any()


def bench(*arguments):
    command = [sys.executable, "bench.py", "switch", "--model", "resnet8", "--engine", "oracle"]
    return subprocess.run(
        [*command, *map(str, arguments)], cwd=ROOT, timeout=LONGEST, capture_output=True, text=True
    )


def test_the_script(tmp_path):
    file = tmp_path / "rows.json"
    done = bench("--image-size", "8", "--runs", "2", "--json", file)
    assert done.returncode == 0, done.stderr
    result = json.loads(file.read_text())
    assert [row.get("bits") for row in result["rows"]] == [2, 4, 8, None, None]
    for row in result["rows"]:
        assert (row["bench"], row["runner"], row["batch"]) == ("switch", "oracle", 1)
        assert 0 < row["min_ms"] <= row["median_ms"] and row["runs"] == 2
    assert result["machine"]["cores"] >= 1 and "a change costs" in done.stdout


@pytest.mark.parametrize("option", ["--model=resnet9", "--runs=0"])
def test_a_bad_option_is_one_line(option):
    done = bench(option)
    assert done.returncode == 2 and done.stderr.startswith("error: ")
    assert option.split("=")[1] in done.stderr and done.stderr.count("\n") == 1
