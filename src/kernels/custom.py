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
"""Custom operators of MindSpore on the compiled library.

MindSpore keys a Custom operator's gradient by symbol name, so operators that differ in their gradient have
their own symbols; gradients take the geometry from a tensor, so they fit every instance.

An operator may write to parameters among its inputs. MindSpore knows which, and keeps what reads them before
it, or after it, in the program's order.
"""

import mindspore as ms
import numpy as np
from mindspore import Tensor, ops
from mindspore.ops import signature

from src import kernels
from src.errors import UserError


def integer_operation(shape, key) -> ops.Custom:
    """op(numbers, registers..., plan, arrays...) -> int32 of shape(*shapes): one operation of an integer program
    (src/engine/mindspore_graph.py). `key` tells operations apart whose inputs have the same shapes."""
    return custom("dq_operation", shape, 1, key=key, dtype=ms.int32)


def custom(symbol: str, shape, outputs: int, bprop=None, key=(), dtype=ms.float32) -> ops.Custom:
    path = kernels.library_path()
    if path is None:
        raise UserError("native kernels are not available: install g++, or set device.native=off")
    dtypes = dtype if outputs == 1 else (dtype,) * outputs

    def out_dtype(*_):
        return dtypes

    op = ops.Custom(
        f"{path}:{symbol}", out_shape=shape, out_dtype=out_dtype, func_type="aot", bprop=bprop
    )
    # PyNative caches an operator's output shape under its name, attributes and input shapes
    op.add_prim_attr("geometry", str(key))
    return op


def writing(symbol: str, inputs: int, written: range, key=()) -> ops.Custom:
    """An operator with so many inputs, of which it writes those at `written`, parameters; gives (1,) float32. There is
    no gradient."""
    op = custom(symbol, _one, 1, key=key)
    op.add_prim_attr("side_effect_mem", True)
    access = signature.sig_rw
    op.set_signatures([
        signature.make_sig(f"x{i}", access.RW_WRITE if i in written else access.RW_READ)
        for i in range(inputs)
    ])  # fmt: skip
    return op


def _one(*_):
    return (1,)


def constant(*values: int) -> Tensor:
    return Tensor(np.array(values, np.int32))
