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
"""Ctrl-C and SIGTERM as KeyboardInterrupt, but not in the midst of what cannot be interrupted."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager


class _State:
    is_held = False
    has_come = False
    until = ""


def listen() -> None:
    """From now on both signals raise KeyboardInterrupt in the main thread, unless they are held."""
    # MindSpore turns Ctrl-C into SIGTERM while graphs run.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _come)


@contextmanager
def held(until: str) -> Iterator[None]:
    """Let a signal wait for the end of the block; a second one ends the process at once.

    MindSpore calls Python while it compiles: an exception in there is swallowed, or ends in pages of
    its internals.

    Blocks may stand in one another: the outermost counts.

    Args:
        until: what is waited for, to tell who pressed Ctrl-C.
    """
    outer = _State.is_held, _State.until
    _State.is_held, _State.until = True, until
    try:
        yield
    finally:
        _State.is_held, _State.until = outer
        has_come = _State.has_come and not _State.is_held
        _State.has_come = _State.has_come and _State.is_held
    if has_come:
        raise KeyboardInterrupt


def _come(number: int, _frame) -> None:
    if not _State.is_held:
        raise KeyboardInterrupt
    _State.has_come = True
    print(f"stopping {_State.until} (once more: at once)", file=sys.stderr, flush=True)
    signal.signal(number, signal.SIG_DFL)
