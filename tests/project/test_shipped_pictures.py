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
"""What ships with the project answers at once: an artefact, and four pictures named by their class."""

import subprocess
import sys

from tests.project.files import ROOT

SHIPPED = ROOT / "results/resnet8_digits_abn_234bit"


def test_the_shipped_pictures_are_answered():
    command = [sys.executable, "infer.py", "--model", SHIPPED / "model.safetensors", SHIPPED / "images"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    rows = [line.split() for line in done.stdout.splitlines()]
    assert [row[1] for row in rows] == ["0", "3", "5", "9"]
    assert [row[0].endswith(f"{row[1]}.png") for row in rows] == [True] * 4
    assert [("passes" in row) for row in rows] == [False, False, True, True], "two are hard"
