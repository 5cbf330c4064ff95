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
"""Learned levels in files: b-bit indices of weights, and what is beyond the table."""

import re

import numpy as np
import pytest

from src import kernels
from src.engine.artefact import parse_artefact
from src.engine.native import Native
from src.engine.oracle import Oracle
from src.errors import UserError
from tests.engine.builder import Builder
from tests.engine.files import parts_of
from tests.engine.programs import levels

CONV = 4  # its first convolution: 7 levels, 3 bits


def test_a_file_holds_indices_of_the_effective_width():
    program, parts = levels(), parts_of(levels())
    weight, table = (program.operations[CONV].arrays[name] for name in ("weight.0", "levels"))
    stream = parts.tensors[f"{CONV}.weight.0"]
    assert stream.dtype == np.uint8 and len(stream) == -(-weight.size * 3 // 8)
    digits = np.unpackbits(stream, bitorder="little")[: weight.size * 3].reshape(-1, 3)
    np.testing.assert_array_equal(table[digits @ [1, 2, 4]], weight.ravel())


def test_an_index_beyond_the_table_is_refused(tmp_path):
    parts = parts_of(levels())
    parts.tensors[f"{CONV}.weight.0"] = parts.tensors[f"{CONV}.weight.0"] | 7
    words = f"operation {CONV} (Conv): weight.0: index 7 of 7 levels"
    with pytest.raises(ValueError, match=re.escape(words)):
        parse_artefact(bytes(parts))
    if kernels.available():
        (tmp_path / "model").write_bytes(bytes(parts))
        with pytest.raises(UserError, match=re.escape(words)):
            Native(tmp_path / "model")


def test_a_value_takes_the_last_threshold_that_is_at_or_below_it():
    b = Builder()
    x = b.bucketise(b.image(2), 4, signed=1)
    op = b.operations[x]
    op.arrays["thresholds"] = np.int32([-(2**31), -5, 3, 3])
    op.arrays["levels"] = np.int32([-9, 0, 1, 100])
    b.operations[0].arrays["table"][:] = np.arange(-10, 246)
    program = b.logits(b.conv(x, 1))
    image = np.uint8([4, 5, 12, 13] * 3).reshape(3, 2, 2)  # the values -6, -5, 2, 3
    codes = Oracle(program).trace(image)[x]
    assert codes[0].ravel().tolist() == [-9, 0, 0, 100]
