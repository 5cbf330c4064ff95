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
"""Where a run's numbers come from: command, commit, machine, versions."""

import json
import platform
import shlex
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

from src.config import Config
from src.cores import cores
from src.models.own_file import digest_of

VERSIONS = "versions.json"  # in a run folder
CONTINUATIONS = "continuations"  # in it: a list, of each resume what `describe_process` tells


def describe_origin(config: Config) -> dict:
    """What `versions.json` holds of the start: `describe_process`, the seed, and the digest of a network of the
    user's own."""
    own = {} if config.model.file is None else {"network": digest_of(config.model.file)}
    return own | {**describe_process(), "seed": config.train.seed}


def describe_process() -> dict:
    """Command, commit, machine (its processor, and the cores that the process may use), time and the versions
    that matter."""
    packages = ("mindspore", "numpy", "opencv-python-headless", "scikit-learn")
    return {
        "command": shlex.join([Path(sys.executable).name, *sys.argv]),
        "commit": _commit(),
        "machine": f"{platform.machine()}, {_processor()}, {cores()} cores",
        "started": time.strftime("%Y-%m-%d %H:%M:%S"),
        "python": platform.python_version(),
        **{name: _version(name) for name in packages},
    }


def continued(versions: Path) -> dict:
    """What `versions.json` holds once this process goes on with the run; of an older run it may be missing.

    Raises:
        ValueError: the file cannot be read as one JSON object, or lists no continuations where they belong.
    """
    found = json.loads(versions.read_text(encoding="utf-8")) if versions.is_file() else {}
    before = found.get(CONTINUATIONS, []) if isinstance(found, dict) else None
    if not isinstance(before, list):
        raise ValueError("not what training writes")
    return {**found, CONTINUATIONS: [*before, describe_process()]}


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    root = Path(__file__).resolve().parent
    try:
        return subprocess.run(
            command, cwd=root, capture_output=True, text=True, check=True, timeout=10
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "no git"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown processor"
