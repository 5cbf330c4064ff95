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
"""MindSpore's graph files at any path: `ms.export` takes only letters, digits and few signs in one."""

import re
import shutil
import tempfile
from pathlib import Path

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn

from src.errors import UserError, reason

PLAIN = re.compile(r"[\w@.:/-]+", re.ASCII)  # what it takes


def export_graph(cell: nn.Cell, inputs: list[np.ndarray], path: Path, file_format: str) -> None:
    """Write a cell as `path`, with the rights of any new file, for inputs of these shapes.

    Args:
        file_format: MINDIR or ONNX.

    Raises:
        UserError: the disk is full, or the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _plain_folder() as scratch:
            made = Path(scratch, f"graph.{file_format.lower()}")
            ms.export(cell, *map(Tensor, inputs), file_name=str(made), file_format=file_format)
            shutil.copyfile(made, path)
    except OSError as error:
        raise UserError(
            f"{path} could not be written: {error.strerror or error}; it is made where TMPDIR says and "
            "then copied: both need room"
        ) from error
    except RuntimeError as error:  # many lines
        raise UserError(f"{path} could not be made: {reason(error)}") from error


def load_graph(path: Path) -> nn.GraphCell:
    """A MINDIR file, ready to run."""
    with _plain_folder() as scratch:  # MindSpore takes no name that is not UTF-8
        return nn.GraphCell(ms.load(shutil.copyfile(path, f"{scratch}/graph.mindir")))


def _plain_folder() -> tempfile.TemporaryDirectory:
    usual = tempfile.gettempdir()
    return tempfile.TemporaryDirectory(dir=usual if PLAIN.fullmatch(usual) else "/tmp")
