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
"""The budget as a loss term: two hinges, on the mean width and on the mean BitOPs of a batch.

    L = a max(0, bbar - t) + a' max(0, O / O_t - 1) + c (1 - I)
    bbar = mean over images, layers (and weights / activations) of sum_k m_k b_k
    O = mean over images of the BitOPs of their plans; O_t = BitOPs with all dynamic layers at t

    I = (H(mean p) - mean H(p)) / log K, mean over layers; p = softmax(controller)

O may count the milliseconds of a machine in place of BitOPs (priced.py), by a table of its layers.
All means are over the images of all workers. The first two terms are zero under the budget. I is
the mutual information of image and width in a batch: 1 where each image is certain of its width and
all widths are equally often chosen, 0 where p is the same for all images. Its gradient vanishes
there, so that a controller which has collapsed stays so.

Source: DQNet's code (the first term), its paper's Bit-FLOPs constraint (the second; dividing by the
target is our choice, so that a' does not depend on the network); the third is ours.
"""

import numpy as np
from mindspore import Tensor, nn, ops

from src.cost.bitops import CostModel
from src.cost.latency import LatencyCost
from src.methods.priced import price_table

TINY = 1e-12  # keeps the logarithm of a share finite


class BudgetPenalty(nn.Cell):
    """(plan, p), each (N, layers, columns, K) -> numbers: penalty, mean_bits, bitops, entropy.

    The plan is one-hot; p, the controller's probabilities, enters I alone.
    `price`, if given, is what the hinge counts in place of BitOPs.
    Entropy is that of the batch's choices per layer, averaged over layers, 1 = all candidates
    equally often, 0 = one choice for every image (a collapsed controller).
    """

    def __init__(
        self, cost: CostModel, widths: tuple[int, ...], target: int,
        alpha_bits: float, alpha_bitops: float, diversity: float, price: LatencyCost | None = None,
    ):  # fmt: skip
        super().__init__()
        self.fixed = float(cost.fixed())
        self.target = float(target)
        self.target_bitops = float(cost.with_dynamic_at(target))
        self.alpha_bits, self.alpha_bitops, self.diversity = alpha_bits, alpha_bitops, diversity
        self.bits = Tensor(np.array(widths, np.float32))
        # In units of the target, so that float32 holds the sum well.
        self.share = Tensor((cost.macs / self.target_bitops).astype(np.float32))
        self.is_priced = price is not None
        if self.is_priced:
            most = price.with_dynamic_at(target)
            self.fixed_price = price.fixed() / most
            self.prices = Tensor((price_table(price) / most).astype(np.float32))
        self.entropy_unit = float(np.log(len(widths)))
        self.over_workers = nn.Identity()

    def join_workers(self, mean: nn.Cell) -> None:
        """Take means over several workers' images: `mean` gives the average of their values."""
        self.over_workers = mean

    def construct(self, plan, p):
        bits = (plan * self.bits).sum(-1)  # (N, layers, columns)
        mean_bits = self.over_workers(bits.mean())
        relative = self.relative(plan)
        penalty = self.alpha_bits * ops.relu(mean_bits - self.target)
        penalty = penalty + self.alpha_bitops * ops.relu(self.priced(plan) - 1.0)
        if self.diversity > 0:
            information = self._entropy(p) - self.over_workers(self._in_units(p))
            penalty = penalty + self.diversity * (1.0 - information)
        return {
            "penalty": penalty,
            "mean_bits": mean_bits,
            "bitops": relative * self.target_bitops,
            "entropy": self._entropy(plan),
        }

    def relative(self, plan):
        """BitOPs of a plan, hard or soft, as a share of those at the target; mean over images."""
        bits = (plan * self.bits).sum(-1)
        share = (self._products(plan, bits) @ self.share).mean()
        return self.over_workers(share) + self.fixed / self.target_bitops

    def priced(self, plan):
        """What a plan costs, hard or soft, as a share of the price at the target; mean over images."""
        if not self.is_priced:
            return self.relative(plan)
        chosen = plan[:, :, 0]  # (N, layers, K)
        if plan.shape[2] == 2:
            chosen = chosen.expand_dims(3) * plan[:, :, 1].expand_dims(2)
        share = (chosen * self.prices).sum() / plan.shape[0]
        return self.over_workers(share) + self.fixed_price

    def _products(self, plan, bits):
        """Weight bits x activation bits of each image and layer, (N, layers)."""
        if plan.shape[2] == 1:
            # Tied: b^2 is weighed by the choice itself, which is what a change of choice costs.
            return (plan * self.bits * self.bits).sum((2, 3))
        return bits[:, :, 0] * bits[:, :, 1]

    def _entropy(self, plan):
        """Of the batch's mean, per layer, averaged over layers; 0..1."""
        return self._in_units(self.over_workers(plan.mean(0)))

    def _in_units(self, p):
        """Mean entropy of distributions over the last axis, as a share of the largest, log K."""
        # Not p * ops.log(p): MindSpore's log of a number depends in its last bit on where in the
        # tensor it stands and how threads share the tensor out, so that no training would repeat.
        return -ops.xlogy(p, p + TINY).sum(-1).mean() / self.entropy_unit
