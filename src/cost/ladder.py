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
"""Escalation: answer at a low width first, and again at a higher one where that answer is unsure.

A *rung* is a width at which the whole network can run. An image starts at the first rung of a setting;
where its margin there (best minus second-best logit) is below the rung's threshold, the next rung
answers it. A *ladder* holds the settings that are worth having, each with what it costs and gets right
on images held out from training, so that a budget, a mean over images, picks one without training
anything. The idea is that of cascades (CascadeCNN, arXiv 1807.05053; with the margin of the logits as
signal: our choice). NumPy only.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from itertools import combinations

import numpy as np

from src.cost.ladder_check import fault_of
from src.errors import UserError

MOST_ROWS = 32  # of a ladder
# Thresholds that are tried: a coarse grid, so that a row's figures are hardly those of a lucky one.
FINEST_STEPS = 50  # shares of the images that reach a rung, steps of 2 %
MOST_SETTINGS = 625  # of a set of rungs: with three 25 x 25, steps of 4 %
LIKE_TOP = 0.0005  # how far below the widest rung's top-1 counts as level with it


@dataclass(frozen=True)
class Row:
    """One setting of the knob.

    Attributes:
        bits: widths of its rungs, rising; one alone: that width for all images.
        margins: thresholds of all rungs but the last, in units of the logits: real, or in an
            artefact integers. An image whose margin is below it goes on to the next rung.
        bitops: mean over the held-out images, every pass counted, what is kept between passes once.
        top1: on the held-out images, 0..1.
    """

    bits: tuple[int, ...]
    margins: tuple[float, ...]
    bitops: float
    top1: float


@dataclass(frozen=True)
class Ladder:
    """Settings from the cheapest to the best.

    Attributes:
        bits: widths at which the whole network can run, rising.
        costs: BitOPs of a first pass at each.
        again: BitOPs of a later pass at each, without what the passes share: layers of fixed width
            before the first dynamic one, the controller.
        top1: of each width alone on the held-out images, 0..1.
        rows: rising in bitops and in top1, at most `MOST_ROWS`.
    """

    bits: tuple[int, ...]
    costs: tuple[int, ...]
    again: tuple[int, ...]
    top1: tuple[float, ...]
    rows: tuple[Row, ...]

    def at(self, budget: float) -> Row:
        """The dearest row of at most `budget` BitOPs, a mean over images.

        Raises:
            UserError: even the cheapest costs more.
        """
        fitting = [row for row in self.rows if row.bitops <= budget]
        if not fitting:
            raise UserError(
                f"a budget of {budget / 1e6:.4g} M BitOPs: the cheapest setting of this network "
                f"costs {self.rows[0].bitops / 1e6:.4g} M; allow at least that"
            )
        return fitting[-1]

    def cheapest_like_top(self, slack: float = LIKE_TOP) -> Row:
        """The cheapest row that is at most `slack` (of top-1) worse than the widest rung alone."""
        return next(row for row in self.rows if row.top1 >= self.top1[-1] - slack)

    def totals(self, row: Row) -> tuple[int, ...]:
        """BitOPs of an image that ends at each rung of a row, every pass counted."""
        passes = [self.again[self.bits.index(bits)] for bits in row.bits]
        passes[0] = self.costs[self.bits.index(row.bits[0])]
        return tuple(int(total) for total in np.cumsum(passes))

    def as_integers(self, exponent: int) -> "Ladder":
        """With thresholds for logits that are integers, real values x 2^exponent."""

        def whole(row: Row) -> Row:
            margins = tuple(int(np.floor(m * 2.0**exponent + 0.5)) for m in row.margins)
            return replace(row, margins=margins)

        return replace(self, rows=tuple(map(whole, self.rows)))

    def as_dict(self) -> dict:
        """As JSON holds it; `usual` is the place of `cheapest_like_top` among the rows."""
        return asdict(self) | {"usual": self.rows.index(self.cheapest_like_top())}

    @classmethod
    def from_dict(cls, values: dict) -> "Ladder":
        """The ladder that `as_dict` gave.

        Raises:
            UserError: something else; the text says what is wrong with it, not where it was found.
        """
        return _checked(values)


def climb(margins: np.ndarray, thresholds: tuple[float, ...]) -> np.ndarray:
    """The rung at which each image ends, int64 (N,): the definition of escalation.

    Args:
        margins: (rungs, N), of each image at each rung; the last rung's do not matter.
        thresholds: of all rungs but the last.
    """
    if margins.dtype.kind == "f":
        margins = margins.astype(np.float64)  # a threshold must not be rounded to theirs
    ends = np.zeros(margins.shape[1], np.int64)
    for rung, threshold in enumerate(thresholds):
        ends[(ends == rung) & (margins[rung] < threshold)] = rung + 1
    return ends


def margin_of(logits: np.ndarray) -> np.ndarray:
    """Best minus second-best logit of each image, (N, classes) -> (N,); of integers int64."""
    wide = logits.astype(np.int64) if logits.dtype.kind in "iu" else logits
    best = np.partition(wide, -2, axis=1)[:, -2:]
    return best[:, 1] - best[:, 0]


def fit(bits, costs, again, margins: np.ndarray, right: np.ndarray) -> Ladder:
    """The ladder of a network, from its answers to held-out images at every rung.

    All sets of rungs are tried, with thresholds at quantiles of the margins of the images that reach
    a rung; what some other setting beats in cost and top-1 is left out.

    Args:
        bits: R widths, rising.
        costs, again: R BitOPs each, as in `Ladder`.
        margins: (R, N) best minus second-best logit.
        right: bool (R, N), whether the answer at a rung is.

    Raises:
        UserError: no images.
    """
    if not right.shape[1]:
        raise UserError(
            "a ladder needs images that were held out from training: set data.val_split"
        )
    bare = Ladder(
        *(tuple(map(int, one)) for one in (bits, costs, again)), tuple(right.mean(1).tolist()), ()
    )
    rungs = range(len(bare.bits))
    found = []
    for count in range(1, len(rungs) + 1):
        for path in map(list, combinations(rungs, count)):
            widths = tuple(bare.bits[rung] for rung in path)
            for thresholds in _thresholds(margins[path[:-1]], _steps(count)):
                ends = climb(margins[path], thresholds)
                found.append(_measured(bare, Row(widths, thresholds, 0, 0), ends, right[path]))
    return replace(bare, rows=_spread(_front(found)))


def _measured(ladder: Ladder, row: Row, ends: np.ndarray, right: np.ndarray) -> Row:
    """With the cost and top-1 of images that end at `ends`; right (rungs of the row, N)."""
    cost, hits = np.array(ladder.totals(row))[ends], right[ends, np.arange(len(ends))]
    return replace(row, bitops=float(cost.mean()), top1=float(hits.mean()))


def _steps(count: int) -> int:
    """Quantiles tried at each of the rungs of a set that can be left upwards."""
    return FINEST_STEPS if count < 2 else min(FINEST_STEPS, int(MOST_SETTINGS ** (1 / (count - 1))))


def _thresholds(margins: np.ndarray, steps: int) -> Iterator[tuple[float, ...]]:
    """Thresholds for all combinations of quantiles; margins (rungs without the last, N)."""
    if not len(margins):
        yield ()
        return
    for threshold in _quantiles(margins[0], steps):
        for others in _thresholds(margins[1:, margins[0] < threshold], steps):
            yield threshold, *others


def _quantiles(margins: np.ndarray, steps: int) -> list[float]:
    """Thresholds that let 1 / steps, 2 / steps, ... of the images go on, not none and not all:
    half-way between the margins of two images, so that neither of them decides."""
    values = np.sort(margins)
    places = np.unique(np.arange(1, steps) * len(values) // steps)
    lower, upper = values[places[places > 0] - 1], values[places[places > 0]]
    return np.unique(((lower + upper) / 2)[lower < upper]).tolist()


def _front(rows: list[Row]) -> list[Row]:
    """Those that no other beats: rising in both; of equals that of the fewest rungs."""
    front = []
    for row in sorted(rows, key=lambda row: (row.bitops, -row.top1, len(row.bits))):
        if not front or row.top1 > front[-1].top1:
            front.append(row)
    return front


def _spread(front: list[Row]) -> tuple[Row, ...]:
    """At most MOST_ROWS of them: the cheapest, and the best of each of equal steps of log cost."""
    if len(front) <= MOST_ROWS:
        return tuple(front)
    log_cost = np.log([row.bitops for row in front])
    ends = np.linspace(log_cost[0], log_cost[-1], MOST_ROWS)[1:]
    last = np.searchsorted(log_cost, ends * (1 + 1e-12), side="right") - 1
    return tuple(front[place] for place in sorted({0, *last.tolist()}))


def _checked(values: dict) -> Ladder:
    """The ladder in a JSON object. UserError: it holds none."""
    try:
        rows = tuple(
            Row(_tuple(row["bits"]), _tuple(row["margins"]), row["bitops"], row["top1"])
            for row in values["rows"]
        )
        ladder = Ladder(
            *(_tuple(values[name]) for name in ("bits", "costs", "again", "top1")), rows
        )
        wrong = fault_of(ladder)
    except (KeyError, TypeError) as error:
        raise UserError(
            "a ladder holds bits, costs, again, top1 and rows of bits, margins, bitops and top1: "
            f"{type(error).__name__} {error}"
        ) from error
    if wrong:
        raise UserError(f"a ladder's {wrong}")
    return ladder


def _tuple(values) -> tuple:
    if not isinstance(values, list | tuple):
        raise TypeError(f"{values!r:.40} is no list")
    return tuple(values)
