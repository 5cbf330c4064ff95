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
"""MindSpore's checkpoint files: read as they were written, and refused before a wrong size reaches MindSpore."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import Parameter, Tensor
from mindspore.train.checkpoint_pb2 import Checkpoint

from src.models.ckpt_file import read_ckpt

ARRAYS = {
    "w": np.arange(6, dtype=np.float32).reshape(2, 3), "n": np.float32(3.0), "half": np.ones(5, np.float16),
    "flag": np.array([True, False]), "count": np.array([2**40], np.int64),
}  # fmt: skip


@pytest.fixture(params=[False, True], ids=["plain", "sealed"])
def path(request, tmp_path):
    rows = [{"name": name, "data": Tensor(value)} for name, value in ARRAYS.items()]
    file = tmp_path / "w.ckpt"
    ms.save_checkpoint(rows, str(file), append_dict={"about": "text"}, crc_check=request.param)
    file.chmod(0o600)
    return file


def test_what_was_written_comes_back(path):
    read = read_ckpt(path, crc_check=True)
    assert read.pop("about") == "text" and set(read) == set(ARRAYS)
    for name, value in ARRAYS.items():
        assert isinstance(read[name], Parameter) and read[name].shape == np.shape(value)
        np.testing.assert_array_equal(read[name].asnumpy(), value)


def test_a_scalar_as_older_versions_write_it(tmp_path):
    file = tmp_path / "n.ckpt"
    ms.save_checkpoint([{"name": "n", "data": Tensor(np.float32(3.0))}], str(file))
    file.chmod(0o600)
    changed(file, shape_of_nothing)
    assert read_ckpt(file)["n"].asnumpy() == 3.0


def shape_of_nothing(entry):
    entry.tensor.dims[:] = [0]


def changed(path, change) -> None:
    """Write it again, without a seal, with its first entry changed."""
    content = path.read_bytes()
    stored = Checkpoint()
    stored.ParseFromString(content[:-17] if content[-17:-10] == b"crc_num" else content)
    change(stored.value[0])
    path.write_bytes(stored.SerializeToString())


def smaller_shape(entry):
    entry.tensor.dims[:] = [1, 3]


def larger_shape(entry):
    entry.tensor.dims[:] = [2, 2**40]


def negative_shape(entry):
    entry.tensor.dims[:] = [-2, -3]


def wider_type(entry):
    entry.tensor.tensor_type = "Float64"


def other_type(entry):
    entry.tensor.tensor_type = "Float33"


def no_array(entry):
    entry.ClearField("tensor")


@pytest.mark.parametrize(
    "change, said",
    [
        (smaller_shape, r"w holds 24 bytes; Float32 \(1, 3\) takes 12"),
        (larger_shape, "w holds 24 bytes; Float32 .* takes 8796093022208"),
        (negative_shape, r"w holds 24 bytes; Float32 \(-2, -3\)"),
        (wider_type, "w holds 24 bytes; Float64"),
        (other_type, "w holds Float33, not one of Bool, "),
        (no_array, "w holds a map"),
    ],
)
def test_what_mindspore_would_write_beyond_its_memory(path, change, said):
    changed(path, change)
    with pytest.raises(ValueError, match=said):
        read_ckpt(path)


def test_another_file(tmp_path):
    (tmp_path / "w.ckpt").write_bytes(b"no checkpoint at all")
    with pytest.raises(ValueError, match="not a MindSpore checkpoint"):
        read_ckpt(tmp_path / "w.ckpt")
