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
"""A head that decides the widths of all layers at once, from early features (DQNet).

    features (N, C, H, W) -> average-pool to P x P -> FC -> [ReLU] -> dropout -> FC -> logits

DQNet's code pools 56 x 56 to 8 x 8 with a 7 x 7 window; here any size is pooled to P x P by
averaging over P equal (fractional: floor/ceil) windows, which is the same at 56.
Source: Liu et al., CVPR 2022, and the authors' code; the pooling of other sizes is our choice.
"""

import numpy as np
from mindspore import Tensor, nn, ops

from src.controllers.gumbel import draw_gumbel

CERTAIN = 1e6  # far above any logit


def pooling_matrix(size: int, bins: int) -> np.ndarray:
    """(bins, size) float32; row i averages the inputs floor(i s / b) .. ceil((i + 1) s / b) - 1."""
    matrix = np.zeros((bins, size), np.float32)
    for i in range(bins):
        first, last = i * size // bins, -(-(i + 1) * size // bins)
        matrix[i, first:last] = 1.0 / (last - first)
    return matrix


class OneShotHead(nn.Cell):
    """(features (N, C, S, S), keep (N, hidden)) -> logits (N, layers, columns, K).

    Args:
        channels, size: C and S of the features.
        layers: number of layers to choose for.
        columns: 1 when weights and activations share the choice, else 2 (weights, activations).
        choices: K, number of candidate widths.
        pool, hidden: P, and units between the dense layers.
        dropout: share of hidden units dropped in training.
        relu: non-linearity between the dense layers (the authors' code has none).
        shared: one choice for all layers (DQNet's first release).
    """

    def __init__(
        self, channels, size, layers, columns, choices, *,
        pool=8, hidden=64, dropout=0.2, relu=False, shared=False,
    ):  # fmt: skip
        super().__init__()
        self.layers, self.columns, self.choices = layers, columns, choices
        self.pool, self.hidden, self.dropout = pool, hidden, dropout
        self.relu, self.shared = relu, shared
        self.outputs = (1 if shared else layers) * columns * choices
        self.channels = channels
        self.rows = Tensor(pooling_matrix(size, pool))
        self.cols = Tensor(pooling_matrix(size, pool).T.copy())
        self.fc1 = nn.Dense(channels * pool * pool, hidden)
        self.fc2 = nn.Dense(hidden, self.outputs)

    def construct(self, features, keep):
        return self.from_units(self.units(features) * keep)

    def units(self, features):
        """The hidden units (N, hidden), before dropout."""
        pooled = ops.matmul(ops.matmul(self.rows, features), self.cols)
        h = self.fc1(pooled.reshape((features.shape[0], -1)))
        return ops.relu(h) if self.relu else h

    def from_units(self, h):
        """The logits that hidden units lead to."""
        logits = self.fc2(h).reshape((h.shape[0], -1, self.columns, self.choices))
        if self.shared:
            logits = ops.tile(logits, (1, self.layers, 1, 1))
        return logits

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the two dense layers, for one image."""
        return self.channels * self.pool**2 * self.hidden + self.hidden * self.outputs

    def draw(self, rng: np.random.Generator, images: int, progress: float = 0.0) -> tuple:
        """The randomness of one training step: Gumbel noise and dropout's keep factors, whatever
        the progress of the training."""
        layers = 1 if self.shared else self.layers
        noise = draw_gumbel(rng, (images, layers, self.columns, self.choices))
        kept = rng.random((images, self.hidden)) >= self.dropout
        noise = np.tile(noise, (1, self.layers // layers, 1, 1))
        return noise, (kept / (1.0 - self.dropout)).astype(np.float32)

    def no_noise(self, images: int, forced: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """What evaluation uses instead: arg-max, nothing dropped; `forced` is a candidate that
        wins every arg-max."""
        noise = np.zeros((images, self.layers, self.columns, self.choices), np.float32)
        if forced is not None:
            noise[..., forced] = CERTAIN
        return noise, np.ones((images, self.hidden), np.float32)
