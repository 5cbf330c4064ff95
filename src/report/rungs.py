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
"""What an escalating net did with the test images: who was answered at which rung, easy and hard ones.

Easy is an image whose first answer was sure enough; hard one that climbed to the top. Sure is what the
net is by its own margin, the best minus the second-best logit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from src.report.load import Evaluation
from src.report.stats import is_correct


@dataclass(frozen=True)
class Rung:
    """The images that a rung answered; `bits` is its width, 0 where the layers differ in theirs."""

    bits: int
    images: int
    share: float
    accuracy: float
    bitops: float

    @property
    def name(self) -> str:
        return f"{self.bits} bits" if self.bits else "a mixed plan"


def rungs(evaluation: Evaluation) -> list[Rung]:
    """Those that answered an image, from the lowest; empty for a net that does not climb."""
    if not evaluation.climbs:
        return []
    at, correct = evaluation.arrays["rung"], is_correct(evaluation)
    found = []
    for rung in np.unique(at):
        mine = at == rung
        widths = np.unique(evaluation.arrays["w_bits"][mine])
        found.append(
            Rung(
                int(widths[0]) if len(widths) == 1 else 0,
                int(mine.sum()),
                float(mine.mean()),
                float(correct[mine].mean()),
                float(evaluation.arrays["bitops"][mine].mean()),
            )
        )
    return found


def easiest(evaluation: Evaluation, n: int) -> np.ndarray:
    """Positions of images that the lowest rung answered, the surest first."""
    at, sure = evaluation.arrays["rung"], _margins(evaluation)
    chosen = np.flatnonzero(at == at.min())
    return chosen[np.argsort(-sure[chosen], kind="stable")][:n]


def hardest(evaluation: Evaluation, n: int) -> np.ndarray:
    """Positions of images that climbed to the top, the least sure there first."""
    at, sure = evaluation.arrays["rung"], _margins(evaluation)
    chosen = np.flatnonzero(at == at.max())
    return chosen[np.argsort(sure[chosen], kind="stable")][:n]


def _margins(evaluation: Evaluation) -> np.ndarray:
    return evaluation.arrays.get("margin", evaluation.arrays["confidence"])
