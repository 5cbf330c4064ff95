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
"""Imports point one way, as src/README.md draws it; the table below is that rule."""

import ast
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.project.files import ROOT, project_files

# Room of src/ -> the rooms it may import, beside itself and the roots. ANY: all of src/.
ROOTS = {"errors", "parameters", "printable"}
ANY = None
MAY_IMPORT = {
    "errors": set(),
    "parameters": set(),
    "printable": set(),
    "yaml_text": set(),
    "interrupts": set(),
    "entry": {"interrupts", "terminal"},
    "next_step": set(),
    "terminal": set(),
    "paths": set(),
    "files": set(),
    "cores": set(),
    "recipes": {"yaml_text"},
    "values": {"paths"},
    "keys": set(),
    "config": {"data", "files", "keys", "methods", "models", "quantizers", "recipes", "values"},
    "default_file": {"config", "entry", "files", "recipes"},
    "api": ANY,
    "exports": ANY,
    "runtime": {"keys", "kernels"},
    "data": set(),
    "quantizers": set(),
    "cost": set(),
    "kernels": set(),
    "layers": {"quantizers", "kernels"},
    "models": {"layers", "quantizers", "kernels", "cost", "files"},
    "controllers": {"layers", "quantizers", "kernels", "cost"},
    "methods": {
        "keys", "data", "layers", "quantizers", "kernels", "cost", "models", "controllers",
    },
    "train": ANY,
    "deploy": {
        "keys", "layers", "quantizers", "kernels", "cost", "models", "controllers", "methods",
        "engine", "entry", "files", "paths",
    },
    "engine": {"kernels", "files", "cost"},
    "bench": {
        "config", "runtime", "kernels", "cost", "layers", "models", "methods", "train", "deploy", "engine",
        "cores", "files", "paths", "report",
    },
    "ptq": {"keys", "layers", "quantizers", "kernels", "models"},
    "search": {"config", "cost", "data", "methods", "runtime", "train"},
    "report": {"config", "data", "cost", "engine", "entry", "files", "methods", "paths", "recipes", "yaml_text"},
}  # fmt: skip
PEERS = {"torch", "torchvision", "onnxruntime", "openvino", "tensorflow", "ai_edge_litert", "flatbuffers"}


@dataclass(frozen=True)
class Import:
    """One imported name: `target` is dotted; `top` says that it runs when the file is imported."""

    file: str
    line: int
    target: str
    top: bool

    def __str__(self) -> str:
        return f"{self.file}:{self.line} imports {self.target}"


def imports_of(source: str, file: str) -> list[Import]:
    """All imports of a file; `from a import b` gives `a.b`. A relative import keeps its dots."""
    tree = ast.parse(source)
    inside = {
        id(child)
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        for child in ast.walk(node)
    }
    found = []
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            names = [f"{base}.{alias.name}" for alias in node.names]
        found += [Import(file, node.lineno, name, id(node) not in inside) for name in names]
    return found


def room_of(file: str) -> str:
    """`src/data/x.py` -> `data`, `src/config.py` -> `config`, `src/__init__.py` -> ``."""
    return file.split("/")[1].removesuffix(".py").replace("__init__", "")


def wrong_directions(found: list[Import]) -> list[str]:
    """The imports that the table does not allow."""
    wrong = []
    for item in found:
        parts = item.target.split(".")
        if parts[0] != "src" or len(parts) < 2:
            continue
        own, other = room_of(item.file), parts[1]
        allowed = MAY_IMPORT.get(own, set())
        if allowed is not ANY and other not in allowed | {own, *ROOTS}:
            wrong.append(str(item))
    return wrong


def reached_at_import(file: str, files: dict[str, list[Import]]) -> set[str]:
    """Names outside src that importing `file` pulls in, through all of src that it reaches."""
    outside, seen, queue = set(), set(), [file]
    while queue:
        current = queue.pop()
        if current in seen or current not in files:
            continue
        seen.add(current)
        for item in files[current]:
            parts = item.target.split(".")
            if item.top and parts[0] != "src":
                outside.add(parts[0])
            elif item.top:
                for end in range(1, len(parts) + 1):
                    path = "/".join(parts[:end])
                    queue += [f"{path}.py", f"{path}/__init__.py"]
    return outside


def file_of(target: str, files: dict[str, list[Import]]) -> str | None:
    """The file that holds an imported name: the longest part of `a.b.c` that is a module."""
    parts = target.split(".")
    for end in range(len(parts), 0, -1):
        path = "/".join(parts[:end])
        for name in (f"{path}.py", f"{path}/__init__.py"):
            if name in files:
                return name
    return None


