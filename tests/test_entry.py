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
"""How scripts end: exit codes, one line, whatever comes and whenever."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from src.entry import guarded
from src.errors import UserError

ROOT = Path(__file__).resolve().parent.parent


def raises(error):
    def main(arguments):
        raise error

    return main


@pytest.mark.parametrize(
    "error, code, line",
    [
        (UserError("data.path=x: no such folder"), 2, "error: data.path=x: no such folder"),
        (KeyboardInterrupt("before it began"), 130, "interrupted before it began"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (OSError(28, "No space left on device", "a.npz"), 2, "error: No space left on device: a.npz"),
    ],
)
def test_one_line_and_a_code(capsys, error, code, line):
    assert guarded(raises(error), []) == code
    assert capsys.readouterr().err == line + "\n"


def test_a_fault_of_ours_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        guarded(raises(ZeroDivisionError()), [])


# Sends itself a signal while libraries load, in the work, or when the work is done.
SCRIPT = """
import atexit, os, signal, sys
from src.entry import guarded

def send():
    os.kill(os.getpid(), signal.{name})

def main(arguments):
    if "{when}" == "working":
        send()
    return 0

if "{when}" == "loading":
    send()
if "{when}" == "ending":
    atexit.register(send)  # called after what `guarded` registers
sys.exit(guarded(main, []))
"""


@pytest.mark.parametrize("when", ["loading", "working", "ending"])
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_at_any_time_leaves_no_traceback(name, when):
    code = SCRIPT.format(name=name, when=when)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert "Traceback" not in done.stderr and "rror" not in done.stderr
    number = getattr(signal, name)
    if when == "working":
        assert done.returncode == 130 and done.stderr == "interrupted\n"
    else:
        assert done.returncode in (-number, 130)
