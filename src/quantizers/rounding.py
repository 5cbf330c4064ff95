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
"""THE rounding rule of the project: floor(v + 0.5), ties towards plus infinity.

It equals an arithmetic right shift after adding half of the divisor, which is what the integer
kernels do. Framework `round` (half to even) disagrees with shifts and is not used anywhere.
Source: our choice; the C++ core repeats it once, and a test ties the two.
"""

from mindspore import Tensor, ops


def round_half_up(v: Tensor) -> Tensor:
    """Nearest integer of each element, ties up. Any float shape and dtype, same on return."""
    return ops.floor(v + 0.5)


def straight_through(value: Tensor, carrier: Tensor) -> Tensor:
    """`value` exactly in the forward pass, the gradient of `carrier` in the backward pass.

    Written as stop(value) + (carrier - stop(carrier)): the bracket is exactly zero, while the more
    usual carrier + stop(value - carrier) rounds twice and leaves the grid.
    """
    return ops.stop_gradient(value) + (carrier - ops.stop_gradient(carrier))
