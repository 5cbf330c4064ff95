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
"""A copy of the project, one break of it at a time, and what the tests say then."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.mutations.one_break import Break
from tests.project.files import project_files, relative

CAUGHT, SURVIVED, UNFIT = "caught", "SURVIVED", "UNFIT"
LONGEST = 900  # seconds; a break that makes a loop endless is seen, too
_PASSED, _FAILED = 0, 1  # exit codes of pytest; others: it could not run the tests


def copy_tree(folder: Path) -> Path:
    """The project's files in a folder."""
    for path in project_files():
        target = folder / relative(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    return folder


@contextmanager
def broken(tree: Path, one: Break) -> Iterator[None]:
    """Within the block the file has the break. ValueError: it does not fit the file."""
    path = tree / one.file
    whole = path.read_text(encoding="utf-8")
    if whole.count(one.old) != 1 or "\n" in one.old + one.new or one.old == one.new:
        raise ValueError(f"{one.file} has {whole.count(one.old)} places for the break of {one.old!r}; wanted is one")
    path.write_text(whole.replace(one.old, one.new), encoding="utf-8")
    try:
        yield
    finally:
        path.write_text(whole, encoding="utf-8")


def judged(tree: Path, one: Break) -> str:
    """CAUGHT, SURVIVED, or UNFIT: no test could run, so that none has seen anything."""
    with broken(tree, one):
        try:
            code, _ = tested(tree, one.tests)
        except subprocess.TimeoutExpired:
            return CAUGHT
    return {_PASSED: SURVIVED, _FAILED: CAUGHT}.get(code, UNFIT)


def tested(tree: Path, tests: tuple[str, ...]) -> tuple[int, str]:
    """pytest's exit code and output, of tests in a tree, up to the first that fails."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    # A file that changes twice within a second would be taken for what was compiled first.
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-m", "not slow", "-p", "no:cacheprovider", *tests]
    done = subprocess.run(
        command, cwd=tree, env=environment, capture_output=True, text=True, timeout=LONGEST, stdin=subprocess.DEVNULL
    )
    return done.returncode, done.stdout + done.stderr
