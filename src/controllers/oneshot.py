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
"""The one-shot head: one decision for all layers, from features or the image.

    features (N, C, H, W) -> average-pool to P x P -> FC -> [ReLU] -> dropout -> FC -> logits
    plan = hard Gumbel-softmax of the logits (gumbel.py)

DQNet's code pools 56 x 56 to 8 x 8 with a 7 x 7 window; here any size is pooled to P x P by
averaging over P equal (fractional: floor/ceil) windows, which is the same at 56.
Source: Liu et al., CVPR 2022, and the authors' code; the pooling of other sizes is our choice.
"""

import numpy as np
from mindspore import Tensor, nn, ops

from src.controllers.base import BEGIN, Controller, Decision
from src.controllers.gumbel import draw_gumbel, forcing_noise, hard_choice


def pooling_matrix(size: int, bins: int) -> np.ndarray:
    """(bins, size) float32; row i averages the inputs floor(i s / b) .. ceil((i + 1) s / b) - 1."""
    matrix = np.zeros((bins, size), np.float32)
    for i in range(bins):
        first, last = i * size // bins, -(-(i + 1) * size // bins)
        matrix[i, first:last] = 1.0 / (last - first)
    return matrix


class OneShotHead(Controller):
    """(features (N, C, S, S), noise, keep (N, hidden), tau (1,)) -> the whole plan, in `begin`.

    Args:
        channels, size: C and S of the features.
        slots, columns, choices: see `Controller`.
        pool, hidden: P, at most S, and units between the dense layers.
        dropout: share of hidden units dropped in training.
        relu: non-linearity between the dense layers (the authors' code has none).
        shared: one choice for all layers (DQNet's first release).
        tau: temperature of the choice at the first step and at the last; it falls geometrically.
        fading: the noise falls linearly to none, so that training ends with the widths of evaluation.
    """

    inputs = 3

    def __init__(
        self, channels, size, slots, columns, choices, *,
        pool=8, hidden=64, dropout=0.2, relu=False, shared=False, tau=(1.0, 1.0), fading=False,
    ):  # fmt: skip
        super().__init__(slots, columns, choices)
        self.pool = pool = min(pool, size)
        self.hidden, self.dropout = hidden, dropout
        self.relu, self.shared, self.tau, self.fading = relu, shared, tau, fading
        self.outputs = (1 if shared else slots) * columns * choices
        self.channels, self.side = channels, size
        self.rows = Tensor(pooling_matrix(size, pool))
        self.cols = Tensor(pooling_matrix(size, pool).T.copy())
        self.fc1 = nn.Dense(channels * pool * pool, hidden)
        self.fc2 = nn.Dense(hidden, self.outputs)

    def begin(self, x, noise, keep, tau):
        units = self.units(x)
        logits = self.from_units(units * keep)
        plan = hard_choice(logits, noise, tau)
        if self.dropout > 0:  # what it thinks of the image alone
            logits = self.from_units(units)
        return plan, logits

    def choose(self, slot, x, state):
        return state[0][:, slot], state

    def plan(self, state):
        return state[0]

    def soft(self, state):
        return ops.softmax(state[1], -1)

    def units(self, features):
        """The hidden units (N, hidden), before dropout."""
        pooled = ops.matmul(ops.matmul(self.rows, features), self.cols)
        h = self.fc1(pooled.reshape((features.shape[0], -1)))
        return ops.relu(h) if self.relu else h

    def from_units(self, h):
        """The logits (N, slots, columns, K) that hidden units lead to."""
        logits = self.fc2(h).reshape((h.shape[0], -1, self.columns, self.choices))
        if self.shared:
            logits = ops.tile(logits, (1, self.slots, 1, 1))
        return logits

    @property
    def macs(self) -> int:
        """Of the two dense layers."""
        return self.channels * self.pool**2 * self.hidden + self.hidden * self.outputs

    def draw(self, rng: np.random.Generator, images: int, done: float = 0.0) -> tuple:
        """Gumbel noise, dropout's keep factors and the temperature of one training step."""
        slots = 1 if self.shared else self.slots
        noise = draw_gumbel(rng, (images, slots, self.columns, self.choices))
        kept = rng.random((images, self.hidden)) >= self.dropout
        noise = np.tile(noise, (1, self.slots // slots, 1, 1))
        if self.fading:
            noise *= 1 - done
        first, last = self.tau
        tau = np.array([first * (last / first) ** done], np.float32)
        return noise, (kept / (1.0 - self.dropout)).astype(np.float32), tau

    def still(self, images: int, forced: int | np.ndarray | None = None) -> tuple:
        """Arg-max, nothing dropped; forced candidates win every arg-max."""
        noise = forcing_noise(forced, (images, self.slots, self.columns, self.choices))
        return noise, np.ones((images, self.hidden), np.float32), np.ones(1, np.float32)

    def decisions(self) -> list[Decision]:
        dense = tuple(
            (layer.weight.asnumpy(), layer.bias.asnumpy(), relu)
            for layer, relu in ((self.fc1, self.relu), (self.fc2, False))
        )
        return [Decision(0, self.slots, self.shared, BEGIN, self.side, self.pool, dense)]
