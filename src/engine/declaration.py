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
"""How an integer operation is declared: its numbers, its arrays, what it reads and writes.

The dataclasses of operations.py carry their declaration as metadata of their fields. From it follow the
artefact's table and arrays (table.py, artefact.py), the structural part of both checkers
(structure.py; csrc/engine/structure.cc), the header that C++ reads it from (csrc/engine/operations.h)
and the table in README.md; the last two are written by `python -m src.engine.declare`.
"""

from dataclasses import MISSING, dataclass, field, fields
from functools import cache
from typing import ClassVar

from src.engine.integers import INT32

LARGEST_SIDE, LARGEST_CHANNELS = 4096, 65536
LARGEST_OPERATIONS, LARGEST_ROWS = 65536, 64  # of a program
LARGEST_CHOICES, LARGEST_LAYERS = 16, 4096  # of a plan
LARGEST_LEVELS = 256  # of a quantiser
LARGEST_SHIFT = 60
LARGEST_BITOPS = 2**48  # of an image

# What a dimension of an array may be, beside a size and the name of one of the operation's numbers.
DIMENSIONS = {
    "R": "rows of statistics of the program",
    "C": "channels of register x",
    "I": "channels of register x in each group",
    "K": f"candidates, 1..{LARGEST_CHOICES}; one size within an operation",
    "L": f"levels, 1..{LARGEST_LEVELS}; one size within an operation",
    "1|K": "K, or 1 where the values do not depend on the choice",
}


@dataclass(frozen=True)
class Number:
    """A number of an operation.

    Attributes:
        low, high: its range, both ends included.
        meaning: in a few words.
        reads: it names a register of this kind, codes or wide.
    """

    low: int
    high: int
    meaning: str
    reads: str = ""


@dataclass(frozen=True)
class Array:
    """An array of an operation.

    Attributes:
        name: in `Operation.arrays`; of a packed one <name>.0, <name>.1, ...
        dtype: int8, int32 or int64.
        shape: of each axis a size, the name of a number, or one of DIMENSIONS.
        meaning: in a few words.
        low, high: range of the values, both ends included.
        packed: one for each stored width (see Conv), in the file as codes of that width.
        optional: an operation may be without it; behind all that are not.
    """

    name: str
    dtype: str
    shape: tuple[int | str, ...]
    meaning: str
    low: int = -(2**63)
    high: int = 2**63 - 1
    packed: bool = False
    optional: bool = False

    @property
    def form(self) -> str:
        """Type and shape as text: int64 (2, K)."""
        sides = ", ".join(map(str, self.shape)) + ("," if len(self.shape) == 1 else "")
        return f"{self.dtype} ({sides})"


@dataclass
class Operation:
    """Base of all operations. `arrays`: name -> integer array, as ARRAYS declares them."""

    CODE: ClassVar[int] = -1
    WRITES: ClassVar[str] = (
        "wide"  # kind of its register: codes, wide, plan, or either: codes | wide
    )
    ARRAYS: ClassVar[tuple[Array, ...]] = ()

    @classmethod
    @cache
    def declared(cls) -> dict[str, Number]:
        """The numbers, in the order of the artefact's table."""
        return {f.name: f.metadata["number"] for f in fields(cls) if "number" in f.metadata}

    @property
    def reads(self) -> list[int]:
        """The registers that this operation reads."""
        return [getattr(self, name) for name, n in self.declared().items() if n.reads]

    @property
    def numbers(self) -> list[int]:
        """The values of the numbers."""
        return [getattr(self, name) for name in self.declared()]


def number(low: int, high: int, meaning: str, default=MISSING):
    """A field: a number in low..high."""
    return field(default=default, metadata={"number": Number(low, high, meaning)})


def flag(meaning: str):
    """A field: 0 or 1."""
    return number(0, 1, meaning)


def register(kind: str):
    """A field: a register of codes, or a wide one, that an operation before has written."""
    last = LARGEST_OPERATIONS - 1
    return field(metadata={"number": Number(0, last, "register read", kind)})


def shift(low: int = 1):
    """A field: bits that a result is shifted right by, rounding."""
    return number(low, LARGEST_SHIFT, "right shift of the result")


def lower_bound():
    """A field: results below it become it."""
    return number(INT32.min, INT32.max, "least value written (ReLU: 0)", INT32.min)


def upper_bound():
    """A field: results above it become it."""
    return number(INT32.min, INT32.max, "largest value written (ReLU6: 6 x 2^exponent)", INT32.max)


def slot():
    """A field: the layer of the plan that decides."""
    return number(-1, LARGEST_LAYERS - 1, "layer of the plan; -1: static")


def column(what: str):
    """A field: the column of the plan that decides."""
    return number(0, 1, f"column of the plan for {what}")


def size(largest: int, meaning: str, least: int = 1):
    """A field: a size."""
    return number(least, largest, meaning)


def arrays():
    """The field `arrays`."""
    return field(default_factory=dict, kw_only=True)
