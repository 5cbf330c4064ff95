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
import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from src.engine.artefact import save_artefact
from tests.engine.programs import nested_static

ROOT = Path(__file__).parents[1]
NAMES = [b"caf\xe9.png", b"a.png  cat\nb.png", b"c\x1b[2J.png"]


@pytest.fixture
def folder(tmp_path) -> Path:
    """An artefact, and pictures with names that no terminal should see."""
    program = nested_static()
    program.notes = {"exponent": 20, "classes": ["cat\ndog"] * 10}
    save_artefact(program, tmp_path / "net.safetensors")
    (tmp_path / "pictures").mkdir()
    picture = cv2.imencode(".png", np.full((6, 6, 3), 9, np.uint8))[1].tobytes()
    for name in NAMES:
        (tmp_path / "pictures" / os.fsdecode(name + b".png")).write_bytes(picture)
    return tmp_path


def infer(folder: Path, *more: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "infer.py", "--engine", "oracle", "--model", folder / "net.safetensors"]
    return subprocess.run(
        [*command, folder / "pictures", *more], cwd=ROOT, capture_output=True, text=True
    )


def test_each_picture_is_one_line_whatever_its_name(folder):
    done = infer(folder)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.split("\n")[:-1]
    assert len(lines) == len(NAMES) and all(line.isprintable() for line in lines)
    assert all("png  cat\\ndog  " in line for line in lines)
    assert any("caf\\udce9" in line for line in lines)


def test_names_come_back_from_json(folder):
    done = infer(folder, "--json")
    names = {os.fsencode(Path(json.loads(line)["file"]).name) for line in done.stdout.splitlines()}
    assert names == {name + b".png" for name in NAMES}


def test_an_unreadable_picture_is_one_line(folder):
    bad = folder / os.fsdecode(b"b\xe9\nd.png")
    bad.write_bytes(b"no picture")
    done = infer(folder, str(bad))
    assert done.returncode == 2 and len(done.stdout.splitlines()) == len(NAMES)
    assert [line for line in done.stderr.splitlines() if "cannot be read" in line] == [
        f"error: {folder}/b\\udce9 d.png cannot be read: it is truncated or not a picture"
    ]
