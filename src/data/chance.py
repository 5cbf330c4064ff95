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
"""How much of a count of right answers chance explains: the interval of an accuracy, two networks on the same
images.

All of it is about the images: as if they were drawn at random from many like them. What another training of
the same network would give is another question.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb, sqrt

import numpy as np

NORMAL_95 = 1.959963984540054  # of a standard normal, 95 % lie within plus and minus this


def interval(right: int, images: int) -> tuple[float, float]:
    """95 % interval of an accuracy, 0..1 (Wilson 1927); `images` is at least 1."""
    share, z2 = right / images, NORMAL_95**2
    middle = (share + z2 / (2 * images)) / (1 + z2 / images)
    half = NORMAL_95 * sqrt(share * (1 - share) / images + z2 / (4 * images**2)) / (1 + z2 / images)
    return max(0.0, middle - half), min(1.0, middle + half)


def at_least(heads: int, tosses: int) -> float:
    """How likely at least so many heads are in tosses of a fair coin, 0..1; exact."""
    ways, total = comb(tosses, heads), 0
    for k in range(heads, tosses + 1):
        total += ways
        ways = ways * (tosses - k) // (k + 1)
    return total / 2**tosses


@dataclass(frozen=True)
class Paired:
    """Two networks on the same images: how many each alone answers right, of how many."""

    first_alone: int
    second_alone: int
    images: int

    @property
    def differing(self) -> int:
        return self.first_alone + self.second_alone

    @property
    def difference(self) -> float:
        """Accuracy of the second less that of the first, -1..1."""
        return (self.second_alone - self.first_alone) / self.images

    @property
    def p(self) -> float:
        """McNemar's test (1947), exact and two-sided: how likely chance alone divides the images that only one of
        the two answers right as unevenly as this, if each were as likely to be either's."""
        return min(1.0, 2 * at_least(max(self.first_alone, self.second_alone), self.differing))

    def interval(self) -> tuple[float, float]:
        """95 % interval of the difference (Bonett and Price, 2012: Wald's with one image more on either side). Near
        its ends it need not agree with `p`, which is exact."""
        images = self.images + 2
        first, second = (self.first_alone + 1) / images, (self.second_alone + 1) / images
        centre = second - first
        reach = NORMAL_95 * sqrt((first + second - centre**2) / images)
        return max(-1.0, centre - reach), min(1.0, centre + reach)


def paired(first: np.ndarray, second: np.ndarray) -> Paired:
    """Of two networks' right answers to the same images, bool (N,) each."""
    return Paired(int((first & ~second).sum()), int((second & ~first).sum()), len(first))


def holm(ps: Sequence[float]) -> list[float]:
    """The p of several tests, raised so that of all of them together one in 20 errs at most where those below 0.05
    are believed (Holm 1979); in the order of `ps`."""
    order = sorted(range(len(ps)), key=ps.__getitem__)
    raised, largest = [0.0] * len(ps), 0.0
    for done, at in enumerate(order):
        largest = max(largest, min(1.0, (len(ps) - done) * ps[at]))
        raised[at] = largest
    return raised
