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
"""What the package `dynquant` takes from the project: infer.py, all that it imports, and the integer core.

No file is kept twice: a build copies them from the project's tree, `src.` in imports becoming `dynquant.`. Which
they are follows from imports and includes, so that a new file of the engine needs no line here.
"""

import ast
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NAME = "dynquant"
CSRC = ROOT / "src" / "kernels" / "csrc"
# The core, without training's kernels: as in CMakeLists.txt.
CORE = ("engine/*.cc", "threads/threads.cc", "simd/select.cc")
TABLE = ROOT / "runtime" / "integer_table.cc"
_INCLUDE = re.compile(r'^#include "(.+)"$', re.MULTILINE)
_IMPORT = re.compile(r"^(\s*(?:from|import) )src\b", re.MULTILINE)


def modules() -> list[Path]:
    """The Python files, as they lie in the project; imports in functions count too."""
    return _reached([ROOT / "infer.py"], _imported)


def sources() -> list[Path]:
    """The C++ files of the core, headers included."""
    return _reached([TABLE, *(path for pattern in CORE for path in CSRC.glob(pattern))], _included)


def write(folder: Path) -> Path:
    """Put the files into FOLDER/dynquant, beside what is there, and return it.

    Raises:
        SystemExit: this file does not lie in the project.
    """
    if not CSRC.is_dir():
        raise SystemExit(f"error: {ROOT} is not the project, of which {NAME} is made: build it in a whole checkout")
    package = folder / NAME
    for path in modules():
        target = package / path.relative_to(ROOT / "src" if path.is_relative_to(ROOT / "src") else ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(renamed(path.read_text(encoding="utf-8")), encoding="utf-8")
    for path in sources():
        target = package / "kernels" / "csrc" / (path.name if path == TABLE else path.relative_to(CSRC))
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    return package


def renamed(source: str) -> str:
    """A file's text with the package's name in its imports, and the command's in its help."""
    return _IMPORT.sub(rf"\1{NAME}", source).replace("python infer.py", f"{NAME}-infer")


def _reached(start: Iterable[Path], needs: Callable[[Path], Iterable[Path]]) -> list[Path]:
    found, queue = set(), list(start)
    while queue:
        path = queue.pop()
        if path not in found:
            found.add(path)
            queue += needs(path)
    return sorted(found)


def _imported(path: Path) -> Iterator[Path]:
    """Files of src/ that a file imports, and the packages that they lie in, but for src itself."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            parts = name.split(".")
            for end in range(2, len(parts) + 1) if parts[0] == "src" else ():
                place = ROOT.joinpath(*parts[:end])
                yield from (p for p in (place.with_suffix(".py"), place / "__init__.py") if p.is_file())


def _included(path: Path) -> Iterator[Path]:
    return (CSRC / name for name in _INCLUDE.findall(path.read_text(encoding="utf-8")))