def circles(files: dict[str, list[Import]]) -> list[str]:
    """`a -> b -> a` for every import that closes a circle of files, imports in functions included."""
    needs = {
        name: sorted({found for item in items if (found := file_of(item.target, files))} - {name})
        for name, items in files.items()
    }
    found, done = [], set()

    def walk(path: list[str]) -> None:
        for other in needs[path[-1]]:
            if other in path:
                found.append(" -> ".join([*path[path.index(other) :], other]))
            elif other not in done:
                walk([*path, other])
        done.add(path[-1])

    for name in sorted(needs):
        if name not in done:
            walk([name])
    return found


def parse(paths: list[Path]) -> dict[str, list[Import]]:
    names = [path.relative_to(ROOT).as_posix() for path in paths]
    sources = [path.read_text(encoding="utf-8") for path in paths]
    return {name: imports_of(text, name) for name, text in zip(names, sources, strict=True)}


@pytest.fixture(scope="module")
def sources() -> dict[str, list[Import]]:
    return parse(project_files(".py", under="src/"))


@pytest.fixture(scope="module")
def found(sources) -> list[Import]:
    return [item for items in sources.values() for item in items]


def test_every_room_has_a_rule(sources):
    rooms = {room_of(name) for name in sources} - {""}
    assert rooms <= set(MAY_IMPORT), "add the new rooms to MAY_IMPORT and to src/README.md"


def test_imports_point_one_way(found):
    wrong = wrong_directions(found)
    assert not wrong, "imports against the direction of src/README.md:\n" + "\n".join(wrong)


def test_no_file_needs_itself(sources):
    wrong = circles(sources)
    assert not wrong, "imports in circles; move what both need to a file of its own:\n" + "\n".join(wrong)


def test_src_does_not_import_entry_scripts_or_tests(found):
    entries = {path.stem for path in ROOT.glob("*.py")} | {"tests"}
    wrong = [str(item) for item in found if item.target.split(".")[0] in entries]
    assert not wrong, "\n".join(wrong)


def test_imports_are_absolute_and_named():
    files = parse(project_files(".py"))
    wrong = [
        str(item)
        for items in files.values()
        for item in items
        if item.target.startswith(".") or item.target.endswith(".*")
    ]
    assert not wrong, "relative or star imports:\n" + "\n".join(wrong)


def test_peers_are_imported_in_functions_alone(found):
    wrong = [
        str(item)
        for item in found
        if item.target.split(".")[0] in PEERS and (item.top or not re.search("bench|onnx", item.file))
    ]
    assert not wrong, "other runtimes belong into functions, of bench files or of the ONNX export:\n" + "\n".join(wrong)


@pytest.mark.parametrize("room", ["report", "engine"])
def test_room_runs_without_the_framework(sources, room):
    for name in sources:
        if room_of(name) == room and "mindspore" not in name:
            assert "mindspore" not in reached_at_import(name, sources), name
            direct = [item for item in sources[name] if item.target.split(".")[0] == "mindspore"]
            assert not direct, str(direct[0])


@pytest.mark.parametrize(
    "file, source, is_wrong",
    [
        ("src/quantizers/x.py", "from src.layers.conv import Conv2d", True),
        ("src/quantizers/x.py", "from src.quantizers.rounding import r", False),
        ("src/cost/x.py", "def f():\n    import src.models.resnet", True),
        ("src/cost/x.py", "from src.errors import UserError", False),
        ("src/methods/x.py", "from src.train import loop", True),
        ("src/methods/x.py", "from src.config import load_config", True),
        ("src/methods/x.py", "from src.keys import Section", False),
        ("src/train/x.py", "from src.methods import METHODS", False),
        ("src/data/x.py", "from src import config", True),
    ],
)
def test_the_table_is_applied(file, source, is_wrong):
    assert bool(wrong_directions(imports_of(source, file))) == is_wrong


def test_circles_are_found_through_packages_and_functions():
    def listed(**sources):
        names = {name: f"src/x/{name}.py".replace("package", "__init__") for name in sources}
        return {names[n]: imports_of(text, names[n]) for n, text in sources.items()}

    assert not circles(listed(a="from src.x.b import f", b="import numpy", package="import src.x.a"))
    late = listed(a="from src.x.b import f", b="from src.x import c", c="def f():\n    import src.x.a")
    assert circles(late) == ["src/x/a.py -> src/x/b.py -> src/x/c.py -> src/x/a.py"]
    whole = listed(package="from src.x.a import f", a="from src.x import g")
    assert circles(whole) == ["src/x/__init__.py -> src/x/a.py -> src/x/__init__.py"]


def test_reach_follows_packages_and_skips_functions():
    files = {
        "src/report/page.py": imports_of("from src.cost import bitops", "src/report/page.py"),
        "src/cost/__init__.py": imports_of("import numpy", "src/cost/__init__.py"),
        "src/cost/bitops.py": imports_of("def f():\n    import mindspore", "src/cost/bitops.py"),
    }
    assert reached_at_import("src/report/page.py", files) == {"numpy"}
