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
"""What an integer engine needs of a quantiser: codes, step sizes and widths, as NumPy values.

    weight = code x scale          weight = (2 code + 1) x scale  where codes are odd
    input code = floor(clip(x * inverse) + 0.5),  input = code x scale
    input code = the level nearest to x * inverse, at a midpoint the upper one, where there are levels

A quantiser stores a *variant* for each of its widths, or, where lower widths are the rounded top bits
of a master's code, one variant for all: the master's.
"""

from dataclasses import dataclass

import numpy as np

from src.errors import UserError


@dataclass(frozen=True)
class IntegerWeights:
    """The weights of a layer as integers.

    Attributes:
        codes: int8 (O, I / groups, k, k) of each variant, -2^(b-1) .. 2^(b-1)-1; a dense layer's with
            k = 1.
        scales: float64 (1,), or (O,) where every output channel has a step, of each variant; exact
            float32 values, > 0.
        bits: width of each slot, 1..8.
        master: width of the master's code, 2..8, of which there is one variant; 0: a variant per slot.
        odd: a code c stands for 2 c + 1.
        levels: int8 (2^b,) of each variant, rising: all codes are among them, and are 8 bits wide; b
            bits of an index stand for them. None: all codes of a width occur.
    """

    codes: list[np.ndarray]
    scales: list[np.ndarray]
    bits: tuple[int, ...]
    master: int = 0
    odd: bool = False
    levels: list[np.ndarray] | None = None


@dataclass(frozen=True)
class IntegerInputs:
    """How the input of a layer becomes codes, 0 .. 2^b-1, or signed ones, -2^(b-1) .. 2^(b-1)-1.

    Attributes:
        inverses: codes per real unit of each variant; exact float32 values, > 0.
        scales: real units per code of each variant, likewise.
        bits: width of each slot, 1..8.
        signed: codes begin at -2^(b-1).
        master: as of `IntegerWeights`.
        levels: int16 (2^b,) of each variant, rising: the codes that occur, 0 .. 255, or where `signed`
            -128 .. 127. None: all codes of a width.
    """

    inverses: list[float]
    scales: list[float]
    bits: tuple[int, ...]
    signed: bool
    master: int = 0
    levels: list[np.ndarray] | None = None

    @property
    def stored_bits(self) -> tuple[int, ...]:
        """Width of the codes of each variant."""
        if self.levels is not None:
            return (8,) * len(self.levels)
        return (self.master,) if self.master else self.bits

    @property
    def largest(self) -> float:
        """Largest magnitude of a real value that any slot keeps."""
        if self.levels is not None:
            tops = [int(np.abs(levels).max()) for levels in self.levels]
            return max(s * top for s, top in zip(self.scales, tops, strict=True))
        drops = [self.master - b if self.master else 0 for b in self.bits]
        steps = self.scales * len(drops) if self.master else self.scales
        codes = [2 ** (b - 1) if self.signed else 2**b - 1 for b in self.bits]
        return max(s * 2**d * c for s, d, c in zip(steps, drops, codes, strict=True))


def whole_codes(values: np.ndarray, scale: np.ndarray, odd: bool) -> np.ndarray:
    """The int8 codes of quantised weights.

    Args:
        values: (O, ...), integers (odd ones where `odd`) times the scale.
        scale: (1,) or (O,), > 0.

    Raises:
        UserError: values that 8 bits cannot hold, or that are not finite.
    """
    wide = scale.astype(np.float64).reshape((-1,) + (1,) * (values.ndim - 1))
    number = np.rint(values.astype(np.float64) / wide)
    number = (number - 1) / 2 if odd else number
    if not (np.abs(number + 0.5) < 128).all():
        raise UserError(
            f"weight codes {number.min():g} .. {number.max():g}: an integer program holds -128 .. 127; "
            "are the weights finite?"
        )
    return as_maps(number)


def as_maps(number: np.ndarray) -> np.ndarray:
    """Whole numbers (O, I) or (O, I, k, k) as int8 of four axes."""
    return number.astype(np.int8).reshape(number.shape + (1,) * (4 - number.ndim))
