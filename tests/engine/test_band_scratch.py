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
"""The memory that a kernel asks for a convolution is enough for fewer rows of it (csrc/engine/pooled.cc)."""

import os
import subprocess
from pathlib import Path

import pytest

from src.kernels import build

SOURCE = Path(__file__).with_name("band_scratch.cc")


@pytest.fixture(scope="module")
def program(tmp_path_factory) -> Path:
    found = build.load()
    if found is None:
        pytest.skip("no native kernels here")
    library, _ = found
    target = tmp_path_factory.mktemp("band") / "band_scratch"
    includes = Path(build.__file__).parent / "csrc"
    command = [build.find_compiler(), "-std=c++17", f"-I{includes}", str(SOURCE), str(library)]
    subprocess.run([*command, f"-Wl,-rpath,{library.parent}", "-o", str(target)], check=True)
    return target


@pytest.mark.parametrize("isa", build.isa_flags())
def test_fewer_rows_need_no_more_memory(program, isa):
    environment = dict(os.environ, DYNQUANT_ISA=isa)
    done = subprocess.run([program], env=environment, capture_output=True, text=True, check=False)
    if done.returncode == 77:
        pytest.skip(f"no {isa} here")
    assert done.returncode == 0
    *wrong, looked = done.stdout.splitlines()
    assert wrong == [] and int(looked) > 1000
