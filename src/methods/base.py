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
"""What a method is: a network made of the shared parts, and what its training adds to the task loss."""

from dataclasses import dataclass, field

import numpy as np
from mindspore import nn

from src.cost.bitops import CostModel


@dataclass
class Method:
    """A network that is ready to be trained or evaluated.

    Attributes:
        name: as in `method.name`.
        network: cell (image, *noise) -> (logits, plan), or (image) -> logits without a controller.
        rows: the layer table (`layers.json`).
        cost: prices plans.
        widths: candidate widths in bits, () without a controller.
        penalty: cell (plan, p) -> (loss term, mean bits, mean BitOPs, entropy), or None.
        head: who draws the controller's noise (`draw`, `no_noise`), or None.
        sample: evaluation draws widths too.
        targets: what the metrics compare with.
        consistency: weight of the task loss of the logits that the network returns last in training.
        forced: candidate that all dynamic layers take in evaluation, instead of the controller's.
    """

    name: str
    network: nn.Cell
    rows: list[dict]
    cost: CostModel
    widths: tuple[int, ...] = ()
    penalty: nn.Cell | None = None
    head: nn.Cell | None = None
    sample: bool = False
    targets: dict = field(default_factory=dict)
    consistency: float = 0.0
    forced: int | None = None

    def noise(
        self, rng: np.random.Generator, images: int, train: bool, progress: float = 0.0
    ) -> tuple:
        """The host's share of randomness for one batch; () without a controller.

        Args:
            progress: share of the training that is done, 0..1.
        """
        if self.head is None:
            return ()
        if train:
            return self.head.draw(rng, images, progress)
        still = self.head.no_noise(images, self.forced)
        if not self.sample:
            return still
        return (self.head.draw(rng, images, progress)[0], *still[1:])
