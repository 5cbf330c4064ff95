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
"""Quantisers in plain PyTorch, as users of LSQ and DoReFa write them.

    LSQ        v = clamp(x / s, Qn, Qp); x_q = round(v) s, round straight-through, the gradient of
               s times 1 / sqrt(N Qp)                     (Esser et al., ICLR 2020, arXiv 1902.08153)
    DoReFa     u = tanh(w) / (2 max|tanh(w)|) + 1/2, w_q = 2 q_k(u) - 1; x_q = q_k(clamp(x, 0, 1)),
               q_k(u) = round(u (2^k - 1)) / (2^k - 1)    (Zhou et al., 2016, arXiv 1606.06160)

A hand-written backward pass for LSQ, and PyTorch's own learnable fake quantiser, were not faster.
PyTorch is imported inside functions: it is no requirement of the project.
"""

import functools


@functools.cache
def rounding():
    """torch.round with the gradient of the identity."""
    import torch

    class Round(torch.autograd.Function):
        @staticmethod
        def forward(context, x):
            return torch.round(x)

        @staticmethod
        def backward(context, gradient):
            return gradient

    return Round.apply


def lsq(x, step, low: int, high: int, shared: int):
    """x on the grid of a learned step (1,); codes low..high; `shared`: values that share the step."""
    factor = (shared * high) ** -0.5
    step = (step * (1 - factor)).detach() + step * factor
    return rounding()((x / step).clamp(low, high)) * step


def first_step(x, high: int):
    """2 mean|x| / sqrt(high), shape (1,)."""
    return (2 * x.detach().abs().mean() / high**0.5).reshape(1)


def dorefa_weight(weight, bits: int):
    """Odd codes over 2^bits - 1, in -1..1."""
    import torch

    top = 2**bits - 1
    t = torch.tanh(weight)
    return 2 * rounding()((t / (2 * t.abs().max()) + 0.5) * top) / top - 1


def dorefa_input(x, bits: int):
    """Codes over 2^bits - 1, in 0..1."""
    top = 2**bits - 1
    return rounding()(x.clamp(0, 1) * top) / top


def dorefa_signed_input(x, bits: int):
    """Codes -2^(bits-1) .. 2^(bits-1)-1 over the largest: what a linear layer gives."""
    top = 2 ** (bits - 1) - 1
    return rounding()((x * top).clamp(-top - 1, top)) / top
