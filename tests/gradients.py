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
"""Gradients of a cell's output against a fixed upstream gradient, as NumPy arrays."""

import mindspore as ms
import numpy as np
from mindspore import Tensor


def gradients(cell, inputs, upstream, parameters=()):
    """(dL/dinput of the first input, {name: dL/dparameter}) of L = sum(cell(*inputs) * upstream).

    `cell` may return a tuple, whose first entry counts.
    """
    upstream = Tensor(np.asarray(upstream, np.float32))

    def loss(*arguments):
        out = cell(*arguments)
        if isinstance(out, tuple):
            out = out[0]
        return (out * upstream).sum()

    weights = list(parameters)
    tensors = [Tensor(x) if isinstance(x, np.ndarray) else x for x in inputs]
    if not weights:
        return ms.grad(loss, 0)(*tensors).asnumpy(), {}
    d_input, d_weights = ms.grad(loss, 0, weights)(*tensors)
    return d_input.asnumpy(), {p.name: g.asnumpy() for p, g in zip(weights, d_weights, strict=False)}
