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
"""The one way to give a parameter a new value.

`Parameter.set_data` swaps the tensor that a parameter holds; a compiled graph that updates the
parameter goes on with the old one, and writes that back. The assign operator writes into the memory
that every graph knows.
"""

import numpy as np
from mindspore import Parameter, Tensor, ops


def assign(parameter: Parameter, value: np.ndarray) -> None:
    """Copy `value`, of the parameter's shape, into it, for every graph that was or will be compiled."""
    ops.assign(parameter, Tensor(np.asarray(value), parameter.dtype))
