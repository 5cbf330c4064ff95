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

"""Progress: plain lines where the output is no terminal, and the bar on one."""

import fcntl
import logging
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from src.terminal import TerminalHandler
from src.train.bar import EpochBar, clock


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
    with EpochBar("dqnet", "1/2", 7, 3, show) as bar:
        for step in range(7):
            bar.step(("", f"loss {step}"))
    logger.removeHandler(keeper)
    logger.setLevel(level)
    return keeper.messages


def test_a_line_every_few_steps_and_at_the_end():
    said = lines(show=True)
    assert [line.split(",")[0] for line in said] == [
        f"dqnet epoch 1/2: step {step}/7" for step in (3, 6, 7)
    ]  # fmt: skip
    assert "loss 2" in said[0] and said[-1].endswith("0:00 left")


def test_other_workers_are_silent():
    assert lines(show=False) == []


# An epoch on a terminal, with a message in the middle of it.
ON_A_TERMINAL = """
import logging, sys, time
from src.terminal import TerminalHandler
from src.train.bar import EpochBar
log = logging.getLogger("dynquant")
log.setLevel(logging.INFO)
log.addHandler(TerminalHandler(lambda: sys.stdout))
numbers = "loss 0.1947 top1 99.15% bits 3.90/4 BitOPs 103%"
with EpochBar("dqnet", "10/16", 4, 50) as bar:
    for step in range(4):
        time.sleep(0.15)
        bar.step((numbers, numbers))
        if step == 1:
            log.info("a message of its own")
"""


@pytest.mark.parametrize("columns", [80, 120])
def test_on_a_terminal_numbers_fit_and_messages_have_their_own_line(columns):
    master, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", ON_A_TERMINAL]
    subprocess.run(command, cwd=root, stdin=terminal, stdout=terminal, stderr=terminal, check=True)
    os.close(terminal)
    said = os.read(master, 65536).decode()
    os.close(master)
    lines = [line for line in said.replace("\r", "\n").splitlines() if line.strip()]
    assert "a message of its own" in [line.strip() for line in lines]
    bars = [line.rstrip() for line in lines if line.startswith("dqnet 10/16")]
    assert max(map(len, bars)) <= columns
    assert bars[-1].endswith("left, loss 0.1947 top1 99.15% bits 3.90/4 BitOPs 103%")


class Broken:
    """A pipe whose reader is gone, a disk that is full, a stream that was closed."""

    def __init__(self, error):
        self.error = error

    def write(self, text):
        raise self.error

    flush = write


@pytest.mark.parametrize("error", [BrokenPipeError(), OSError(28, "No space left"), ValueError("closed")])
def test_an_output_that_is_full_or_gone_ends_nothing(error):
    handler = TerminalHandler(lambda: Broken(error))
    handler.emit(logging.LogRecord("dynquant", logging.INFO, "", 0, "words", (), None))
