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
"""Levels that no longer change, by operators that old runtimes have: no search and no look-up.

Levels rise in *flights* of equal steps. With u = x / scale, a flight of n steps of g from level l is

    g clip( floor((u - (l + g / 2)) / g) + 1, 0, n )

and the level nearest to u, at a midpoint the upper one, is the lowest level plus all flights. Where
levels are far from evenly spaced most flights are of one step, 6 operators each.
"""

from dataclasses import dataclass

import numpy as np
from mindspore import nn, ops

from src.quantizers.base import constant


@dataclass(frozen=True)
class Flight:
    """Adds step x clip(floor((u - start) / width), 0, count), u in units of the levels."""

    start: float
    width: float
    count: int
    step: int


def flights(levels: np.ndarray) -> list[Flight]:
    """What the lowest of rising integers lacks to the nearest one.

    Args:
        levels: (L,), L >= 1.
    """
    gaps, found, i = np.diff(levels.astype(np.int64)).tolist(), [], 0
    while i < len(gaps):
        count = next((n for n, gap in enumerate(gaps[i:]) if gap != gaps[i]), len(gaps) - i)
        width = gaps[i] if count > 1 else 1  # one step: no division
        middle = float(levels[i]) + gaps[i] / 2
        found.append(Flight(middle - width, width, count, gaps[i]))
        i += count
    return found


class FixedLevels(nn.Cell):
    """x -> values of x on levels; no gradient is defined.

    Args:
        levels: rising integers (L,), L >= 2.
        scale: real units per integer.
    """

    def __init__(self, levels: np.ndarray, scale: np.float32):
        super().__init__()
        self.inverse, self.scale = constant(np.float32(1) / np.float32(scale)), constant(scale)
        self.lowest = constant(levels[0])
        self.flights = nn.CellList([_Climb(flight) for flight in flights(levels)])

    def construct(self, x):
        u = x * self.inverse
        code = self.lowest
        for flight in self.flights:
            code = code + flight(u)
        return code * self.scale


class _Climb(nn.Cell):
    """u -> what a flight adds."""

    def __init__(self, flight: Flight):
        super().__init__()
        self.divides, self.zero = flight.width != 1, constant(0)
        self.start, self.width, self.count, self.step = map(
            constant, (flight.start, flight.width, flight.count, flight.step)
        )

    def construct(self, u):
        steps = u - self.start
        if self.divides:
            steps = steps / self.width
        return ops.minimum(ops.maximum(ops.floor(steps), self.zero), self.count) * self.step
