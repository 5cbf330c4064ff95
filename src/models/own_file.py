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
"""A network of the user's own: a function in a Python file outside the tree.

    def my_net(num_classes, rng):         # model.file=my_net.py model.name=my_net
        net = Backbone()
        ...
        return net

To read such a file is to run it. It stands alone: beside `src` and installed packages it imports nothing.
"""

import hashlib
import inspect
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np

from src.errors import UserError
from src.files import check_readable
from src.models.backbone import Backbone, Design

SIGNATURE = "(num_classes, rng) -> Backbone"
_MODULES: dict[tuple[str, str], ModuleType] = {}  # by path and digest: what was run is not run again
_UNDER_WAY: list[str] = []  # files that are being run


@dataclass(frozen=True)
class OwnDesign(Design):
    """A function of a file, as a design without options."""

    file: str
    function: Callable[[int, np.random.Generator], Backbone]

    def build(self, num_classes: int, rng: np.random.Generator) -> Backbone:
        """UserError: the function fails, or gives no backbone."""
        call = f"model.file={self.file}: {self.function.__name__}{SIGNATURE}"
        try:
            net = self.function(num_classes, rng)
        except UserError:
            raise
        except Exception as error:
            raise UserError(f"{call} fails with {_told(error, self.file)}") from error
        if not isinstance(net, Backbone):
            raise UserError(f"{call} returned {type(net).__name__}")
        return net


def read_design(file: str, name: str) -> OwnDesign:
    """The function `name` of a Python file.

    Raises:
        UserError: no such file, it cannot be run, it has no such function.
    """
    module = _module(file)
    function = getattr(module, name, None)
    if not inspect.isfunction(function):
        functions = inspect.getmembers(module, inspect.isfunction)
        own = [n for n, f in functions if f.__module__ == module.__name__ and not n.startswith("_")]
        raise UserError(
            f"model.name={name}: model.file={file} has no function of that name, {name}{SIGNATURE}; "
            f"it has {', '.join(own) or 'none'}"
        )
    return OwnDesign(file, function)


def digest_of(file: str | Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()


def where_is(function: Callable) -> list[str]:
    """`model.file` and `model.name` of a function, as overrides, for other processes to find it by.

    Raises:
        UserError: it is not at the top of a file of its own, or that file is being read right now.
    """
    if _UNDER_WAY:
        raise UserError(
            f"{_UNDER_WAY[-1]} trains while its network is read; put what trains below "
            '`if __name__ == "__main__":`'
        )
    name, file = getattr(function, "__qualname__", repr(function)), None
    if inspect.isfunction(function) and name.isidentifier():
        file = inspect.getsourcefile(function)
    if file is None or not Path(file).is_file():
        raise UserError(
            f"network {name}: expected a function {SIGNATURE} at the top of a Python file, where other "
            "processes find it again"
        )
    return [f"model.file={Path(file).resolve()}", f"model.name={name}"]


def _module(file: str) -> ModuleType:
    path = Path(file)
    if not path.is_file():
        raise UserError(f"model.file={file}: {'is a folder' if path.is_dir() else 'no such file'}; name a Python file")
    check_readable(path)
    source = path.read_bytes()
    at = str(path.resolve()), hashlib.sha256(source).hexdigest()
    if at not in _MODULES:
        _MODULES[at] = _run(source, file, f"own_network_{at[1][:16]}")
    return _MODULES[at]


def _run(source: bytes, file: str, name: str) -> ModuleType:
    """Not by an importer, which may take old byte code for the source and leaves some beside the file."""
    module = ModuleType(name)
    module.__file__ = str(Path(file).resolve())
    sys.modules[name] = module  # dataclasses look there
    _UNDER_WAY.append(file)
    try:
        exec(compile(source, module.__file__, "exec"), module.__dict__)
    except UserError:
        raise
    except (Exception, SystemExit) as error:
        raise UserError(f"model.file={file} cannot be run: {_told(error, file)}") from error
    finally:
        _UNDER_WAY.pop()
    return module


def _told(error: BaseException, file: str) -> str:
    """Kind, line of the file and message, of an error that came from it."""
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == str(Path(file).resolve())]
    line = error.lineno if isinstance(error, SyntaxError) else lines[-1] if lines else None
    place = f" in line {line}" if line else ""
    message = error.msg if isinstance(error, SyntaxError) else error
    return f"{type(error).__name__}{place}: {message}"
