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

"""Progress in plain lines, where the output is no terminal: when, what, and how long still."""

import logging

import pytest

from src.train.progress import EpochProgress, clock


@pytest.mark.parametrize(
    "seconds,text", [(0, "0:00"), (65, "1:05"), (3599.6, "1:00:00"), (7390, "2:03:10")]
)
def test_clock(seconds, text):
    assert clock(seconds) == text


class Keeper(logging.Handler):
    def __init__(self):
        super().__init__()
        self.messages = []

    def emit(self, record):
        self.messages.append(record.getMessage())


def lines(show):
    """What an epoch of seven steps logs; read by a handler of its own, whoever else listens."""
    keeper, logger = Keeper(), logging.getLogger("dynquant")
    level = logger.level
    logger.addHandler(keeper)
    logger.setLevel(logging.INFO)
    with EpochProgress("dqnet 1/2", 7, 3, show) as bar:
        for step in range(7):
            bar.step(f"loss {step}")
    logger.removeHandler(keeper)
    logger.setLevel(level)
    return keeper.messages


def test_a_line_every_few_steps_and_at_the_end():
    said = lines(show=True)
    assert [line.split(",")[0] for line in said] == [
        "dqnet 1/2: step 3/7", "dqnet 1/2: step 6/7", "dqnet 1/2: step 7/7",
    ]  # fmt: skip
    assert "loss 2" in said[0] and said[-1].endswith("0:00 left")


def test_other_workers_are_silent():
    assert lines(show=False) == []
