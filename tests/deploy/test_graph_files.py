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
"""Graph files at paths of any name, with ordinary rights, on disks of any size."""

import os
import stat

import numpy as np
import pytest
from mindspore import Tensor, nn

from src.deploy.graph_files import export_graph, load_graph
from src.errors import UserError
from tests.full_disk import full_disk

NAMES = ["my net", "ü", "x#y", "it's", "a+b", "$HOME", "a,b=1", "new\nline", os.fsdecode(b"\xff")]
IMAGE = np.ones((1, 3), np.float32)


@pytest.fixture(scope="module")
def cell():
    return nn.Dense(3, 2)


@pytest.mark.parametrize("name", NAMES, ids=repr)
def test_a_path_of_any_name(name, cell, tmp_path):
    path = tmp_path / name / f"{name}.mindir"
    export_graph(cell, [IMAGE], path, "MINDIR")
    np.testing.assert_array_equal(load_graph(path)(Tensor(IMAGE)).asnumpy(), cell(Tensor(IMAGE)).asnumpy())
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("file_format", ["MINDIR", "ONNX"])
def test_a_temporary_folder_of_any_name(file_format, cell, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "my own"))
    (tmp_path / "my own").mkdir()
    export_graph(cell, [IMAGE], tmp_path / "net", file_format)
    assert (tmp_path / "net").stat().st_size > 0


def test_rights_are_those_of_any_new_file(cell, tmp_path):
    before = os.umask(0o022)
    try:
        export_graph(cell, [IMAGE], tmp_path / "net.mindir", "MINDIR")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "net.mindir").stat().st_mode) == 0o644


def test_a_full_disk_is_named(cell, tmp_path):
    with full_disk(100), pytest.raises(UserError, match="net.mindir could not be written"):
        export_graph(cell, [IMAGE], tmp_path / "net.mindir", "MINDIR")
