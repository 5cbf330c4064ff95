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
"""Is the choice of widths worth anything? Every image is given another image's plan (shuffle test).

The histogram of plans, and with it the mean cost, stays as it is. If accuracy does not fall, it is of no
use that the widths differ from image to image. Whether a fall is more than chance is McNemar's
test (1947), exact and one-sided, on the images whose answer is right under one of the two plans alone:
if the choice were worth nothing, each of them would be as likely to be so under either.
"""

import numpy as np

from src.cost.correlation import rank_correlation
from src.data.chance import at_least, paired
from src.train.evaluate import Answers

SIGNIFICANT = 0.05  # largest p of a fall that is not put down to chance


def others(images: int, seed: int) -> np.ndarray:
    """For each image one whose plan it gets, int64 (N,): each once, and nobody its own (unless alone)."""
    order = np.random.default_rng(seed).permutation(images)
    donor = np.empty(images, np.int64)
    donor[order] = np.roll(order, 1)
    return donor


def p_of_fall(own: np.ndarray, shuffled: np.ndarray) -> float:
    """How likely at least this fall would be by chance, 0..1; both bool (N,), the right answers."""
    found = paired(own, shuffled)
    return at_least(found.first_alone, found.differing)


def worth(own: Answers, shuffled: Answers, hardness: np.ndarray) -> dict:
    """What `eval/<split>.json` says of the choice.

    Args:
        hardness: float (N,), the loss of each image at the lowest uniform width, which does not
            depend on the choice.
    """
    p = p_of_fall(own.right, shuffled.right)
    return {
        "shuffled_top1": float(shuffled.right.mean()),
        "shuffled_p": p,
        "choice_pays": p <= SIGNIFICANT,
        "hardness_correlation": rank_correlation(own.bitops, hardness) or 0.0,  # None: of one cost
    }


def told(numbers: dict) -> str:
    """The line on it in the log."""
    says = "pays" if numbers["choice_pays"] else "is worth nothing beyond chance"
    return (
        f"the choice of widths {says}: top-1 {numbers['top1']:.2%}, with every image at another's widths "
        f"{numbers['shuffled_top1']:.2%} (p = {numbers['shuffled_p']:.2g}); rank correlation of cost with "
        f"hardness {numbers['hardness_correlation']:+.2f}"
    )
