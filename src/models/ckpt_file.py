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
"""MindSpore's checkpoint files, read only where each array has as many bytes as its shape takes.

`mindspore.load_checkpoint` copies what a file holds to memory for the shape that it names, whatever their sizes: a
damaged file writes over memory of the process, which ends anywhere, later.
"""

from itertools import groupby
from math import prod
from pathlib import Path

import mindspore as ms
from google.protobuf.message import DecodeError
from mindspore import Parameter
from mindspore.train.checkpoint_pb2 import Checkpoint

TEXT = "str"
_ITEM_BYTES = {
    "Bool": 1, "Int8": 1, "UInt8": 1, "Int16": 2, "UInt16": 2, "Int32": 4, "UInt32": 4, "Int64": 8, "UInt64": 8,
    "BFloat16": 2, "Float16": 2, "Float32": 4, "Float64": 8,
}  # fmt: skip
_SEAL, _SEAL_BYTES = b"crc_num", 17  # at the end of a file with a checksum, ten bytes of which follow the word


def read_ckpt(path: Path, crc_check: bool = False) -> dict[str, Parameter | str]:
    """All parameters by name, and texts.

    Args:
        crc_check: compare the checksum of a file that has one.

    Raises:
        ValueError: damaged, or what it holds is no array.
        OSError: it cannot be read.
    """
    _check(path.read_bytes())
    return ms.load_checkpoint(str(path), crc_check=crc_check)


def _check(content: bytes) -> None:
    if content[-_SEAL_BYTES:].startswith(_SEAL):
        content = content[:-_SEAL_BYTES]
    stored = Checkpoint()
    try:
        stored.ParseFromString(content)
    except DecodeError as error:
        raise ValueError(f"not a MindSpore checkpoint ({error})") from error
    for name, slices in groupby(stored.value, lambda entry: entry.tag):
        tensors = [entry.tensor for entry in slices if entry.HasField("tensor")]
        kind = tensors[-1].tensor_type if tensors else "a map"
        if kind == TEXT:
            continue
        if kind not in _ITEM_BYTES:
            raise ValueError(f"{name} holds {kind or 'nothing'}, not one of {', '.join(_ITEM_BYTES)}")
        shape, held = tuple(tensors[-1].dims), sum(len(tensor.tensor_content) for tensor in tensors)
        taken = _ITEM_BYTES[kind] * (1 if shape == (0,) else prod(shape))  # (0,): a scalar
        if held != taken or min(shape, default=0) < 0:
            raise ValueError(f"{name} holds {held} bytes; {kind} {shape} takes {taken}")
