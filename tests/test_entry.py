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
import os
import subprocess
import sys
from pathlib import Path

import pytest

from src.entry import guarded
from src.errors import UserError

ROOT = Path(__file__).parents[1]
NAME = os.fsdecode(b"caf\xe9\nerror: all is well\x1b[2J")


@pytest.mark.parametrize("kind", [UserError, lambda text: FileNotFoundError(2, "gone", text)])
def test_an_error_is_one_line_whatever_it_names(kind, capsys):
    def main(arguments):
        raise kind(f"{NAME} cannot be read")

    assert guarded(main, []) == 2
    line = capsys.readouterr().err
    assert line.startswith("error: ") and line.count("\n") == 1 and line.endswith("\n")
    assert "caf\\udce9 error: all is well\\x1b[2J" in line


def test_a_terminal_that_knows_few_letters_ends_nothing():
    code = "from src.entry import guarded; guarded(lambda a: print('größe'), [])"
    variables = dict(os.environ, PYTHONIOENCODING="ascii")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=variables, capture_output=True, check=True
    )
    assert done.stdout == b"gr\\xf6\\xdfe\n"
