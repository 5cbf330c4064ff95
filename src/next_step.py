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
"""What to type after a step: its last line on the terminal, ready to be copied.

On the error stream: the last line of the other one is a step's JSON.
"""

import os
import shlex
import shutil
import sys
from contextlib import suppress
from pathlib import Path

GOES_ON = "DYNQUANT_GOES_ON"  # set by scripts that take the next step themselves
CALLER_PATH = "DYNQUANT_CALLER_PATH"  # set by scripts that put their own Python in front


def say_next(script: str, *words: object, to_fill_in: str = "") -> None:
    """Say `next: python SCRIPT WORDS TO_FILL_IN`.

    Args:
        script: an entry script, beside the one that runs.
        words: arguments; quoted where a shell needs it.
        to_fill_in: what the user has to name, e.g. `IMAGE...`.
    """
    if not os.environ.get(GOES_ON):
        beside = Path(sys.argv[0]).with_name(script)
        command = shlex.join([python(), str(beside), *map(str, words)])
        with suppress(OSError, ValueError):  # advice is no reason to fail
            if sys.stdout:  # None where it is closed
                sys.stdout.flush()
            print(f"next: {command} {to_fill_in}".rstrip(), file=sys.stderr)


def python() -> str:
    """What starts this Python from here: `python`, unless that is another one to who started a script."""
    if shutil.which("python", path=os.environ.get(CALLER_PATH)) == sys.executable:
        return "python"
    path = Path(sys.executable)
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
