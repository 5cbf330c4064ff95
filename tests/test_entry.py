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

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from src.entry import guarded
from src.errors import UserError
from tests.project.files import ROOT

FULL = Path("/dev/full")


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
SIGNALLED = """
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
    code = SIGNALLED.format(name=name, when=when)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert "Traceback" not in done.stderr and "rror" not in done.stderr
    number = getattr(signal, name)
    if when == "working":
        assert done.returncode == 130 and done.stderr == "interrupted\n"
    else:
        assert done.returncode in (-number, 130)


@pytest.mark.parametrize("script, dies_at_once", [("train.py", True), ("notebook.py", False)])
def test_ctrl_c_ends_a_script_before_anything_else_of_ours_is_there(script, dies_at_once):
    code = f"import os, signal, sys; sys.argv = [{script!r}]; import src; os.kill(os.getpid(), signal.SIGINT)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == -signal.SIGINT
    assert ("KeyboardInterrupt" not in done.stderr) == dies_at_once


ANSWERS = """\
import sys
from src.entry import guarded
from src.errors import UserError
def main(arguments):
    print("an answer", flush="flush" in arguments)
    if "wrong" in arguments:
        raise UserError("a=1 is wrong")
    return 0
sys.exit(guarded(main, sys.argv[1:]))
"""


def run(*arguments: str, **streams) -> subprocess.CompletedProcess:
    command = [sys.executable, "-c", ANSWERS, *arguments]
    environment = {**os.environ, "PYTHONUNBUFFERED": ""}  # as it is unless somebody asks for it
    return subprocess.run(
        command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True, timeout=60, **streams
    )


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")
@pytest.mark.parametrize("arguments", [[], ["flush"]])
def test_an_answer_that_finds_no_room_is_no_success(arguments):
    with FULL.open("w") as full:
        done = run(*arguments, stdout=full)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert "No space left" in done.stderr


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")
def test_what_was_wrong_before_comes_first():
    with FULL.open("w") as full:
        done = run("wrong", stdout=full)
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == "error: a=1 is wrong"
    assert "Traceback" not in done.stderr and "Exception" not in done.stderr


def test_an_answer_is_written():
    done = run(stdout=subprocess.PIPE)
    assert (done.returncode, done.stdout, done.stderr) == (0, "an answer\n", "")


NAME = os.fsdecode(b"caf\xe9\nerror: all is well\x1b[2J")


@pytest.mark.parametrize("kind", [UserError, lambda text: FileNotFoundError(2, "gone", text)])
def test_an_error_is_one_line_whatever_it_names(kind, capsys):
    def main(arguments):
        raise kind(f"{NAME} cannot be read")

    assert guarded(main, []) == 2
    line = capsys.readouterr().err
    assert line.startswith("error: ") and line.count("\n") == 1 and line.endswith("\n")
    assert "caf\\udce9 error: all is well\\x1b[2J" in line


def test_a_terminal_that_knows_few_letters_ends_nothing():
    code = "from src.entry import guarded; guarded(lambda a: print('größe'), [])"
    variables = dict(os.environ, PYTHONIOENCODING="ascii")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=variables, capture_output=True, check=True
    )
    assert done.stdout == b"gr\\xf6\\xdfe\n"


def test_a_closed_output_is_no_fault():
    code = "from src.entry import guarded; import sys; sys.exit(guarded(lambda a: 0, []))"
    command = f"exec {sys.executable} -c '{code}' >&-"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_nobody_who_reads_on_is_no_fault():
    main = "lambda a: [print(i) for i in range(10**5)] and 0"
    code = f"from src.entry import guarded; import sys; sys.exit(guarded({main}, []))"
    command = f"{sys.executable} -c '{code}' | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (141, "0\n", "")
