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
"""Budgets that keep files readable: one idea in a file, one glance for a function."""

import ast
from pathlib import Path

from tests.project.files import project_files, relative

MAX_FILE = 400
MAX_NATIVE_FILE = 600
MAX_FUNCTION = 60  # lines of a function without its docstring


def function_lengths(source: str) -> dict[str, int]:
    """Name with line -> lines from `def` to the end, less the docstring's."""
    lengths = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            lines = node.end_lineno - node.lineno + 1
            if ast.get_docstring(node, clean=False) is not None:
                lines -= node.body[0].end_lineno - node.body[0].lineno + 1
            lengths[f"{node.name} (line {node.lineno})"] = lines
    return lengths


def too_long_files(files: list[Path], budget: int) -> list[str]:
    counts = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    return [f"{relative(path)}: {n} lines" for path, n in counts.items() if n > budget]


def test_files_keep_their_budget():
    long = too_long_files(project_files(".py"), MAX_FILE)
    long += too_long_files(project_files(".cc", ".h"), MAX_NATIVE_FILE)
    assert not long, "files that hold more than one idea:\n" + "\n".join(long)


def test_functions_keep_their_budget():
    long = [
        f"{relative(path)}: {name}: {lines} lines"
        for path in project_files(".py")
        for name, lines in function_lengths(path.read_text(encoding="utf-8")).items()
        if lines > MAX_FUNCTION
    ]
    assert not long, "functions too long for one glance:\n" + "\n".join(long)


def test_docstring_lines_are_not_counted():
    source = 'def f():\n    """One.\n\n    Two.\n    """\n    x = 1\n    return x\n'
    assert function_lengths(source) == {"f (line 1)": 3}
