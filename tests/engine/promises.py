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
"""What check.py says of a program's registers, against what the oracle writes into them."""

import numpy as np

from src.engine.check import Register, check
from src.engine.integers import INT32, limits
from src.engine.oracle import Oracle
from src.engine.program import Program


def broken_promises(program: Program, image: np.ndarray, plan=None, row: int = 0) -> list[str]:
    """One line for each register that is not of the kind, shape and range that check.py told."""
    registers = Oracle(program).trace(image, plan, row)
    return [
        f"register {i}: {values.dtype} {values.shape}, {values.min()}..{values.max()}: {register}"
        for i, (register, values) in enumerate(zip(check(program), registers, strict=True))
        if values is not None and not _keeps(register, values)
    ]


def _keeps(register: Register, values: np.ndarray) -> bool:
    if register.kind == "plan":
        shape, low, high = register.shape[:2], 0, register.shape[2] - 1
    else:
        shape, low, high = register.shape, INT32.min, INT32.max
        if register.kind == "codes":
            low, high = limits(register.bits, register.signed)
    inside = low <= values.min() and values.max() <= high
    return values.shape == shape and values.dtype == np.int64 and bool(inside)
