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
# ruff: noqa: F821  the DSL's own words
"""Child codes of nested master codes (src/quantizers/nested.py): a rounding shift and a clip.

    child(q, k, low, high) = min(max((q + 2^(k-1)) >> k, low), high),   k = n - b

k = 0 is the clip alone.

The width enters as data, so one compiled kernel serves all widths.
"""

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn
from mindspore.ops import kernel

from src.errors import UserError
from src.kernels.akg.hybrid import custom


def child_codes(bits: int, master: int = 8, signed: bool = True) -> nn.Cell:
    """op(q) -> the codes of `bits` bits; q: int32 master codes of any shape, |q| <= 2^20.

    Args:
        bits: b, 2..master.
        master: n, 2..8.
        signed: codes -2^(b-1) .. 2^(b-1)-1; else 0 .. 2^b-1.
    """
    if not 2 <= bits <= master <= 8:
        raise UserError(
            f"child_codes: bits={bits}, master={master}; allowed: 2 <= bits <= master <= 8"
        )
    return _ChildCodes(bits, master, signed)


class _ChildCodes(nn.Cell):
    def __init__(self, bits: int, master: int, signed: bool):
        super().__init__()
        low = -(2 ** (bits - 1)) if signed else 0
        values = (2 ** (master - bits), low, low + 2**bits - 1)
        self.unit, self.low, self.high = (Tensor(np.array([v]), ms.int32) for v in values)
        self.op = custom(_child, lambda q, *_: q)

    def construct(self, q):
        return self.op(q.reshape(-1), self.unit, self.low, self.high).reshape(q.shape)


# The DSL has no `>>`. Dividing by unit = 2^k is the same only if it rounds down, and generated code
# may divide as C does, towards zero: adding 2^20 units first makes the dividend non-negative,
# where both agree.
@kernel
def _child(q, unit, low, high):
    c = output_tensor(q.shape, "int32")
    for i in range(q.shape[0]):
        c[i] = min(
            max((q[i] + unit[0] // 2 + 1048576 * unit[0]) // unit[0] - 1048576, low[0]), high[0]
        )
    return c
