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
"""The C++ parts of the inference program, on a stub engine, with sanitizers (units/)."""

import subprocess

import pytest

NAMES = ["flags", "text", "bundle", "pipeline", "files", "report", "notes"]


@pytest.mark.parametrize("name", NAMES)
def test_units(name, units, tmp_path):
    done = subprocess.run([units, name], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
