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
"""Operations as the artefact's table of numbers, and back; also the table of format version 1.

A row is the operation's code and its numbers in the order of their declaration, zeros behind.
Version 1 had a flag `relu` in place of the bounds low and high, one Choose that decided the whole plan,
and biases that no choice changed.
"""

import numpy as np

from src.engine.declaration import Operation
from src.engine.integers import INT32
from src.engine.operations import OPERATIONS, Add, Affine, Choose, Conv

FIELDS = 1 + max(len(op.declared()) for op in OPERATIONS.values())
FIELDS_1 = 15  # of version 1


def as_table(operations: list[Operation]) -> np.ndarray:
    """int64 (operations, FIELDS)."""
    table = np.zeros((len(operations), FIELDS), np.int64)
    for row, op in zip(table, operations, strict=True):
        row[0] = op.CODE
        row[1 : 1 + len(op.numbers)] = op.numbers
    return table


def from_table(table: np.ndarray) -> list[Operation]:
    """The operations of a table (operations, FIELDS), without arrays.

    Raises:
        ValueError: unknown code, or numbers left over.
    """
    operations = []
    for i, (code, *numbers) in enumerate(table.tolist()):
        kind = _kind(i, code)
        count = len(kind.declared())
        if any(numbers[count:]):
            raise ValueError(f"operation {i}: {kind.__name__} has only {count} numbers")
        operations.append(kind(*numbers[:count]))
    return operations


def from_table_1(table: np.ndarray) -> np.ndarray:
    """The table (operations, FIELDS) that stands for one of version 1 (operations, FIELDS_1).

    Raises:
        ValueError: unknown code, a relu that is no flag, or numbers left over.
    """
    converted = np.zeros((len(table), FIELDS), np.int64)
    converted[:, :FIELDS_1] = table
    for i, (row, old) in enumerate(zip(converted, table, strict=True)):
        kind = _kind(i, int(old[0]))
        if issubclass(kind, Conv | Affine | Add):
            low = list(kind.declared()).index("low") + 1
            if old[low] not in (0, 1) or old[low + 1 :].any():
                raise ValueError(
                    f"operation {i} ({kind.__name__}): relu {old[low]}; allowed are 0..1"
                )
            row[low : low + 2] = 0 if old[low] else INT32.min, INT32.max
        elif kind is Choose:
            slot = list(kind.declared()).index("slot") + 1
            row[slot], row[slot + 1 : FIELDS_1 + 1] = 0, old[slot:]
    return converted


def arrays_of_1(op: Operation) -> None:
    """Give a convolution of version 1 the shape that its bias has now, in place."""
    bias = op.arrays.get("bias")
    if isinstance(op, Conv) and bias is not None and bias.ndim == 2:
        op.arrays["bias"] = bias[:, None, None]


def _kind(i: int, code: int) -> type[Operation]:
    kind = OPERATIONS.get(code)
    if kind is None:
        raise ValueError(f"operation {i}: unknown code {code}")
    return kind
