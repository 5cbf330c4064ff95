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
"""A run keeps the Python file of a network of the user's own, and goes by that copy: the file may change or
move on, and the run folder may, too."""

import json
from pathlib import Path

from src.config import Config
from src.errors import UserError
from src.files import whole_file
from src.models.own_file import digest_of
from src.train.origin import VERSIONS

NETWORK = "network.py"


def keep_network(config: Config, run: Path) -> None:
    """Copy `model.file`, if there is one, into the run folder, and let the key name the copy."""
    if config.model.file is None:
        return
    source = Path(config.model.file).read_bytes()
    with whole_file(run / NETWORK) as file:
        file.write_bytes(source)
    config.model.file = str(run / NETWORK)


def kept_network(run: Path) -> list[str]:
    """`model.file=...` of a run whose network is the user's own, wherever the run lies now; else nothing.

    Raises:
        UserError: the file is gone, or another than the run began with.
    """
    file, digest = run / NETWORK, _digest(run / VERSIONS)
    if digest is not None and (not file.is_file() or digest_of(file) != digest):
        what = "was changed since the run began" if file.is_file() else "is missing"
        raise UserError(
            f"{file}, the network of this run, {what}; put back the file that training wrote, or start a new run"
        )
    return [f"model.file={file}"] if file.is_file() else []


def _digest(versions: Path) -> str | None:
    """What origin.py wrote, or None."""
    try:
        found = json.loads(versions.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found.get("network") if isinstance(found, dict) else None
