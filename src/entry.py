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
"""How every entry script ends: a user error is one line and exit code 2, never a traceback."""

import atexit
import io
import logging
import os
import signal
import sys
from collections.abc import Callable

from src import interrupts
from src.errors import UserError
from src.printable import printable
from src.terminal import TerminalHandler

LOG = logging.getLogger("dynquant")
NOBODY_READS = 128 + signal.SIGPIPE


def guarded(main: Callable[[list[str]], int], arguments: list[str]) -> int:
    """Run `main`; returns the exit code (2 on bad input, 130 on Ctrl-C, 141 where nobody reads on, as after `| head`).

    `main` may raise KeyboardInterrupt with a text: what is lost and how to go on.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that is not UTF-8
    if not LOG.handlers:
        LOG.setLevel(logging.INFO)
        LOG.addHandler(TerminalHandler(lambda: sys.stderr))
    interrupts.listen()
    atexit.register(_end_at_once)
    code = _run(main, arguments)
    try:
        if sys.stdout:  # None where it is closed
            sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or Python tries again when it ends
        if isinstance(error, BrokenPipeError):
            code = code or NOBODY_READS
        elif code == 0:
            print(f"error: the output could not be written: {error.strerror}", file=sys.stderr)
            code = 2
    return code


def _run(main: Callable[[list[str]], int], arguments: list[str]) -> int:
    try:
        return main(arguments)
    except UserError as error:
        print(as_error(error), file=sys.stderr)
        return 2
    except KeyboardInterrupt as interrupt:
        print(f"interrupted {interrupt}".rstrip(), file=sys.stderr)
        return 130
    except BrokenPipeError:
        return NOBODY_READS
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        print(as_error(f"{error.strerror or error}{where}"), file=sys.stderr)
        return 2


def as_error(what: object) -> str:
    """One line, whatever names and foreign messages it quotes."""
    return "error: " + printable(" ".join(str(what).splitlines()))


def _end_at_once() -> None:
    """The work is done or given up: a signal that comes while libraries shut down just ends it."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


def _tell_interrupts(kind, error, trace) -> None:
    """Ctrl-C while libraries load, before `guarded`, is no fault with a traceback either."""
    if issubclass(kind, KeyboardInterrupt):
        print("interrupted", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, trace)


sys.excepthook = _tell_interrupts
