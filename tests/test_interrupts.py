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
"""Signals that come in the midst of what cannot be interrupted wait for its end; a second one does not."""

import signal
import subprocess
import sys

import pytest

from tests.project.files import ROOT

HELD = """
import os, signal, sys
from src import interrupts
from src.entry import guarded

def main(arguments):
    with interrupts.held("when it is compiled"):
        for _ in range({times}):
            os.kill(os.getpid(), signal.{name})
        print("compiled", flush=True)
    print("went on", flush=True)
    return 0

sys.exit(guarded(main, []))
"""


def held(name: str, times: int) -> subprocess.CompletedProcess:
    command = [sys.executable, "-c", HELD.format(name=name, times=times)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_waits_for_the_end_of_what_is_held(name):
    done = held(name, 1)
    assert (done.returncode, done.stdout) == (130, "compiled\n")
    assert done.stderr == "stopping when it is compiled (once more: at once)\ninterrupted\n"


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_second_one_does_not_wait(name):
    done = held(name, 2)
    assert done.returncode == -getattr(signal, name) and done.stdout == ""


def test_without_a_signal_nothing_happens():
    assert held("SIGINT", 0).stdout == "compiled\nwent on\n"
