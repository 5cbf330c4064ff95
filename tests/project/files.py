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
"""The files of the project, for the layout tests: what git tracks, or would."""

import functools
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


@functools.cache
def _listed() -> tuple[str, ...]:
    if shutil.which("git") is None:
        return ()
    command = ["git", "ls-files", "-co", "--exclude-standard", "-z"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    names = listing.stdout.split("\0") if listing.returncode == 0 else []
    return tuple(sorted(name for name in names if name and (ROOT / name).is_file()))


def project_files(*suffixes: str, under: str = "") -> list[Path]:
    """Project files with one of the suffixes (all without any), below the folder `under`.

    Skips the calling test where the project is no git checkout.
    """
    if not _listed():
        pytest.skip("not a git checkout: the project's files cannot be listed")
    return [
        ROOT / name
        for name in _listed()
        if name.startswith(under) and (not suffixes or name.endswith(suffixes))
    ]


def relative(path: Path) -> str:
    """The path as seen from the project root, with forward slashes."""
    return path.relative_to(ROOT).as_posix()
